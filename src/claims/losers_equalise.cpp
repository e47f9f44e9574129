// Gaps between losers' logits close slowly: like tau^(-2/n).

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "claims/claim_classes.hpp"
#include "claims/ensemble_states.hpp"
#include "ensemble/edges.hpp"

namespace softmaxflow::claims {
namespace {

constexpr double own_end = 1e6, first_share = 1e-2;
constexpr std::int64_t points = 8;
/// What of the exponent the finite arc may leave: it was within 2 % from tau = 1e4 to 1e6.
constexpr double allowance = 0.05;

/// Slope of log(largest minus smallest logit of the losers) against log tau, by least squares.
double slope(const Problem& problem, const StateRecord& state) {
    const std::int64_t n = problem.config.model.tokens;
    double x_sum = 0, y_sum = 0, xx = 0, xy = 0, count = 0;
    for (std::size_t c = 1; c < problem.checkpoints.size(); ++c) {
        double low = at(state.logits, c, n, 1), high = low;
        for (std::int64_t j = 2; j < n; ++j) {
            low = std::min(low, at(state.logits, c, n, j));
            high = std::max(high, at(state.logits, c, n, j));
        }
        const double x = std::log(problem.checkpoints[c]), y = std::log(high - low);
        x_sum += x, y_sum += y, xx += x * x, xy += x * y, count += 1;
    }
    return (count * xy - x_sum * y_sum) / (count * xx - x_sum * x_sum);
}

Finding measure(const Laboratory& laboratory);

}  // namespace

const Measured losers_equalise = {
    {"losers_equalise",
     "gaps of losers' logits decay like tau^(-2/n): fitted exponent with interval",
     "U, not square, n >= 3", "derived",
     "Losers' weights obey d log s_j / dtau ~ -(s_j + Q) tau with Q their total.",
     class_u_unbounded | model::three_tokens, model::Sabotage::uncentred},
    false,
    measure};

namespace {

Finding measure(const Laboratory& laboratory) {
    // A limit: claims.horizon does not shorten it.
    const double end = std::max(laboratory.horizon, own_end);
    const Problem problem = [&] {
        Problem recorded =
            recorded_problem(laboratory.base, log_spaced(first_share * end, end, points));
        if (laboratory.twin) recorded.watch.sabotage = losers_equalise.claim.twin;
        return recorded;
    }();
    Finding finding;
    std::vector<std::pair<std::int64_t, double>> found;
    for_each_state(laboratory, problem,
                   [&](const StateRecord& state, const BlockResult& block, std::size_t i) {
                       if (!enters(finding.tally, block, i, losers_equalise.claim.needs)) return;
                       const double fitted = slope(problem, state);
                       if (std::isfinite(fitted)) found.emplace_back(state.replica, fitted);
                   });
    finding.method = "least squares per replica; median and percentile bootstrap over replicas";
    if (found.empty()) {
        finding.verdict = Verdict::vacuous;
        return finding;
    }
    std::sort(found.begin(), found.end());
    const auto median = [&](const std::vector<std::size_t>& indices) {
        std::vector<double> values;
        for (const std::size_t i : indices) values.push_back(found[i].second);
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        return *middle;
    };
    const double expected = -2.0 / static_cast<double>(problem.config.model.tokens);
    const Figure figure = bootstrap("median exponent", found.size(), laboratory.level, median);
    finding.figures = {figure};
    const bool fits =
        figure.low <= expected * (1 - allowance) && figure.high >= expected * (1 + allowance);
    finding.verdict = fits ? Verdict::not_refuted : Verdict::refuted;
    finding.sentence =
        fmt::format("expected {:.4g}, and {:.0f} % of it for the finite arc {:.3g} .. {:.3g}",
                    expected, 100 * allowance, first_share * end, end);
    return finding;
}

}  // namespace
}  // namespace softmaxflow::claims
