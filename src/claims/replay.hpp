#pragma once
/// One replica again, with tighter tolerances and more digits.

#include <functional>
#include <string>
#include <vector>

#include "claims/claim_table.hpp"
#include "softmaxflow/backend.hpp"

namespace softmaxflow::claims {

enum class Precision { f64, f113, d100 };
const char* precision_name(Precision precision);

/// A number as it came out: exact in hexadecimal for f64, else all its digits.
struct Trial {
    Precision precision = Precision::f64;
    double rtol = 0.0;    ///< 0 for descent
    double clock = 0.0;   ///< or iteration, at which
    double margin = 0.0;  ///< this margin was found, rounded to a double
    std::string digits;   ///< the same in full
    std::int64_t steps = 0;
};

/// The margin of `claim` at `clock` on the trajectory of the one replica of `problem` (see
/// one_replica), integrated with relative tolerance `rtol` in that precision by extrapolation
/// (model/integrator/extrapolation.hpp). Descent: after that many iterations.
/// Throws Error(internal) if the integration does not get there.
Trial replay_margin(const Problem& problem, const Claim& claim, double clock, Precision precision,
                    double rtol);

/// The states of that replica at the checkpoints of `problem`, as a run would record them.
StateRecord replay_states(const Problem& problem, Precision precision, double rtol);

/// What a run of that replica sees: its smallest margin and where, in f64.
Trial first_trial(const Problem& problem, const Claim& claim, Backend& backend);

}  // namespace softmaxflow::claims
