// How fast the weights become one-hot: 1 - s_1 falls like the square of the leader's lead.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "claims/claim_classes.hpp"
#include "claims/measured/ensemble_states.hpp"
#include "claims/pass.hpp"

namespace softmaxflow::claims {
namespace {

/// (1 - s_1) D^2 rho n / (2 (n-1) kappa_t) at the end; 1 in the limit.
double ratio(const Problem& problem, const StateRecord& state) {
    const std::int64_t tokens = problem.config.model.tokens;
    const std::size_t last = problem.checkpoints.size() - 1;
    double others = 0.0, mean = 0.0;
    for (std::int64_t j = 1; j < tokens; ++j) {
        others += at(state.columns[state_column::probability], last, tokens, j);
        mean += at(state.columns[state_column::projected_values], last, tokens, j);
    }
    const auto n = static_cast<double>(tokens);
    const double lead =
        at(state.columns[state_column::projected_values], last, tokens, 0) - mean / (n - 1);
    return others * lead * lead * problem.config.dynamics.logit_rate * n /
           (2.0 * (n - 1) * state.columns[state_column::metric].front());
}

/// eps(n) at tau = 1000: twice the largest deviation seen from values of scale 1e-6 ... 1, with
/// many tokens from near ties for the lead too (docs/claims.md), and how it falls with tau:
/// losers equalise like tau^(-2/n).
double table(double n, double tau) {
    const double at_1000 = n < 2.5 ? 1e-4 : n < 3.5 ? 8e-3 : n < 4.5 ? 0.015 : 0.2;
    return at_1000 * std::pow(1000.0 / tau, 4.0 / n);
}

/// Where a start that the bound does not hold for is looked at once more: how long a near tie or a
/// large value defers the limit is not bounded.
constexpr double second_look = 100.0;

/// ... and what is left of large values at the start, against the arc.
double allowance(const Problem& problem, const StateRecord& state, double tau) {
    const std::int64_t n = problem.config.model.tokens;
    const double spread = at(state.columns[state_column::projected_values], 0, n, 0) -
                          at(state.columns[state_column::projected_values], 0, n, n - 1);
    return table(static_cast<double>(n), tau) +
           spread / (state.columns[state_column::metric].front() * tau);
}

double margin(const Problem& problem, const StateRecord& state, double tau) {
    const double allowed = allowance(problem, state, tau);
    const double apart = std::abs(ratio(problem, state) - 1.0);
    return (allowed - apart) / (allowed + apart);
}

Finding measure(const MeasureContext& context);

}  // namespace

const Measured one_hot_rate = {
    {"one_hot_rate",
     "|(1 - s_1) D^2 rho n / (2 (n-1) kappa_t) - 1| <= eps at the horizon or 100 times it, "
     "D = u_1 - mean of the others",
     "U, not square", "derived",
     "Limit form: [VRF]. d log s_j / dtau ~ -(s_j + Q) tau with Q the losers' total.",
     class_u_unbounded, model::Mutant::doubled},
    false,
    measure};

namespace {

Finding measure(const MeasureContext& context) {
    const double end = context.horizon > 0 ? context.horizon : own_horizon(context.base.config);
    Finding finding = test_states(
        context, one_hot_rate.claim, {end},
        [end](const Problem& problem, const StateRecord& state) {
            return margin(problem, state, end);
        },
        second_look);
    const std::int64_t n = context.base.config.model.tokens;
    finding.sentence = fmt::format("eps = {:.3g} + spread of u(0) / (kappa_t tau) at tau = {:.4g}",
                                   table(static_cast<double>(n), end), end);
    return finding;
}

}  // namespace
}  // namespace softmaxflow::claims
