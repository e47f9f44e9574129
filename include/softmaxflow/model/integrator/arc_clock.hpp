#pragma once
/// log t of replicas that step in the arc clock (log_time.hpp has the rule).

#include "softmaxflow/model/integrator/step_control.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The members but the field are room.
template <class SystemType>
struct ArcTime {
    using System = SystemType;
    using Real = typename System::Real;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;
    using Mask = typename RealTraits<Real>::Mask;
    using Output = decltype(Evaluation::output);

    const VectorField<System>& field;
    State &ahead, &there;
    Evaluation& workspace;
    Output &unit, &rate;

    /// After a step of length h from the state that c.pace describes to x, evaluated in e.
    SOFTMAXFLOW_COLD void advance(StepState<Real>& c, const State& x, const State& derivative,
                                  Evaluation& e, Mask accepted, Real h) {
        const LogInverseSpeed<Real> before = c.log_inverse_speed;
        c.log_inverse_speed = log_inverse_speed_at(c, x, derivative, e);
        set_second_derivative(c, x, derivative);
        const Real grown = field.system.finite_arc()
                               ? log_integral_to_zero(h, before, c.log_inverse_speed)
                               : log_integral(h, before, c.log_inverse_speed);
        c.other = select(accepted, log_sum(c.other, grown), c.other);
        c.log_inverse_speed.log = select(accepted, c.log_inverse_speed.log, before.log);
        c.log_inverse_speed.slope = select(accepted, c.log_inverse_speed.slope, before.slope);
        c.log_inverse_speed.second_derivative =
            select(accepted, c.log_inverse_speed.second_derivative, before.second_derivative);
    }

    /// -log |q| and its slope along the arc, <q / |q|, G dz/dtau> / |q|, of a state evaluated in e.
    SOFTMAXFLOW_COLD LogInverseSpeed<Real> log_inverse_speed_at(const StepState<Real>& c,
                                                                const State& x,
                                                                const State& derivative,
                                                                Evaluation& e) {
        field.output_rate(x, derivative, e, c.frame(), rate);
        LogInverseSpeed<Real> log_inverse_speed;
        log_inverse_speed.log = -field.log_speed(e, unit, e.output_scratch);
        const Real speed = exp_call(-log_inverse_speed.log);
        log_inverse_speed.slope = field.system.residual_decay(e, unit, rate, speed);
        return log_inverse_speed;
    }

    /// The second derivative of the pace, by the change of the first a millionth of the next step
    /// ahead (f32: 1/256): far enough for rounding, near enough for the rule of log_time.hpp.
    SOFTMAXFLOW_COLD void set_second_derivative(StepState<Real>& c, const State& x,
                                                const State& derivative) {
        const Real distance = Real(FormatOf<Real>::look_ahead) * c.step;
        for_each_entry(field.system, [&](auto at) SOFTMAXFLOW_INLINE {
            at(ahead) = fma(distance, at(derivative), at(x));
        });
        Real speed(0.0);
        field(ahead, workspace, c.frame(), there, speed);
        const Real second_derivative =
            (log_inverse_speed_at(c, ahead, there, workspace).slope - c.log_inverse_speed.slope) /
            distance;
        c.log_inverse_speed.second_derivative =
            select(is_finite(second_derivative), second_derivative, Real(0.0));
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
