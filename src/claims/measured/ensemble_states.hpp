#pragma once
/// The states of every replica of a problem at a few clocks, one after the other: what measured
/// claims are made from.

#include <functional>
#include <vector>

#include "backend/host/column_extents.hpp"
#include "claims/measured/measured.hpp"
#include "claims/replay.hpp"

namespace softmaxflow::claims {

namespace state_column = model::state_column;

/// `base` as a flow on the arc clock (descent stays what it is), recorded in full at the given
/// clocks, which end the run; tokens numbered by their projected values at the start.
Problem recorded_problem(const Problem& base, std::vector<double> clocks);

/// Calls f(state, block, index within it) for every replica, by blocks in any order.
/// Throws Error(stopped) if progress asked to stop.
void for_each_state(
    const MeasureContext& context, const Problem& problem,
    const std::function<void(const StateRecord&, const BlockResult&, std::size_t)>& f);

/// Tests a claim about the state at the end, or at a few clocks: `margin(problem, state)` is that
/// of one replica, negative where it is violated. Every apparent violation is judged again from
/// replays in 113 bits and 100 digits, for a claim about a limit at `later` times the last clock.
Finding test_states(const MeasureContext& context, const Claim& claim, std::vector<double> clocks,
                    const std::function<double(const Problem&, const StateRecord&)>& margin,
                    double later = 1.0);

/// Judges the apparent violations from number `first` of the tally on by their margins in 113 bits
/// and 100 digits, at the given tolerance: the first hundred (four of a mutant); the others stay
/// undecided.
void judge(Finding& finding, std::size_t first, bool mutant,
           const std::function<double(const Candidate&, Precision, double rtol)>& margin);

/// Interval of a statistic of `samples` by resampling them (the percentile bootstrap, 2000 times);
/// statistic(indices) is given the numbers of a resample.
Figure bootstrap(const std::string& name, std::size_t samples, double level,
                 const std::function<double(const std::vector<std::size_t>&)>& statistic);

/// Entry `token` of an array (checkpoint, token).
inline double at(const std::vector<double>& array, std::size_t checkpoint, std::int64_t tokens,
                 std::int64_t token) {
    return array[checkpoint * static_cast<std::size_t>(tokens) + static_cast<std::size_t>(token)];
}

/// Sorts a replica into the tally: true if it is to be tested. `needs`: bits of model::Needs.
bool enters(Tally& tally, const BlockResult& block, std::size_t index, unsigned needs);

/// Counts the margin of a tested replica; a negative one makes it a candidate.
void note_margin(Tally& tally, std::int64_t replica, double margin, double clock);

}  // namespace softmaxflow::claims
