// Losers' values converge: over the second half of the arc they grow by a few 1 / T.

#include <cmath>

#include "claims/claim_classes.hpp"
#include "claims/measured/ensemble_states.hpp"
#include "claims/pass.hpp"

namespace softmaxflow::claims {
namespace {

/// Of the sum over the losers: while they are not equal yet, one of them may take all of it.
double margin(const Problem& problem, const StateRecord& state) {
    const std::int64_t n = problem.config.model.tokens;
    const std::size_t last = problem.checkpoints.size() - 1;
    const double bound = 8.0 / (problem.config.dynamics.logit_rate * problem.checkpoints.back());
    double grown = 0.0;
    for (std::int64_t j = 1; j < n; ++j)
        grown += at(state.columns[state_column::projected_values], last, n, j) -
                 at(state.columns[state_column::projected_values], last - 1, n, j);
    return (bound - grown) / (bound + std::abs(grown));
}

Finding measure(const MeasureContext& context);

}  // namespace

const Measured losers_bounded = {
    {"losers_bounded", "sum over j > 1 of u_j(T) - u_j(T/2) <= 8 / (rho T) at the horizon T",
     "U, not square", "derived",
     "u_j' = kappa_t s_j, and (1 - s_1) tau^2 -> 2 (n-1) / (n rho kappa_t): four times the limit.",
     class_u_unbounded, model::Mutant::reversed},
    false,
    measure};

namespace {

Finding measure(const MeasureContext& context) {
    const double end = context.horizon > 0 ? context.horizon : own_horizon(context.base.config);
    return test_states(context, losers_bounded.claim, {end / 2, end}, margin);
}

}  // namespace
}  // namespace softmaxflow::claims
