#pragma once
/// What an adaptive integrator keeps of each replica of a Real, and how it chooses steps.

#include "softmaxflow/model/integrator/explicit_rk.hpp"
#include "softmaxflow/model/integrator/log_time.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

template <class Real>
struct StepState {
    Real clock{0.0};    // t or tau
    Real other{0.0};    // the other one: tau in the time clock, log t in the arc clock
    Real step{0.0};     // to be tried next
    Real error{1.0};    // of the last full step, relative to the tolerance
    Real held{0.0};     // 1 after a rejection: the next step may not grow
    Real landing{0.0};  // > 0: length of a step that ends at an event
    Real target{0.0};   // next checkpoint
    Real stiff{0.0};    // steps in a row that looked stiff
    Real steps{0.0}, rejected{0.0};
    Real leader{0.0}, sign{1.0};              // Frame
    Real speed{0.0};                          // |q| in the time clock
    LogInverseSpeed<Real> log_inverse_speed;  // arc clock
    Real top{0.0};                            // max s
    Real output{0.0};                         // |z|
    Real scale{0.0};                          // 1 / the denominator of the map

    /// Calls f(own, other's) for every number.
    template <class F>
    SOFTMAXFLOW_HD void with(const StepState& o, F f) {
        f(clock, o.clock), f(other, o.other), f(step, o.step), f(error, o.error);
        f(held, o.held), f(landing, o.landing), f(target, o.target), f(stiff, o.stiff);
        f(steps, o.steps), f(rejected, o.rejected), f(leader, o.leader), f(sign, o.sign);
        f(speed, o.speed), f(log_inverse_speed.log, o.log_inverse_speed.log),
            f(log_inverse_speed.slope, o.log_inverse_speed.slope);
        f(log_inverse_speed.second_derivative, o.log_inverse_speed.second_derivative),
            f(top, o.top), f(output, o.output), f(scale, o.scale);
    }
    /// What a run that goes on from here needs to know of it; log t is NaN where t = 0.
    template <class Clocks>
    SOFTMAXFLOW_COLD void store(Clocks& clocks, bool arc_clock) const {
        using Wide = WideOf<Real>;
        const auto wide = [](const Real& x) { return convert<Wide>(x); };
        clocks.clock = wide(clock);
        clocks.step = wide(step);
        clocks.step_error = wide(error);
        clocks.stiff_steps = wide(stiff);
        clocks.arc = wide(arc_clock ? clock : other);
        const Wide log_time = arc_clock ? wide(other) : log(wide(clock));
        clocks.log_time = select(log_time > Wide(-infinity()), log_time, Wide(not_a_number()));
    }
    /// The clocks of a start, or of a state to go on from.
    template <class Clocks>
    SOFTMAXFLOW_COLD void load_clocks(const Clocks& clocks, bool arc_clock, bool goes_on) {
        using Wide = WideOf<Real>;
        clock = convert<Real>(goes_on ? clocks.clock : Wide(0.0));
        other = convert<Real>(!arc_clock ? clocks.arc
                              : goes_on  ? clocks.log_time
                                         : Wide(-infinity()));
    }
    template <class Clocks>
    SOFTMAXFLOW_COLD void load_control(const Clocks& clocks) {
        step = convert<Real>(clocks.step);
        error = convert<Real>(clocks.step_error);
        stiff = convert<Real>(clocks.stiff_steps);
    }
    SOFTMAXFLOW_HD Frame<Real> frame() const { return {leader, sign}; }
};

/// x^p for x > 0.
template <class Real>
SOFTMAXFLOW_COLD Real power(Real x, ScalarOf<Real> p) {
    return exp_call(Real(p) * log(x));
}

/// Steps by a proportional-integral rule (Gustafsson 1991), each replica on its own.
template <class Real>
struct Controller {
    using Scalar = ScalarOf<Real>;
    Scalar order;  // of the local error

    static constexpr double safety = 0.9, most_growth = 10.0, most_shrinkage = 0.2;

