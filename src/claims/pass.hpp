#pragma once
/// One pass over the trajectories of a cell for all claims that are monitored along them.

#include <vector>

#include "claims/claim_table.hpp"
#include "claims/tally.hpp"
#include "softmaxflow/backend.hpp"

namespace softmaxflow::claims {

/// Of class U and everything that runs with it: arc clock to max(1000, 5 n log(1 / value_scale)),
/// over the mean of kappa_t; doubled runs of values or logits far from the default scale included.
double own_horizon(const Config& config);

/// The problem `base` with its recording cut down to what claims need, monitored for `claims`. A
/// flow runs on the arc clock to `horizon` (0: own_horizon), descent to its iterations. `mutant`:
/// with the dynamics of a mutant of the first claim.
Problem monitored_problem(const Problem& base, const std::vector<const Claim*>& claims,
                          double horizon, bool mutant);

/// Runs all replicas; one tally per claim, apparent violations among its candidates, none of them
/// ruled on yet. Throws Error(stopped) if `progress` asked to stop.
std::vector<Tally> run_pass(const Problem& problem, const std::vector<const Claim*>& claims,
                            Backend& backend, const Progress& progress);

/// What replica `i` of a block left of a monitored claim: its margin, margin_clock or increment, by
/// replica column.
double monitored(const BlockResult& block, std::int64_t i, const Claim& claim, int column);
/// Bits of model::Needs that its start has.
unsigned start_traits(const BlockResult& block, std::int64_t i);

/// The margin below which a claim is violated, not counting rounding: -tolerance.
double violation_bound(const Claim& claim, const Problem& problem);

/// What replica `replica` of `problem` starts from, as a restart at the start of its run: it
/// takes the same steps, to the same bits (one_replica of ensemble/derived_problem.hpp).
RestartData start_of(const Problem& problem, Backend& backend, std::int64_t replica);

}  // namespace softmaxflow::claims
