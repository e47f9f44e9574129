#pragma once
/// No token overtakes another. Neighbours in the order of u(0) are enough.

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct OrderPreserved {
    static constexpr const char* name = "order_preserved";
    static constexpr const char* statement = "u and a keep the order of u(0) at all t > 0";
    static constexpr const char* about = "U";
    static constexpr const char* status = "proved";
    static constexpr const char* because =
        "[VRF] Theorem 3.2; coordinates that are equal stay equal, so two cannot cross.";
    static constexpr unsigned needs = class_u;
    static constexpr Mutant mutant = Mutant::swapped;

    /// A difference of two stored numbers next to each other is exact; the ratio is rounded.
    static constexpr double tolerance(int, int) { return 4.0; }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        using Real = typename Snapshot::Real;
        Worst<Real> worst;
        for (int i = 0; i + 1 < v.n; ++i) {
            worst.add(v.logit[i] - v.logit[i + 1], abs(v.logit[i]) + abs(v.logit[i + 1]));
            worst.add(v.value[i] - v.value[i + 1], abs(v.value[i]) + abs(v.value[i + 1]));
        }
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