    /// After an accepted step h; `clipped` where h was cut short for a checkpoint or an event.
    template <class Mask>
    SOFTMAXFLOW_COLD void accept(StepState<Real>& c, Mask accepted, Mask clipped, Real error,
                                 Real h) const {
        const Real bounded = max(error, Real(1e-10));
        Real factor = Real(safety) * power(bounded, Scalar(-0.7) / order) *
                      power(c.error, Scalar(0.4) / order);
        factor = min(max(factor, Real(most_shrinkage)), Real(most_growth));
        factor = select(c.held > Real(0.0), min(factor, Real(1.0)), factor);
        const Real proposed = select(clipped, max(c.step, factor * h), factor * h);
        c.step = select(accepted, proposed, c.step);
        c.error = select(accepted & !clipped, max(error, Real(1e-4)), c.error);
        c.held = select(accepted, Real(0.0), c.held);
    }

    template <class Mask>
    SOFTMAXFLOW_COLD void reject(StepState<Real>& c, Mask rejected, Real error, Real h) const {
        const Real known = select(error < Real(1e10), max(error, Real(1.0)), Real(1e10));
        const Real factor =
            max(Real(safety) * power(known, Scalar(-1) / order), Real(most_shrinkage));
        c.step = select(rejected, factor * h, c.step);
        c.held = select(rejected, Real(1.0), c.held);
    }
};

/// A first step from the sizes of x, f and f's change over a trial step (Hairer, Norsett and Wanner
/// 1993, II.4). `trial` and `trial_derivative` are used up.
template <class System>
SOFTMAXFLOW_COLD typename System::Real first_step(
    const VectorField<System>& field, const Tolerance<typename System::Real>& tolerance,
    ScalarOf<typename System::Real> order, const typename System::State& x,
    const typename System::State& derivative, const Frame<typename System::Real>& frame,
    typename System::Evaluation& e, typename System::State& trial,
    typename System::State& trial_derivative) {
    using Real = typename System::Real;
    const auto size = [&](auto entry) {
        return root_mean(field.system, e, [&](auto at) {
            const Real ratio = entry(at) / tolerance(at(x), at(x));
            return ratio * ratio;
        });
    };
    const Real state = size([&](auto at) { return at(x); });
    const Real slope = size([&](auto at) { return at(derivative); });
    const auto tiny = (state < Real(1e-5)) | (slope < Real(1e-5));
    const Real h = select(tiny, Real(1e-6), Real(0.01) * state / slope);
    for_each_entry(field.system, [&](auto at) { at(trial) = fma(h, at(derivative), at(x)); });
    Real speed(0.0);
    field(trial, e, frame, trial_derivative, speed);
    const Real second_derivative =
        size([&](auto at) { return at(trial_derivative) - at(derivative); }) / h;
    const Real largest_change = max(slope, second_derivative);
    const Real longer =
        power(Real(0.01) / max(largest_change, Real(1e-15)), ScalarOf<Real>(1) / order);
    const Real second =
        select(largest_change > Real(1e-15), longer, max(Real(1e-6), Real(1e-3) * h));
    return min(Real(100.0) * h, second);
}

/// Where in [0, 1] the cubic of values f0, f1 and slopes d0, d1 reaches 0, if it changes sign.
template <class Real>
SOFTMAXFLOW_COLD Real cubic_root(Real f0, Real d0, Real f1, Real d1) {
    const auto value = [&](Real x) {
        const Real y = Real(1.0) - x;
        return y * y * (f0 * fma(Real(2.0), x, Real(1.0)) + x * d0) +
               x * x * (f1 * fma(Real(2.0), y, Real(1.0)) - y * d1);
    };
    Real low(0.0), high(1.0);
    for (int i = 0; i < 50; ++i) {
        const Real middle = Real(0.5) * (low + high);
        const auto before = value(middle) * f0 > Real(0.0);
        low = select(before, middle, low);
        high = select(before, high, middle);
    }
    return Real(0.5) * (low + high);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
