#pragma once
/// How the lanes that step replicas of a flow share them.

#include "softmaxflow/model/numerics/atomics.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// What a replica of a flow waits for.
enum class Stage : int {
    ready,  ///< for explicit steps
    stiff,  ///< for implicit ones
    over,
};

/// Counters of one run. Who takes which replica changes no result.
struct Queue {
    Int count = 0;             // replicas
    Int lanes = 0;             // that take them in this round
    Int taken = 0;             // replicas that were looked at in it, and lanes that found no more
    Int ready = 0, stiff = 0;  // that waited for explicit, for implicit steps when it began
    Int ended = 0;
    Int issued = 0;        // steps that lanes could have taken
    bool stopped = false;  // the caller of tick asked to

    /// The replicas that waited for a method when the round began.
    SOFTMAXFLOW_HD Int waiting(Stage stage) const { return stage == Stage::stiff ? stiff : ready; }
    SOFTMAXFLOW_HD void begin_round(Int with_lanes) {
        lanes = with_lanes;
        taken = 0;
    }
    /// A round ends once a quarter of the lanes that had a replica find no more: what has arrived
    /// can go on when it is recorded.
    SOFTMAXFLOW_HD bool enough(Int waited) const {
        const Int busy = waited < lanes ? waited : lanes;
        const Int idle = peek(taken) - count - (lanes - busy);
        return stopped || 4 * idle >= busy;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
