#pragma once
/// Values drift apart as fast as their weights differ.

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct ValueGapsGrow {
    static constexpr const char* name = "value_gaps_grow";
    static constexpr const char* statement = "u_i - u_j increases for i < j";
    static constexpr const char* about = "U";
    static constexpr const char* status = "proved";
    static constexpr const char* because =
        "d(u_i - u_j)/dtau = kappa_t (s_i - s_j) > 0, the order of a being that of u(0).";
    static constexpr unsigned needs = class_u;
    static constexpr Mutant mutant = Mutant::reversed;

    /// s_i and s_j come from exp to 1 ulp each, times one scale: their difference is off by at most
    /// 2 ulp (s_i + s_j); sum and ratio add two roundings.
    static constexpr double tolerance(int, int) { return 8.0; }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        using Real = typename Snapshot::Real;
        Worst<Real> worst;
        // A gap of neighbours that does not shrink: then none does.
        for (int i = 0; i + 1 < v.n; ++i)
            worst.add(v.weight[i] - v.weight[i + 1], v.weight[i] + v.weight[i + 1]);
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
