#pragma once
/// An integral of the motion of one leader among equal losers (docs/theory.md).

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct EqualLosersInvariant {
    static constexpr const char* name = "equal_losers_invariant";
    static constexpr const char* statement =
        "e^A + (n-2) A + (n-1) e^-A - rho n D^2 / (2 kappa_t) is constant";
    static constexpr const char* about = "m = 1, softmax, equal losers (u and a)";
    static constexpr const char* status = "proved";
    static constexpr const char* because =
        "Its derivative vanishes since A' = rho n s_1 s_j D for A = a_1 - a_j, D = u_1 - u_j.";
    static constexpr unsigned needs = softmax_map | gradient_flow | no_decay | moving_logits |
                                      single_output | positive_residual | equal_losers;
    static constexpr Mutant mutant = Mutant::doubled;

    /// Derivative times s_1^2: A' (s_1^2 + (n-2) s_1 s_j - (n-1) s_j^2) - rho n D (s_1 - s_j) s_1
    /// s_j, where the bracket is (s_1 - s_j) times the sum of all weights. Few roundings on either
    /// side; A' is good to n + 8 units.
    static constexpr double tolerance(int n, int) { return 16.0 * (n + 8.0); }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        using Real = typename Snapshot::Real;
        Worst<Real> worst;
        const Real apart = v.weight[0] - v.weight[1], gap = v.value[0] - v.value[1];
        const Real all = fma(Real(v.n - 1.0), v.weight[1], v.weight[0]);
        const Real left = (v.logit_force[0] - v.logit_force[1]) * apart * all;
        const Real right = Real(v.n * v.logit_rate) * gap * apart * v.weight[0] * v.weight[1];
        worst.add_equality(left, right, abs(left) + abs(right));
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
