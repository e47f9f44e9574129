#pragma once
/// The weights become more unequal in the sense of majorization.

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct Majorization {
    static constexpr const char* name = "majorization";
    static constexpr const char* statement =
        "every partial sum s_1 + ... + s_k in the order of u(0) is nondecreasing";
    static constexpr const char* about = "U";
    static constexpr const char* status = "proved";
    static constexpr const char* because =
        "Rearrangement: s_i (u_i - M) and s_i (1[i<=k] - S_k) change their signs once, in the same "
        "order.";
    static constexpr unsigned needs = class_u;
    static constexpr Mutant mutant = Mutant::reversed;

    /// S_k' = (1 - S_k) sum_{i<=k} s_i a_i' - S_k sum_{i>k} s_i a_i', with 1 - S_k as a sum of the
    /// others. Sums of n positive terms are good to n units; the errors of a_i' (leader_gap_grows),
    /// summed with weights s_i, stay below (n + 8) n units of the leader's term.
    static constexpr double tolerance(int n, int) { return 8.0 * n * (n + 8.0); }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        using Real = typename Snapshot::Real;
        Worst<Real> worst;
        // Sums over i > k of s_i, s_i a_i' and s_i |a_i'|: by addition, from the end.
        auto &others = v.workspace[0], &after = v.workspace[1], &after_size = v.workspace[2];
        const int last = v.n - 1;
        others[last] = after[last] = after_size[last] = Real(0.0);
        for (int k = last; k > 0; --k) {
            others[k - 1] = others[k] + v.weight[k];
            after[k - 1] = fma(v.weight[k], v.logit_force[k], after[k]);
            after_size[k - 1] = fma(v.weight[k], abs(v.logit_force[k]), after_size[k]);
        }
        Real share(0.0), before(0.0), before_size(0.0);
        for (int k = 0; k < last; ++k) {
            share = share + v.weight[k];
            before = fma(v.weight[k], v.logit_force[k], before);
            before_size = fma(v.weight[k], abs(v.logit_force[k]), before_size);
            worst.add(others[k] * before - share * after[k],
                      fma(others[k], before_size, share * after_size[k]));
        }
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
