#pragma once
/// The time that an arc takes. In the arc clock dt = d tau / |q|, and |q| falls exponentially with
/// tau: over one step t may grow by thousands of digits. So t is kept as its logarithm, and grows
/// after each accepted step by an integral over the quintic that has the right value and two
/// derivatives at both ends: of log |q| where that is smooth throughout, of |q| where the arc ends
/// at q = 0. t takes no part in the control of errors: its equation is stiff and would dictate the
/// steps.

#include "softmaxflow/model/numerics/math.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// g = -log |q| at one state, and its derivatives along the arc.
template <class Real>
struct LogInverseSpeed {
    Real log{0.0}, slope{0.0}, second_derivative{0.0};
};

/// A quintic on [0, 1] that is 0 at both ends, by its two derivatives there.
template <class Real>
struct Bubble {
    Real near, far, near_second, far_second;

    SOFTMAXFLOW_HD Real operator()(Real x) const {
        const Real y = Real(1.0) - x, xy = x * y;
        const Real ends = y * y * fma(Real(3.0), x, Real(1.0)) * near -
                          x * x * fma(Real(3.0), y, Real(1.0)) * far;
        return xy * fma(Real(0.5) * xy, y * near_second + x * far_second, ends);
    }
};

/// Gauss's rule of 12 points on [0, 1].
template <class Real, class F>
SOFTMAXFLOW_HD Real integrate(F f) {
    constexpr double nodes[6] = {0.009219682876640375, 0.04794137181476257, 0.11504866290284765,
                                 0.2063410228566913,   0.3160842505009099,  0.43738329574426554};
    constexpr double weights[6] = {0.023587668193255914, 0.05346966299765921, 0.08003916427167311,
                                   0.10158371336153296,  0.1167462682691774,  0.12457352290670139};
    Real total(0.0);
    for (int i = 0; i < 6; ++i)
        total = fma(Real(weights[i]), f(Real(nodes[i])) + f(Real(1.0 - nodes[i])), total);
    return total;
}

/// log of the integral of e^g over a step of length h, g a quintic.
///
/// With x running from 0 at the end where g is larger, g = top - c x + r(x), r(0) = r(1) = 0. The
/// rule takes the integral over the first 22 / c of it: good to 4e-9 for r = 0, by the weight e^-22
/// of what is left out. r is kept in bounds where steps are far too long.
template <class Real>
SOFTMAXFLOW_COLD Real log_integral(Real h, const LogInverseSpeed<Real>& start,
                                   const LogInverseSpeed<Real>& end) {
    constexpr double range = 22.0;
    const auto rises = end.log > start.log;
    const Real top = max(start.log, end.log), c = abs(end.log - start.log), square = h * h;
    const Bubble<Real> r{select(rises, -h * end.slope, h * start.slope) + c,
                         select(rises, -h * start.slope, h * end.slope) + c,
                         square * select(rises, end.second_derivative, start.second_derivative),
                         square * select(rises, start.second_derivative, end.second_derivative)};
    const Real share = Real(range) / max(c, Real(range));
    const Real total = integrate<Real>([&](Real part) {
        const Real x = share * part;
        return exp_clamped(clamp(r(x), Real(30.0)) - c * x);
    });
    return top + log(h * share) + log(total);
}

/// The same where |q| is the quintic, which may come close to 0.
///
/// With x running from 0 at the end where |q| is larger, |q| / |q(0)| = line(x) + r(x), the line
/// from 1 to e^-c. In the variable y in which the line is e^(-c y) the rule has to integrate line /
/// (line + r), which is about 1.
template <class Real>
SOFTMAXFLOW_COLD Real log_integral_to_zero(Real h, const LogInverseSpeed<Real>& start,
                                           const LogInverseSpeed<Real>& end) {
    const Real one(1.0);
    const auto rises = end.log > start.log;
    const Real bottom = min(start.log, end.log), c = abs(end.log - start.log), square = h * h;
    const Real low = exp_call(-c), fall = one - low;
    const auto second_derivative = [&](const LogInverseSpeed<Real>& p) {
        return fma(p.slope, p.slope, -p.second_derivative) * square;
    };
    const Real start_slope = -h * start.slope, end_slope = -h * end.slope;
    const Bubble<Real> r{select(rises, start_slope, -end_slope) + fall,
                         select(rises, end_slope, -start_slope) * low + fall,
                         select(rises, second_derivative(start), second_derivative(end)),
                         select(rises, second_derivative(end), second_derivative(start)) * low};
    // (1 - e^(-c y)) / (1 - e^-c) and c / (1 - e^-c), by their first terms for small c.
    const auto small = c < Real(FormatOf<Real>::small_fall);
    const Real divisor = select(small, one, fall);
    const Real total = integrate<Real>([&](Real y) {
        const Real e = exp_clamped(-c * y);
        const Real x = select(small, y * fma(Real(0.5) * c, one - y, one), (one - e) / divisor);
        const Real line = fma(-fall, x, one);
        return line / max(line + r(x), Real(1e-13) * line);
    });
    const Real mean = select(small, fma(Real(0.5), c, one), c / divisor);
    return bottom + log(h * mean) + log(total);
}

/// log(e^a + e^b); -infinity is log 0.
template <class Real>
SOFTMAXFLOW_COLD Real log_sum(Real a, Real b) {
    const Real high = max(a, b), low = min(a, b);
    return select(low > Real(-infinity()), high + log1p(exp_call(low - high)), high);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
