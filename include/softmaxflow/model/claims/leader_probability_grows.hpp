#pragma once
/// The weight of the leader grows all the time.

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct LeaderProbabilityGrows {
    static constexpr const char* name = "leader_probability_grows";
    static constexpr const char* statement = "s_1 increases";
    static constexpr const char* about = "U";
    static constexpr const char* status = "proved";
    static constexpr const char* because = "Majorization with k = 1.";
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
        // s_1' = s_1 sum_j s_j (a_1' - a_j')
        Real total(0.0), terms(0.0);
        for (int j = 1; j < v.n; ++j) {
            total = fma(v.weight[j], v.logit_force[0] - v.logit_force[j], total);
            terms = fma(v.weight[j], abs(v.logit_force[0]) + abs(v.logit_force[j]), terms);
        }
        worst.add(total, terms);
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
