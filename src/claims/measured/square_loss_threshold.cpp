// Where square loss begins to polarise: at a radius that grows like log(1 / value_scale).

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "claims/measured/ensemble_states.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/traits.hpp"

namespace softmaxflow::claims {
namespace {

Finding measure(const MeasureContext& context);

}  // namespace

const Measured square_loss_threshold = {
    {"square_loss_threshold",
     "median final max probability crosses 1/2 at B = slope log(1/alpha) + c; slope 1",
     "square loss, value_scale = alpha <= 1e-2, equal logits, arc clock to z = B", "derived",
     "The leader needs an arc of log(1/alpha) to stand out; square loss stops at z = B.",
     model::softmax_map | model::gradient_flow | model::no_decay | model::moving_logits |
         model::single_output,
     model::Mutant::doubled},
    true,
    measure};

namespace {

constexpr double scales[] = {1e-2, 1e-4, 1e-6, 1e-8};
/// B - log(1/alpha), low enough for slopes well below 1.
constexpr double offsets[] = {-6.0, -5.5, -5.0, -4.5, -4.0, -3.5, -3.0, -2.5, -2.0,
                              -1.5, -1.0, -0.5, 0.0,  0.5,  1.0,  1.5,  2.0,  2.5};
constexpr std::size_t scale_count = std::size(scales), offset_count = std::size(offsets);
constexpr double expected = 1.0, allowance = 0.02;

/// Final max probability of every replica at one scale and radius.
std::vector<double> peaks(const MeasureContext& context, double scale, double radius) {
    Config config = context.base.config;
    const auto count = static_cast<std::size_t>(config.ensemble.replicas);
    if (radius <= 0.0) return std::vector<double>(count, 1.0 / double(config.model.tokens));
    config.init.value_scale = scale;
    config.objective.radius = radius;
    config.ensemble.common_random_numbers = true;
    config.dynamics.clock = "arc";
    config.dynamics.horizon = 10.0 * (radius + 10.0);  // z = B comes before
    config.record = {};
    config.record.bins = 8;
    config.record.states = config.ensemble.replicas;
    config.record.checkpoint_list = {config.dynamics.horizon};
    Problem problem = context.problem_of(config);
    if (context.mutant)
        problem.monitor.mutant = static_cast<int>(square_loss_threshold.claim.mutant);
    std::vector<double> found(count);
    for_each_state(context, problem,
                   [&](const StateRecord& state, const BlockResult& block, std::size_t i) {
                       const auto last = state.columns[state_column::probability].end();
                       found[static_cast<std::size_t>(state.replica)] =
                           is_ok(host::status_of(block, static_cast<std::int64_t>(i)))
                               ? *std::max_element(last - config.model.tokens, last)
                               : std::numeric_limits<double>::quiet_NaN();
                   });
    return found;
}

double median_of(const std::vector<double>& all, const std::vector<std::size_t>& indices) {
    std::vector<double> values;
    for (const std::size_t i : indices)
        if (all[i] == all[i]) values.push_back(all[i]);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// B - log(1/alpha) where the median crosses 1/2, by linear interpolation; NaN if it does not.
double crossing(const std::vector<std::vector<double>>& by_offset,
                const std::vector<std::size_t>& indices) {
    double before = median_of(by_offset[0], indices);
    for (std::size_t k = 1; k < offset_count; ++k) {
        const double after = median_of(by_offset[k], indices);
        if (before < 0.5 && after >= 0.5)
            return offsets[k - 1] +
                   (offsets[k] - offsets[k - 1]) * (0.5 - before) / (after - before);
        before = after;
    }
    return std::numeric_limits<double>::quiet_NaN();
}

Finding measure(const MeasureContext& context) {
    if (context.base.config.objective.loss != model::Square::name)
        throw Error(Exit::usage,
                    fmt::format("claim square_loss_threshold: needs objective.loss = \"{}\"",
                                model::Square::name));
    std::vector<std::vector<std::vector<double>>> all(scale_count);
    for (std::size_t s = 0; s < scale_count; ++s)
        for (const double offset : offsets)
            all[s].push_back(peaks(context, scales[s], offset + std::log(1.0 / scales[s])));
    const auto slope = [&](const std::vector<std::size_t>& indices) {
        double x_sum = 0, y_sum = 0, xx = 0, xy = 0;
        for (std::size_t s = 0; s < scale_count; ++s) {
            const double x = std::log(1.0 / scales[s]), y = x + crossing(all[s], indices);
            x_sum += x, y_sum += y, xx += x * x, xy += x * y;
        }
        const double n = scale_count;
        return (n * xy - x_sum * y_sum) / (n * xx - x_sum * x_sum);
    };
    Finding finding;
    finding.tally.draws = context.base.config.ensemble.replicas;
    const auto replicas = static_cast<std::size_t>(finding.tally.draws);
    finding.figures.push_back(bootstrap("slope", replicas, context.level, slope));
    for (std::size_t s = 0; s < scale_count; ++s)
        finding.figures.push_back(bootstrap(
            fmt::format("B - log(1/alpha) at alpha = {:g}", scales[s]), replicas, context.level,
            [&](const std::vector<std::size_t>& indices) { return crossing(all[s], indices); }));
    finding.method =
        "crossing of the median by linear interpolation on a grid of radii, common random numbers; "
        "least squares over alpha = 1e-2 ... 1e-8; percentile bootstrap over replicas";
    const Figure& fitted = finding.figures.front();
    const bool crosses = fitted.value == fitted.value;
    const bool fits =
        fitted.low <= expected * (1 + allowance) && fitted.high >= expected * (1 - allowance);
    finding.verdict = fits && crosses ? Verdict::not_refuted : Verdict::refuted;
    finding.sentence = crosses ? fmt::format("slope 1 within {:.0f} % expected", 100 * allowance)
                               : "the median does not cross 1/2 on the grid";
    return finding;
}

}  // namespace
}  // namespace softmaxflow::claims
