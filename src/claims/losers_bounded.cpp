// Losers' values converge: over the second half of the arc they grow by a few 1 / T.

#include <algorithm>
#include <cmath>

#include "claims/claim_classes.hpp"
#include "claims/ensemble_states.hpp"
#include "claims/pass.hpp"

namespace softmaxflow::claims {
namespace {

double margin(const Problem& problem, const StateRecord& state) {
    const std::int64_t n = problem.config.model.tokens;
    const std::size_t last = problem.checkpoints.size() - 1;
    const double bound = 8.0 / (problem.config.dynamics.logit_rate * static_cast<double>(n) *
                                problem.checkpoints.back());
    double worst = 1.0;
    for (std::int64_t j = 1; j < n; ++j) {
        const double grown =
            at(state.projected_values, last, n, j) - at(state.projected_values, last - 1, n, j);
        worst = std::min(worst, (bound - grown) / (bound + std::abs(grown)));
    }
    return worst;
}

Finding measure(const Laboratory& laboratory);

}  // namespace

const Measured losers_bounded = {
    {"losers_bounded", "u_j(T) - u_j(T/2) <= 8 / (rho n T) at the horizon T", "U, not square",
     "derived", "u_j' = kappa_t s_j, and s_j tau^2 -> 2 / (n rho kappa_t): four times the limit.",
     class_u_unbounded, model::Sabotage::reversed},
    false,
    measure};

namespace {

Finding measure(const Laboratory& laboratory) {
    const double end =
        laboratory.horizon > 0 ? laboratory.horizon : own_horizon(laboratory.base.config);
    return test_states(laboratory, losers_bounded.claim, {end / 2, end}, margin);
}

}  // namespace
}  // namespace softmaxflow::claims
