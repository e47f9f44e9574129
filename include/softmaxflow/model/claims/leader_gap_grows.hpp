#pragma once
/// The leader draws away from every other token.

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct LeaderGapGrows {
    static constexpr const char* name = "leader_gap_grows";
    static constexpr const char* statement = "a_1 - a_j increases for every j";
    static constexpr const char* about = "U";
    static constexpr const char* status = "proved";
    static constexpr const char* because =
        "If u_j <= M the derivative is a sum of two nonnegative terms; else s_1 > s_j > 0 and u_1 "
        "- M > u_j - M > 0.";
    static constexpr unsigned needs = class_u;
    static constexpr Mutant mutant = Mutant::reversed;

    /// a_i' = rho s_i (u_i - M) is off by at most (n + 8) units of rho s_i (|u_i - u_l| + |u_l -
    /// M|), l the token of largest weight. For the leader, whose u is the largest, the parts of u_1
    /// - M have one sign, so its a' is good to (n + 8) units; a_1' >= s_1 / s_j times the error of
    /// a_j' up to the factor 1 / s_1 <= n.
    static constexpr double tolerance(int n, int) { return 4.0 * n * (n + 8.0); }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        using Real = typename Snapshot::Real;
        Worst<Real> worst;
        for (int j = 1; j < v.n; ++j)
            worst.add(v.logit_force[0] - v.logit_force[j],
                      abs(v.logit_force[0]) + abs(v.logit_force[j]));
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
