#pragma once
/// The weights lose entropy all the time: -dH/dt = sum_i s_i (a_i - <s, a>) da_i/dt.

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct EntropyDecreases {
    static constexpr const char* name = "entropy_decreases";
    static constexpr const char* statement =
        "the entropy of s decreases, as does every Schur-concave function";
    static constexpr const char* about = "U";
    static constexpr const char* status = "proved";
    static constexpr const char* because =
        "Majorization; or directly as there, with s_i (log s_i + H) in place of s_i (1[i<=k] - "
        "S_k).";
    static constexpr unsigned needs = class_u;
    static constexpr Mutant mutant = Mutant::reversed;

    /// -H' = sum_i x_i a_i', x_i = s_i (a_i - <s, a>), both relative to the leader. x_i and a_i'
    /// are good to (n + 8) units of s_i (|a_i - a_1| + <s, a_1 - a>) and likewise; for the leader
    /// the parts have one sign, and s_1 >= 1 / n makes its term at least 1 / n^2 of the others'
    /// errors over (n + 8) units.
    static constexpr double tolerance(int n, int) { return 4.0 * n * n * (n + 8.0); }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        using Real = typename Snapshot::Real;
        Worst<Real> worst;
        constexpr int top = 0;
        Real mean(0.0), total(0.0), terms(0.0);
        for (int i = 0; i < v.n; ++i) mean = fma(v.weight[i], v.logit[i] - v.logit[top], mean);
        for (int i = 0; i < v.n; ++i) {
            const Real x = v.weight[i] * ((v.logit[i] - v.logit[top]) - mean);
            total = fma(x, v.logit_force[i], total);
            terms = fma(abs(x), abs(v.logit_force[i]), terms);
        }
        worst.add(total, terms);
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
