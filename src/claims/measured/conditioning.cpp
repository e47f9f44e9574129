// Whether worse conditioned regressions spread the logits further: with the response as drawn, and
// with the norm of the solution held fixed.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "claims/measured/ensemble_states.hpp"
#include "claims/measured/page_trend.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::claims {
namespace {

Finding measure_free(const MeasureContext& context);
Finding measure_fixed(const MeasureContext& context);

}  // namespace

const Measured conditioning_polarises = {
    {"conditioning_polarises", "final logit_range grows with kappa in [1, 5] at t = 300",
     "regression as in [VRF] Figure 3, common random numbers", "open",
     "[VRF] shows one start of each kappa; here Page's trend test.",
     model::softmax_map | model::gradient_flow | model::several_outputs, model::Mutant::swapped},
    true,
    measure_free};

const Measured conditioning_at_fixed_norm = {
    {"conditioning_at_fixed_norm", "the same with |X^+ y| held fixed (objective.solution_norm)",
     "as conditioning_polarises, solution_norm > 0", "doubtful",
     "At norm 4.5 the range stays near 0.2 for kappa 1 ... 5, at 12 near 6: the norm drives it.",
     model::softmax_map | model::gradient_flow | model::several_outputs, model::Mutant::swapped},
    true,
    measure_fixed};

namespace {

constexpr double own_time = 300.0;
constexpr double kappas[] = {1.0, 2.0, 3.0, 4.0, 5.0};

/// Final logit_range of every replica at one condition number, NaN where it failed.
std::vector<double> ranges(const MeasureContext& context, double kappa, double norm) {
    Config config = context.base.config;
    // The mutant has the conditions in the opposite order.
    config.objective.condition_number = context.mutant ? kappas[0] + kappas[4] - kappa : kappa;
    config.objective.solution_norm = norm;
    config.ensemble.common_random_numbers = true;
    config.dynamics.clock = "time";
    config.dynamics.horizon = context.horizon > 0 ? context.horizon : own_time;
    config.record = {};
    config.record.bins = 8;
    config.record.states = config.ensemble.replicas;
    config.record.checkpoint_list = {config.dynamics.horizon};
    const Problem problem = context.problem_of(config);
    std::vector<double> found(static_cast<std::size_t>(config.ensemble.replicas));
    const auto n = config.model.tokens;
    for_each_state(
        context, problem, [&](const StateRecord& state, const BlockResult& block, std::size_t i) {
            const auto last = state.columns[state_column::logits].end(), first = last - n;
            const auto [low, high] = std::minmax_element(first, last);
            found[static_cast<std::size_t>(state.replica)] =
                is_ok(host::status_of(block, static_cast<std::int64_t>(i)))
                    ? *high - *low
                    : std::numeric_limits<double>::quiet_NaN();
        });
    return found;
}

Finding measure(const MeasureContext& context, double norm) {
    Finding finding;
    finding.tally.draws = context.base.config.ensemble.replicas;
    std::vector<std::vector<double>> by_kappa;
    for (const double kappa : kappas) by_kappa.push_back(ranges(context, kappa, norm));
    std::vector<std::vector<double>> blocks;  // (replica, kappa)
    for (std::size_t r = 0; r < by_kappa.front().size(); ++r) {
        std::vector<double> block;
        for (const auto& column : by_kappa) block.push_back(column[r]);
        const bool whole = std::all_of(block.begin(), block.end(), [](double x) { return x == x; });
        if (whole) blocks.push_back(block);
    }
    finding.method =
        "Page's trend test over kappa = 1 ... 5 on common random numbers; medians with percentile "
        "bootstrap over replicas";
    if (blocks.empty()) {
        finding.verdict = Verdict::vacuous;
        return finding;
    }
    const PageTrend trend = page_trend(blocks);
    for (std::size_t k = 0; k < std::size(kappas); ++k)
        finding.figures.push_back(bootstrap(
            fmt::format("median logit_range, kappa = {}", kappas[k]), blocks.size(), context.level,
            [&](const std::vector<std::size_t>& indices) {
                std::vector<double> values;
                for (const std::size_t i : indices) values.push_back(blocks[i][k]);
                const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
                std::nth_element(values.begin(), middle, values.end());
                return *middle;
            }));
    finding.sentence = fmt::format("Page's L = {:.6g}, z = {:.3g}, one-sided p = {:.2g}, {} starts",
                                   trend.statistic, trend.z, trend.p, blocks.size());
    // No trend at all is what such a claim can be refuted by.
    finding.verdict = trend.p < 1.0 - context.level ? Verdict::not_refuted
                      : trend.p > context.level     ? Verdict::refuted
                                                    : Verdict::undecided;
    return finding;
}

Finding measure_free(const MeasureContext& context) { return measure(context, 0.0); }

Finding measure_fixed(const MeasureContext& context) {
    const double norm = context.base.config.objective.solution_norm;
    if (!(norm > 0))
        throw Error(Exit::usage,
                    "claim conditioning_at_fixed_norm: needs objective.solution_norm > 0");
    return measure(context, norm);
}

}  // namespace
}  // namespace softmaxflow::claims
