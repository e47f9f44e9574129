// Gaps between losers' logits close slowly: like tau^(-2/n).

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "claims/claim_classes.hpp"
#include "claims/measured/ensemble_states.hpp"
#include "ensemble/edges.hpp"

namespace softmaxflow::claims {
namespace {

constexpr double own_end = 1e6, first_share = 1e-2;
constexpr std::int64_t points = 8;
/// What of the exponent a fit from tau on may be off. With few tokens it was within 2 % from tau =
/// 1e4 to 1e6; with many the losers are far from equal even then: relative errors fall like
/// tau^(-4/n) (docs/theory/class-u.md, sections 12 and 13), which is 0.56 at tau = 1e4 for n = 64.
double allowance(double n, double tau) { return std::max(0.05, std::pow(tau, -4.0 / n)); }

/// Slope of log(largest minus smallest logit of the losers) against log tau, by least squares over
/// checkpoints first ... last.
double slope(const Problem& problem, const StateRecord& state, std::size_t first,
             std::size_t last) {
    const std::int64_t n = problem.config.model.tokens;
    double x_sum = 0, y_sum = 0, xx = 0, xy = 0, count = 0;
    for (std::size_t c = first; c <= last; ++c) {
        double low = at(state.columns[state_column::logits], c, n, 1), high = low;
        for (std::int64_t j = 2; j < n; ++j) {
            low = std::min(low, at(state.columns[state_column::logits], c, n, j));
            high = std::max(high, at(state.columns[state_column::logits], c, n, j));
        }
        const double x = std::log(problem.checkpoints[c]), y = std::log(high - low);
        x_sum += x, y_sum += y, xx += x * x, xy += x * y, count += 1;
    }
    return (count * xy - x_sum * y_sum) / (count * xx - x_sum * x_sum);
}

/// Of one replica: over the whole arc, and over either half of it.
struct Slopes {
    std::int64_t replica;
    double all, early, late;
};

double median(const std::vector<Slopes>& found, double Slopes::*which,
              const std::vector<std::size_t>& indices) {
    std::vector<double> values;
    for (const std::size_t i : indices) values.push_back(found[i].*which);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Whether the exponent is still on its way to the expected one: nearer to it over the later half.
bool approaches(const std::vector<Slopes>& found, double expected) {
    std::vector<std::size_t> all(found.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    const double early = std::abs(median(found, &Slopes::early, all) - expected);
    const double late = std::abs(median(found, &Slopes::late, all) - expected);
    return late < 0.8 * early;
}

Finding measure(const MeasureContext& context);

}  // namespace

const Measured losers_equalise = {
    {"losers_equalise",
     "gaps of losers' logits decay like tau^(-2/n): fitted exponent with interval",
     "U, not square, n >= 3", "derived",
     "Losers' weights obey d log s_j / dtau ~ -(s_j + Q) tau with Q their total.",
     class_u_unbounded | model::three_tokens, model::Mutant::uncentred},
    false,
    measure};

namespace {

Finding measure(const MeasureContext& context) {
    // A limit: claims.horizon does not shorten it.
    const double end = std::max(context.horizon, own_end);
    const Problem problem = [&] {
        Problem recorded =
            recorded_problem(context.base, log_spaced(first_share * end, end, points));
        if (context.mutant)
            recorded.monitor.mutant = static_cast<int>(losers_equalise.claim.mutant);
        return recorded;
    }();
    Finding finding;
    std::vector<Slopes> found;
    for_each_state(context, problem,
                   [&](const StateRecord& state, const BlockResult& block, std::size_t i) {
                       if (!enters(finding.tally, block, i, losers_equalise.claim.needs)) return;
                       const std::size_t last = problem.checkpoints.size() - 1, half = last / 2;
                       const Slopes slopes{state.replica, slope(problem, state, 1, last),
                                           slope(problem, state, 1, half),
                                           slope(problem, state, half + 1, last)};
                       if (std::isfinite(slopes.early + slopes.late)) found.push_back(slopes);
                   });
    finding.method = "least squares per replica; median and percentile bootstrap over replicas";
    if (found.empty()) {
        finding.verdict = Verdict::vacuous;
        return finding;
    }
    std::sort(found.begin(), found.end(),
              [](const Slopes& a, const Slopes& b) { return a.replica < b.replica; });
    const auto n = static_cast<double>(problem.config.model.tokens);
    const double expected = -2.0 / n, allowed = allowance(n, first_share * end);
    const Figure figure = bootstrap("median exponent", found.size(), context.level,
                                    [&](const std::vector<std::size_t>& indices) {
                                        return median(found, &Slopes::all, indices);
                                    });
    finding.figures = {figure};
    const bool fits =
        figure.low <= expected * (1 - allowed) && figure.high >= expected * (1 + allowed);
    const bool on_its_way = !fits && approaches(found, expected);
    finding.verdict = fits         ? Verdict::not_refuted
                      : on_its_way ? Verdict::undecided
                                   : Verdict::refuted;
    finding.sentence =
        fmt::format("expected {:.4g}, and {:.0f} % of it for the finite arc {:.3g} .. {:.3g}",
                    expected, 100 * allowed, first_share * end, end) +
        (on_its_way ? "; still approaching it at the end" : "");
    return finding;
}

}  // namespace
}  // namespace softmaxflow::claims
