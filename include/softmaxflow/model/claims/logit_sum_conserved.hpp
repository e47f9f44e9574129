#pragma once
/// The logits only trade with each other: their derivatives add up to zero.

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct LogitSumConserved {
    static constexpr const char* name = "logit_sum_conserved";
    static constexpr const char* statement = "sum a_i(t) = sum a_i(0)";
    static constexpr const char* about =
        "untied softmax, no decay; flow, gradient_descent, momentum";
    static constexpr const char* status = "proved";
    static constexpr const char* because = "sum_i (J^T g)_i = sum_i s_i (g_i - <s, g>) = 0.";
    static constexpr unsigned needs =
        softmax_map | flow_or_closed_descent | no_decay | moving_logits;
    static constexpr Mutant mutant = Mutant::uncentred;

    /// sum_i s_i (w_i - <s, w>): the n terms and their sum are rounded a few times each, relative
    /// to the terms; the error of <s, w>, at most (n + 3) unit sum s_j |w_j - w_l|, and that of
    /// sum s - 1 meet terms whose absolute values add up to half of that sum or more where the
    /// reference l has the largest weight, s_l >= 1 / n.
    static constexpr double tolerance(int n, int) { return 4.0 * n * (n + 8.0); }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        using Real = typename Snapshot::Real;
        Worst<Real> worst;
        Real total(0.0), terms(0.0);
        for (int i = 0; i < v.n; ++i) {
            total = total + v.logit_force[i];
            terms = terms + v.logit_force_size(i);
        }
        worst.add_equality(total, Real(0.0), terms);
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
