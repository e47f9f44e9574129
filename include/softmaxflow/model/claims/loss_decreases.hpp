#pragma once
/// The loss falls as fast as the gradient is long: its rate by the chain rule along the trajectory
/// against the squares of the velocities. Equal to a sum of squares, it never rises.

#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct LossDecreases {
    static constexpr const char* name = "loss_decreases";
    static constexpr const char* statement =
        "L never increases; dL/dt = -(|dV/dt|^2 + |da/dt|^2 / rho)";
    static constexpr const char* about =
        "flow; maps softmax, sigmoid, l2, relu; sum until singular";
    static constexpr const char* status = "proved";
    static constexpr const char* because =
        "The flow descends the gradient of L, in the metric that scales the logits by rho.";
    static constexpr unsigned needs = smooth_map | gradient_flow | no_decay | moving_logits;
    static constexpr Mutant mutant = Mutant::doubled;

    /// Both sides are sums of products of numbers good to a few (n + m) units relative to what they
    /// are summed from (snapshot.hpp keeps the sums of absolute values), and <s, w> adds a factor
    /// n.
    static constexpr double tolerance(int n, int m) { return 16.0 * (n + m + 8.0) * n; }

    template <class Snapshot>
    SOFTMAXFLOW_COLD static auto margin(Snapshot& v) {
        using Real = typename Snapshot::Real;
        Worst<Real> worst;
        // -dL/dclock = <r, dz/dclock> by the chain rule.
        Real falls(0.0), terms(0.0);
        v.note_model();
        for (int k = 0; k < v.m; ++k) {
            const auto rate = v.output_rate(k);
            falls = fma(v.residual(k), rate.chain, falls);
            terms = fma(abs(v.residual(k)), rate.terms, terms);
        }
        const Real square = v.square_of_gradient();
        worst.add_equality(falls, square, terms + square);
        return worst;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
