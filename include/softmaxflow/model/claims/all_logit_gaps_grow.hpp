#pragma once
/// The control: [VRF] shows it for the leader, and it is false among losers.

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct AllLogitGapsGrow {
    static constexpr const char* name = "all_logit_gaps_grow";
    static constexpr const char* statement = "a_i - a_j increases for all i < j";
    static constexpr const char* about = "U, n >= 3";
    static constexpr const char* status = "false";
    static constexpr const char* because =
        "Gaps between losers grow at first and shrink again: losers equalise.";
    static constexpr unsigned needs = class_u | three_tokens;
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
        for (int i = 0; i + 1 < v.n; ++i)
            worst.add(v.logit_force[i] - v.logit_force[i + 1],
                      abs(v.logit_force[i]) + abs(v.logit_force[i + 1]));
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
