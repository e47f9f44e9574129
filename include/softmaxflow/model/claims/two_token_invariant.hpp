#pragma once
/// An integral of the motion of two tokens (docs/theory.md).

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct TwoTokenInvariant {
    static constexpr const char* name = "two_token_invariant";
    static constexpr const char* statement =
        "2 cosh A - rho D^2 / kappa_t is constant, A = a_1 - a_2, D = u_1 - u_2";
    static constexpr const char* about = "m = 1, softmax, n = 2, any logits";
    static constexpr const char* status = "proved";
    static constexpr const char* because =
        "Its derivative is 2 A' sinh A - 2 rho D (s_1 - s_2), and A' = 2 rho s_1 s_2 D.";
    static constexpr unsigned needs = softmax_map | gradient_flow | no_decay | moving_logits |
                                      single_output | positive_residual | two_tokens;
    static constexpr Mutant mutant = Mutant::doubled;

    /// Derivative over 2 cosh A + 2: A' tanh(A/2) - rho D (s_1 - s_2) s_1 s_2 2, where tanh(A/2) is
    /// s_1 - s_2. A handful of roundings each; A' from snapshot.logit force is good to 12 units.
    static constexpr double tolerance(int, int) { return 64.0; }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        using Real = typename Snapshot::Real;
        Worst<Real> worst;
        const Real apart = v.weight[0] - v.weight[1], gap = v.value[0] - v.value[1];
        const Real left = (v.logit_force[0] - v.logit_force[1]) * apart;
        const Real right = Real(2.0 * v.logit_rate) * gap * apart * v.weight[0] * v.weight[1];
        worst.add_equality(left, right, abs(left) + abs(right));
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
