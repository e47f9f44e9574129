#pragma once
/// A test of claims: one pass for all that are monitored along trajectories, a replay of every
/// apparent violation in higher precision, measurements for the others, verdicts.

#include <functional>
#include <string>
#include <vector>

#include "claims/measured/measured.hpp"
#include "claims/replay.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::claims {

struct CheckRequest {
    std::vector<std::string> ids;       ///< named claims; empty: all that fit
    double level = 0.95;                ///< of intervals, before the correction
    double horizon = 0.0;               ///< 0: the claim's own
    bool mutant = false;                ///< run the dynamics of a mutant of the (one) named claim
    int threads = 1;                    ///< for replays
    std::int64_t most_replayed = 1000;  ///< apparent violations per claim; the others: undecided
    std::function<Problem(const Config&)> problem_of;
};

/// A replayed violation: the trials in the order first, half the tolerance, 113 bits, 100 digits.
struct Replayed {
    std::int64_t replica = 0;
    Adjudication adjudication = Adjudication::undecided;
    RestartData start;
    std::vector<Trial> trials;
    double increment = 0.0;
};

struct Outcome {
    const Claim* claim = nullptr;
    bool named = false;
    Tally tally;
    Judgement judgement;
    std::vector<Replayed> replayed;
    std::int64_t not_replayed = 0;  ///< part of tally.undecided
    Finding finding;                ///< of a measured claim
    double horizon = 0.0;           ///< end of the clock, or iterations
};

struct Check {
    std::vector<Outcome> outcomes;
    Problem monitored;  ///< of the pass; counterexamples belong to it
    double level = 0.95, corrected = 0.95;
    bool mutant = false;
    std::vector<std::pair<std::string, std::string>> left_out;  ///< id and why it does not fit
};

/// Throws Error(usage) for a named claim that is unknown or does not fit the config.
Check run_check(const Problem& base, Backend& backend, const CheckRequest& request,
                const Progress& progress);

/// confirmed: a violation in the last two trials, whose size exceeds ten times their difference;
/// dismissed: in neither; else undecided. `units`: tolerance in units of the format's roundoff.
Adjudication rule(const std::vector<Trial>& trials, double units);

/// Replays the one replica of `one` (see one_replica) that showed an apparent violation.
Replayed replay_start(const Problem& one, const Claim& claim, const Candidate& candidate,
                      Backend& backend);

/// The exit status: refuted 3 wins over failed 4 (vacuous, undecided, or more than `max_failed` of
/// the draws failed); 1 for a control that was not refuted.
Exit status_of(const Check& check, double max_failed);

}  // namespace softmaxflow::claims
