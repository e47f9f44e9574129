#pragma once
/// No token overtakes another, whatever the steps of descent.

#include "softmaxflow/model/claims/order_preserved.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct OrderPreservedDescent {
    static constexpr const char* name = "order_preserved_descent";
    static constexpr const char* statement = "u and a keep the order of u(0)";
    static constexpr const char* about = "as U but gradient_descent with any learning rate";
    static constexpr const char* status = "refuted";
    static constexpr const char* because =
        "Losers may change places from n = 3 on, where q stays large over large steps; the leader "
        "stays the leader (docs/theory/beyond-class-u.md, section 15).";
    static constexpr unsigned needs = softmax_map | gradient_descent | no_decay | moving_logits |
                                      single_output | equal_logits | no_ties | positive_residual;
    static constexpr Mutant mutant = Mutant::swapped;

    /// As for order_preserved.
    static constexpr double tolerance(int, int) { return 4.0; }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        return OrderPreserved::margin(v);
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
