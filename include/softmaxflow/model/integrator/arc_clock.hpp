#pragma once
/// log t of replicas that step in the arc clock (log_time.hpp has the rule).

#include "softmaxflow/model/integrator/step_control.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The members but the field are room.
template <class FlowType>
struct ArcTime {
    using Flow = FlowType;
    using Real = typename Flow::Real;
    using State = typename Flow::State;
    using Evaluation = typename Flow::Evaluation;
    using Mask = typename RealTraits<Real>::Mask;
    using Output = decltype(Evaluation::output);

    const Field<Flow>& field;
    State &ahead, &there;
    Evaluation& workspace;
    Output &unit, &rate;

    /// After a step of length h from the state that c.pace describes to x, evaluated in e.
    SOFTMAXFLOW_COLD void advance(StepState<Real>& c, const State& x, const State& derivative,
                                  Evaluation& e, Mask accepted, Real h) {
        const LogInverseSpeed<Real> before = c.log_inverse_speed;
        c.log_inverse_speed = log_inverse_speed_at(c, x, derivative, e);
        set_second_derivative(c, x, derivative);
        Real grown(0.0);
        visit(field.flow.loss, [&](auto loss) {
            grown = loss.finite_arc ? log_integral_to_zero(h, before, c.log_inverse_speed)
                                    : log_integral(h, before, c.log_inverse_speed);
        });
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
        const Flow& flow = field.flow;
        field.output_rate(x, derivative, e, c.frame(), rate);
        LogInverseSpeed<Real> log_inverse_speed;
        log_inverse_speed.log = -field.log_speed(e, unit, e.output_scratch);
        const Real speed = exp_call(-log_inverse_speed.log);
        visit(flow.loss, [&](auto loss) {
            auto& g = e.output_scratch;
            loss.curvature(flow.objective, flow.outputs, e.output, unit, speed, g);
            Real mean(0.0);
            for (int k = 0; loss.simplex && k < flow.output_count(); ++k)
                mean = fma(g[k] * speed, rate[k], mean);
            for (int k = 0; k < flow.output_count(); ++k)
                log_inverse_speed.slope =
                    fma(unit[k], g[k] * (rate[k] - mean), log_inverse_speed.slope);
        });
        return log_inverse_speed;
    }

    /// The second derivative of the pace, by the change of the first a millionth of the next step
    /// ahead (f32: 1/256): far enough for rounding, near enough for the rule of log_time.hpp.
    SOFTMAXFLOW_COLD void set_second_derivative(StepState<Real>& c, const State& x,
                                                const State& derivative) {
        const Real distance = Real(FormatOf<Real>::look_ahead) * c.step;
        for_each_entry(field.flow, [&](auto at) SOFTMAXFLOW_INLINE {
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
