#pragma once
/// log t of replicas that step in the arc clock (clock.hpp has the rule).

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
    Evaluation& room;
    Output &unit, &rate;

    /// After a step of length h from the state that c.pace describes to x, evaluated in e.
    SOFTMAXFLOW_COLD void advance(Course<Real>& c, const State& x, const State& derivative,
                                  Evaluation& e, Mask accepted, Real h) {
        const Pace<Real> before = c.pace;
        c.pace = pace_of(c, x, derivative, e);
        note_bend(c, x, derivative);
        Real grown(0.0);
        visit(field.flow.loss, [&](auto loss) {
            grown = loss.finite_arc ? log_integral_to_zero(h, before, c.pace)
                                    : log_integral(h, before, c.pace);
        });
        c.other = select(accepted, log_sum(c.other, grown), c.other);
        c.pace.log = select(accepted, c.pace.log, before.log);
        c.pace.slope = select(accepted, c.pace.slope, before.slope);
        c.pace.bend = select(accepted, c.pace.bend, before.bend);
    }

    /// -log |q| and its slope along the arc, <q / |q|, G dz/dtau> / |q|, of a state evaluated in e.
    SOFTMAXFLOW_COLD Pace<Real> pace_of(const Course<Real>& c, const State& x,
                                        const State& derivative, Evaluation& e) {
        const Flow& flow = field.flow;
        field.output_rate(x, derivative, e, c.vantage(), rate);
        Pace<Real> pace;
        pace.log = -field.log_speed(e, unit, e.output_scratch);
        const Real speed = exp_call(-pace.log);
        visit(flow.loss, [&](auto loss) {
            auto& g = e.output_scratch;
            loss.curvature(flow.objective, flow.outputs, e.output, unit, speed, g);
            Real mean(0.0);
            for (int k = 0; loss.simplex && k < flow.output_count(); ++k)
                mean = fma(g[k] * speed, rate[k], mean);
            for (int k = 0; k < flow.output_count(); ++k)
                pace.slope = fma(unit[k], g[k] * (rate[k] - mean), pace.slope);
        });
        return pace;
    }

    /// The second derivative of the pace, by the change of the first a millionth of the next step
    /// ahead (f32: 1/256): far enough for rounding, near enough for the rule of clock.hpp.
    SOFTMAXFLOW_COLD void note_bend(Course<Real>& c, const State& x, const State& derivative) {
        const Real distance = Real(FormatOf<Real>::look_ahead) * c.step;
        for_each_entry(field.flow, [&](auto at) SOFTMAXFLOW_INLINE {
            at(ahead) = fma(distance, at(derivative), at(x));
        });
        Real speed(0.0);
        field(ahead, room, c.vantage(), there, speed);
        const Real bend = (pace_of(c, ahead, there, room).slope - c.pace.slope) / distance;
        c.pace.bend = select(is_finite(bend), bend, Real(0.0));
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
