// The loss is a clock: logistic, exponential and square loss trace the same curve, at their own
// pace.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backend/host/traits_of.hpp"
#include "claims/measured/ensemble_states.hpp"
#include "claims/pass.hpp"
#include "ensemble/derived_problem.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::claims {
namespace {

Finding measure(const MeasureContext& context);

}  // namespace

const Measured orbit_universality = {
    {"orbit_universality", "states at equal arc tau agree across losses", "U", "proved",
     "On the arc clock q / |q| = 1: u' = kappa_t s and a' = rho C u whatever the loss.",
     model::class_u, model::Mutant::doubled},
    true,
    measure};

namespace {

constexpr double own_time = 100.0;
/// Largest difference allowed, in tolerances of a step: errors of both runs, grown along the way.
constexpr double steps_allowed = 1e4;

std::string in_words(std::size_t count) {
    constexpr const char* words[] = {"no", "one", "two", "three", "four", "five", "six"};
    return count < std::size(words) ? words[count] : fmt::format("{}", count);
}

/// `base` in the time clock to its end, on the starts common to all losses.
Problem timed_problem(const MeasureContext& context, const model::LossTraits& loss) {
    Config config = context.base.config;
    config.objective.loss = loss.name;
    if (loss.constant != model::LossConstant::radius)
        config.objective.radius = ObjectiveConfig().radius;
    config.ensemble.common_random_numbers = true;
    config.dynamics.clock = "time";
    config.dynamics.horizon = context.horizon > 0 ? context.horizon : own_time;
    config.record = {};
    config.record.bins = 8;
    config.record.states = config.ensemble.replicas;
    config.record.checkpoint_list = {config.dynamics.horizon};
    Problem problem = context.problem_of(config);
    problem.monitor.claims = 1;
    problem.monitor.sorted = true;
    return problem;
}

/// The replica that `timed` consists of, on the arc clock to `arc`, undisturbed.
Problem on_the_arc(const Problem& timed, double arc) {
    Problem one = with_states(on_arc_clock(timed, arc), 1);
    one.monitor.mutant = 0;
    return one;
}

StateRecord state_of(Backend& backend, const Problem& one) {
    StateRecord state;
    backend.run(
        one, {0, 1}, [&](BlockResult&& block) { state = std::move(block.states.at(0)); }, nullptr);
    return state;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b,
                          std::int64_t n) {
    double size = 0.0, apart = 0.0;
    for (std::int64_t i = 1; i <= n; ++i) {
        size = std::max(size, std::abs(a[a.size() - i]) + std::abs(b[b.size() - i]));
        apart = std::max(apart, std::abs(a[a.size() - i] - b[b.size() - i]));
    }
    return apart / std::max(size, 1.0);
}

double margin_of(const StateRecord& timed, const StateRecord& arc, std::int64_t n, double allowed) {
    const double apart =
        std::max(largest_difference(timed.columns[state_column::logits],
                                    arc.columns[state_column::logits], n),
                 largest_difference(timed.columns[state_column::projected_values],
                                    arc.columns[state_column::projected_values], n));
    return (allowed - apart) / (allowed + apart);
}

Finding measure(const MeasureContext& context) {
    Finding finding;
    finding.counts = true;
    Tally& tally = finding.tally;
    const std::int64_t n = context.base.config.model.tokens;
    const double allowed = steps_allowed * context.base.config.dynamics.rtol;
    std::size_t losses = 0;
    for (const model::LossTraits& loss : model::loss_table) {
        if (!loss.objective.has_target) continue;
        ++losses;
        Problem timed = timed_problem(context, loss);
        if (context.mutant)
            timed.monitor.mutant = static_cast<int>(orbit_universality.claim.mutant);
        const auto replica_of_timed = [&](std::int64_t replica) {
            return one_replica(timed, start_of(timed, context.backend, replica));
        };
        std::vector<StateRecord> states;
        for_each_state(context, timed,
                       [&](const StateRecord& state, const BlockResult& block, std::size_t i) {
                           if (enters(tally, block, i, orbit_universality.claim.needs))
                               states.push_back(state);
                       });
        const std::size_t first = tally.candidates.size();
        for (const StateRecord& state : states) {
            const Problem arc = on_the_arc(replica_of_timed(state.replica),
                                           state.columns[state_column::arc].back());
            note_margin(tally, state.replica,
                        margin_of(state, state_of(context.backend, arc), n, allowed),
                        state.columns[state_column::arc].back());
        }
        judge(finding, first, context.mutant,
              [&](const Candidate& candidate, Precision precision, double rtol) {
                  const Problem one = replica_of_timed(candidate.replica);
                  const StateRecord state = replay_states(one, precision, rtol);
                  // A replay in the time clock knows no arc: that of the run, to its tolerance.
                  const Problem arc = on_the_arc(one, candidate.clock);
                  return margin_of(state, replay_states(arc, precision, rtol), n, allowed);
              });
    }
    finding.method = fmt::format(
        "{} losses in time against the arc clock at the same arc: "
        "relative difference at most {:g}",
        in_words(losses), allowed);
    return finding;
}

}  // namespace
}  // namespace softmaxflow::claims
