#include "claims/pass.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "backend/host/column_extents.hpp"
#include "backend/host/traits_of.hpp"
#include "ensemble/derived_problem.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/claims/claim_list.hpp"
#include "softmaxflow/model/numerics/math.hpp"

namespace softmaxflow::claims {

namespace replica_column = model::replica_column;
namespace state_column = model::state_column;

namespace {

/// Adds the replicas of a block to the tally of one claim.
void add_block(const BlockResult& block, const Claim& claim, double bound, Tally& tally) {
    const unsigned needed = claim.needs & model::decided_by_replica;
    for (std::int64_t i = 0; i < block.count; ++i) {
        const double margin = monitored(block, i, claim, replica_column::margin);
        const bool ok = is_ok(host::status_of(block, i));
        ++tally.draws;
        // A replica that ended where it began shows nothing.
        const bool in_class = (start_traits(block, i) & needed) == needed;
        if (!in_class || (ok && !(margin < std::numeric_limits<double>::infinity()))) {
            ++tally.excluded;
            continue;
        }
        if (!ok) {
            ++tally.failed;
            continue;
        }
        const Candidate seen{block.first + i, margin,
                             monitored(block, i, claim, replica_column::margin_clock),
                             monitored(block, i, claim, replica_column::increment)};
        const bool first = tally.smallest_replica < 0;
        if (first || margin < tally.smallest_margin ||
            (margin == tally.smallest_margin && seen.replica < tally.smallest_replica)) {
            tally.smallest_margin = margin;
            tally.smallest_replica = seen.replica;
            tally.smallest_clock = seen.clock;
            tally.smallest_increment = seen.increment;
        }
        if (margin < bound) tally.candidates.push_back(seen);
    }
}

}  // namespace

double monitored(const BlockResult& block, std::int64_t i, const Claim& claim, int column) {
    const auto& numbers = block.replicas[column];
    const auto claims = static_cast<std::int64_t>(numbers.size()) / block.count;
    return numbers[static_cast<std::size_t>(i * claims + claim.monitored)];
}

unsigned start_traits(const BlockResult& block, std::int64_t i) {
    return static_cast<unsigned>(
        block.replicas[replica_column::start_traits][static_cast<std::size_t>(i)]);
}

double own_horizon(const Config& config) {
    const auto n = static_cast<double>(config.model.tokens);
    const double scale = std::min(config.init.value_scale, 1.0);
    const double slow = scale > 0.0 ? 5.0 * n * model::log(1.0 / scale) : 0.0;
    const bool normal = target_of(config) == model::Target::random_normal;
    return std::max(1000.0, slow) / (normal ? static_cast<double>(config.model.dim) : 1.0);
}

double violation_bound(const Claim& claim, const Problem& problem) {
    const auto n = static_cast<int>(problem.config.model.tokens);
    return -model::unit_roundoff * claim.tolerance(n, static_cast<int>(problem.outputs));
}

Problem monitored_problem(const Problem& base, const std::vector<const Claim*>& claims,
                          double horizon, bool mutant) {
    Problem problem;
    if (is_flow(base.config)) {
        problem = on_arc_clock(base, horizon > 0.0 ? horizon : own_horizon(base.config));
        problem.config.dynamics.stop_at_probability = 0.0;
    } else {
        problem = horizon > 0.0 ? until(base, std::max(1.0, horizon)) : base;
    }
    problem = with_recording(problem, least_record({end_of_run(problem.config)}));
    for (const Claim* claim : claims)
        if (claim->monitored >= 0) problem.monitor.claims |= std::uint64_t{1} << claim->monitored;
    problem.monitor.sorted = true;
    if (mutant) problem.monitor.mutant = static_cast<int>(claims.front()->mutant);
    return problem;
}

std::vector<Tally> run_pass(const Problem& problem, const std::vector<const Claim*>& claims,
                            Backend& backend, const Progress& progress) {
    std::vector<Tally> tallies(claims.size());
    std::vector<double> bounds;
    for (const Claim* claim : claims) bounds.push_back(violation_bound(*claim, problem));
    std::atomic<bool> stopped = false;
    const std::int64_t replicas = problem.config.ensemble.replicas;
    backend.run(
        problem, {0, replicas},
        [&](BlockResult&& block) {
            for (std::size_t i = 0; i < claims.size(); ++i)
                add_block(block, *claims[i], bounds[i], tallies[i]);
        },
        [&](std::int64_t work) {
            const bool go_on = !progress || progress(work);
            if (!go_on) stopped = true;
            return go_on;
        });
    if (stopped)
        throw Error(Exit::stopped, fmt::format("stopped after {} of {} draws; a test needs all",
                                               tallies.front().draws, replicas));
    for (Tally& tally : tallies)
        std::sort(tally.candidates.begin(), tally.candidates.end(),
                  [](const Candidate& a, const Candidate& b) { return a.replica < b.replica; });
    return tallies;
}

RestartData start_of(const Problem& problem, Backend& backend, std::int64_t replica) {
    const Problem one = with_states(problem, replica + 1);
    StateRecord state;
    backend.run(
        one, {replica, 1}, [&](BlockResult&& block) { state = std::move(block.states.at(0)); },
        nullptr);
    RestartData start;
    start.checkpoint = one.checkpoints.front();
    host::append_state(start, host::at_checkpoint(state, 0, one.checkpoints.size()));
    // Only a flow goes on from the time; its logarithm is NaN where t = 0.
    std::vector<double>& log_time = start.columns[state_column::log_time];
    if (!is_flow(problem.config))
        log_time.clear();
    else if (start.columns[state_column::clock].front() == 0.0)
        log_time = {-std::numeric_limits<double>::infinity()};
    return start;
}

}  // namespace softmaxflow::claims
