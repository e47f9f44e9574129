#pragma once
/// What the output sees of the flow: a symmetric, positive semidefinite matrix times the residual.

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct EffectiveFlow {
    static constexpr const char* name = "effective_flow";
    static constexpr const char* statement =
        "dz/dt = (|s|^2 K + rho Z C^2 Z^T) q along the trajectory";
    static constexpr const char* about = "untied softmax flow";
    static constexpr const char* status = "proved";
    static constexpr const char* because =
        "[VRF], appendix; z = Z s, dZ/dt = K q s^T, da/dt = rho C Z^T q, ds/dt = C da/dt.";
    static constexpr unsigned needs = softmax_map | gradient_flow | no_decay | moving_logits;
    static constexpr Mutant mutant = Mutant::reversed;

    /// As for loss_decreases, output by output.
    static constexpr double tolerance(int n, int m) { return 16.0 * (n + m + 8.0) * n; }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        using Real = typename Snapshot::Real;
        Worst<Real> worst;
        Real apart(0.0), terms(0.0);
        v.note_model();
        for (int k = 0; k < v.m; ++k) {
            const auto rate = v.output_rate(k);
            apart = apart + abs(rate.chain - rate.closed);
            terms = terms + rate.terms;
        }
        worst.add_equality(apart, Real(0.0), terms);
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
