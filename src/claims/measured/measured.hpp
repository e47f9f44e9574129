#pragma once
/// Claims about rates, fits and trends: measured over an ensemble, one file each in this folder.

#include <functional>
#include <string>
#include <vector>

#include "claims/claim_table.hpp"
#include "claims/tally.hpp"
#include "softmaxflow/backend.hpp"

namespace softmaxflow::claims {

/// A measured number with its interval.
struct Figure {
    std::string name;
    double value = 0.0, low = 0.0, high = 0.0;
};

/// What came out. Where the claim is about every replica, `tally` counts as for monitored claims;
/// elsewhere it has the draws alone and the figures decide.
struct Finding {
    Verdict verdict = Verdict::measured;
    std::string method;    ///< of the intervals and tests, and what they are of
    std::string sentence;  ///< the result in words
    std::vector<Figure> figures;
    Tally tally;
    bool counts = false;               ///< the tally decides
    std::int64_t not_replayed = 0;     ///< part of tally.undecided
    std::vector<Candidate> confirmed;  ///< violations of a claim about states
};

/// What a measurement may use.
struct MeasureContext {
    const Problem& base;
    Backend& backend;
    const Progress& progress;
    /// The problem of another config: for claims that compare cells.
    std::function<Problem(const Config&)> problem_of;
    double level = 0.95;   ///< coverage of intervals
    double horizon = 0.0;  ///< 0: the claim's own
    bool mutant = false;   ///< with the dynamics of a mutant
};

struct Measured {
    Claim claim;
    bool own_cells = false;  ///< runs cells of its own: only when named
    Finding (*measure)(const MeasureContext& context) = nullptr;
};

// One line per measured claim, defined in the file of its name (conditioning.cpp has two).
extern const Measured values_move_in_row_space, one_hot_rate, losers_equalise, losers_bounded,
    winner_is_initial_leader, orbit_universality, square_loss_threshold, conditioning_polarises,
    conditioning_at_fixed_norm, map_against_softmax;

/// In the order of docs/claims.md.
std::span<const Measured* const> all_measured();
/// That of a claim with monitored = -1.
const Measured& measured_of(const Claim& claim);

}  // namespace softmaxflow::claims
