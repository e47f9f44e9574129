#pragma once
/// The same for several outputs, where no order is preserved.

#include "softmaxflow/model/claims/entropy_decreases.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct EntropyDecreasesVector {
    static constexpr const char* name = "entropy_decreases_vector";
    static constexpr const char* statement = "the entropy of s decreases";
    static constexpr const char* about = "equal logits; regression or cross_entropy, m > 1";
    static constexpr const char* status = "refuted";
    static constexpr const char* because =
        "One component of q may decay before another and turn the pull round; it holds for two "
        "tokens and K = kappa 1 in regression (docs/theory/beyond-class-u.md, section 16).";
    static constexpr unsigned needs =
        softmax_map | gradient_flow | no_decay | moving_logits | several_outputs | equal_logits;
    static constexpr Mutant mutant = Mutant::reversed;

    /// As for entropy_decreases; without an order of the tokens the terms of the leader need not
    /// be of one sign, so what falls below is looked at in higher precision.
    static constexpr double tolerance(int n, int m) { return 4.0 * n * n * (n + m + 8.0); }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        return EntropyDecreases::margin(v);
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
