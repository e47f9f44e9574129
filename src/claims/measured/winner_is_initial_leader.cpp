// The token that starts with the largest projected value ends with the largest weight.

#include <fmt/format.h>

#include "claims/measured/ensemble_states.hpp"
#include "claims/pass.hpp"
#include "stats/proportion.hpp"

namespace softmaxflow::claims {
namespace {

/// Of the leader against the best of the others, at the end.
double margin(const Problem& problem, const StateRecord& state) {
    const std::int64_t n = problem.config.model.tokens;
    const std::size_t last = problem.checkpoints.size() - 1;
    const double own = at(state.columns[state_column::probability], last, n, 0);
    double best = 0.0;
    for (std::int64_t j = 1; j < n; ++j)
        best = std::max(best, at(state.columns[state_column::probability], last, n, j));
    return (own - best) / (own + best);
}

Finding measure(const MeasureContext& context);

}  // namespace

const Measured winner_is_initial_leader = {
    {"winner_is_initial_leader", "the winner is the initial leader",
     "U; with random logits the rate is the result", "proved", "Follows from order_preserved.",
     model::softmax_map | model::gradient_flow | model::no_decay | model::moving_logits |
         model::single_output | model::no_ties | model::positive_residual,
     model::Mutant::swapped},
    false,
    measure};

namespace {

Finding measure(const MeasureContext& context) {
    const Config& config = context.base.config;
    const double end = context.horizon > 0 ? context.horizon : own_horizon(config);
    if (config.init.logit_scale == 0 && config.init.file.empty())
        return test_states(context, winner_is_initial_leader.claim, {end}, margin);
    const Problem problem = recorded_problem(context.base, {end});
    Finding finding;
    std::int64_t won = 0;
    for_each_state(context, problem,
                   [&](const StateRecord& state, const BlockResult& block, std::size_t i) {
                       if (!enters(finding.tally, block, i, winner_is_initial_leader.claim.needs))
                           return;
                       won += margin(problem, state) > 0.0 ? 1 : 0;
                   });
    const Proportion share = clopper_pearson(won, finding.tally.tested(), context.level);
    finding.figures.push_back({"share won by the leader", share.share, share.low, share.high});
    finding.sentence = fmt::format("the initial leader won {} of {}", share.k, share.n);
    finding.method = "exact interval (Clopper and Pearson)";
    if (finding.tally.tested() == 0) finding.verdict = Verdict::vacuous;
    return finding;
}

}  // namespace
}  // namespace softmaxflow::claims
