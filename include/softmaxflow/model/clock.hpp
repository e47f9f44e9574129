#pragma once
/// The time that an arc takes. In the arc clock dt = d tau / |q|, and |q| falls exponentially with
/// tau: over one step t may grow by thousands of digits. So t is kept as its logarithm, and grows
/// after each accepted step by the integral of e^g, g = -log |q|, where g is the cubic through its
/// values and slopes at both ends. t takes no part in the control of errors: its equation is stiff
/// and would dictate the steps.

#include "softmaxflow/model/math.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// M_k = integral of x^k e^(-c x) over [0, 1], k = 0 .. 4, for c >= 0.
template <class Real>
struct ExponentialMoments {
    Real m[5];

    SOFTMAXFLOW_COLD explicit ExponentialMoments(Real c) {
        const Real end = exp_call(-c);
        // For large c upwards, M_k = (k M_(k-1) - e^-c) / c.
        const auto large = c > Real(2.0);
        const Real divisor = select(large, c, Real(1.0));
        Real upwards[5];
        upwards[0] = (Real(1.0) - end) / divisor;
        for (int k = 1; k < 5; ++k) upwards[k] = (Real(double(k)) * upwards[k - 1] - end) / divisor;
        // For small c downwards, from M_4 = e^-c sum_j 4! c^j / (5 + j)!: positive terms only.
        const Real small = min(c, Real(2.0));
        Real series(1.0);
        for (int j = 20; j >= 1; --j) series = fma(small * Real(1.0 / (5 + j)), series, Real(1.0));
        Real downwards = exp_call(-small) * series * Real(0.2);
        for (int k = 4; k >= 0; --k) {
            m[k] = select(large, upwards[k], downwards);
            if (k > 0) downwards = fma(small, downwards, exp_call(-small)) * Real(1.0 / k);
        }
    }
};

/// log of the integral of e^g over a step of length h, g the cubic of values g0, g1 and slopes
/// s0, s1. With x running from the end where g is larger, g = top - c x + r(x), r(0) = r(1) = 0;
/// e^r is interpolated by a polynomial of degree 4 and e^(-c x) integrated against it exactly.
template <class Real>
SOFTMAXFLOW_COLD Real log_integral(Real h, Real g0, Real s0, Real g1, Real s1) {
    const auto rises = g1 > g0;
    const Real top = select(rises, g1, g0), c = abs(g1 - g0);
    // Slopes of r at x = 0 and x = 1.
    const Real near = select(rises, -h * s1, h * s0) + c;
    const Real far = select(rises, -h * s0, h * s1) + c;
    // (e^r - 1) / (x (1 - x)) at the quarters; r is kept in bounds where steps are far too long.
    const auto ratio = [&](double x) {
        const Real r = Real(x * (1.0 - x)) * (Real(1.0 - x) * near - Real(x) * far);
        return (exp_call(clamp(r, Real(30.0))) - Real(1.0)) * Real(1.0 / (x * (1.0 - x)));
    };
    const Real a = ratio(0.25), b = ratio(0.5), d = ratio(0.75);
    const Real difference = d - a, bend = (a + d) - (b + b);
    const Real r2 = Real(8.0) * bend, r1 = difference + difference - r2;
    const Real r0 = b - difference + (bend + bend);
    const ExponentialMoments<Real> moments(c);
    const Real* m = moments.m;
    const Real integral = m[0] + (r0 * m[1] + ((r1 - r0) * m[2] + ((r2 - r1) * m[3] - r2 * m[4])));
    return top + log(h) + log(integral);
}

/// log(e^a + e^b); -infinity is log 0.
template <class Real>
SOFTMAXFLOW_COLD Real log_sum(Real a, Real b) {
    const Real high = max(a, b), low = min(a, b);
    return select(low > Real(-infinity()), high + log1p(exp_call(low - high)), high);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
