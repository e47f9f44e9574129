#pragma once
/// log t of replicas that step in the arc clock (clock.hpp has the rule).

#include "softmaxflow/model/lanes.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// `stepper` has just taken a step; the other members are room.
template <class FlowType, class Stepper>
struct ArcTime {
    using Flow = FlowType;
    using Real = typename Flow::Real;
    using State = typename Flow::State;
    using Evaluation = typename Flow::Evaluation;
    using Mask = typename RealTraits<Real>::Mask;
    using Output = decltype(Evaluation::output);

    Stepper& stepper;
    State& trial;
    Evaluation& room;
    Output &unit, &rate;

    /// After a step of length h from the state that active.course.pace describes.
    SOFTMAXFLOW_COLD void advance(Lanes<Flow>& active, Mask accepted, Real h) {
        Course<Real>& c = active.course;
        const Pace<Real> before = c.pace;
        c.pace = pace_of(active, active.x, stepper.derivative(), stepper.evaluation);
        note_bend(active, stepper.derivative());
        Real grown(0.0);
        visit(active.flow.loss, [&](auto loss) {
            grown = loss.finite_arc ? log_integral_to_zero(h, before, c.pace)
                                    : log_integral(h, before, c.pace);
        });
        c.other = select(accepted, log_sum(c.other, grown), c.other);
        c.pace.log = select(accepted, c.pace.log, before.log);
        c.pace.slope = select(accepted, c.pace.slope, before.slope);
        c.pace.bend = select(accepted, c.pace.bend, before.bend);
    }

    /// -log |q| and its slope along the arc, <q / |q|, G dz/dtau> / |q|, of a state evaluated in e.
    SOFTMAXFLOW_COLD Pace<Real> pace_of(Lanes<Flow>& lanes, const State& x, const State& derivative,
                                        Evaluation& e) {
        const Flow& flow = lanes.flow;
        lanes.field.output_rate(x, derivative, e, lanes.course.vantage(), rate);
        Pace<Real> pace;
        pace.log = -lanes.field.log_speed(e, unit, e.output_scratch);
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
    SOFTMAXFLOW_COLD void note_bend(Lanes<Flow>& lanes, const State& derivative) {
        Course<Real>& c = lanes.course;
        State &ahead = stepper.next, &there = trial;
        const Real distance = Real(FormatOf<Real>::look_ahead) * c.step;
        for_each_entry(lanes.flow, [&](auto at) SOFTMAXFLOW_INLINE {
            at(ahead) = fma(distance, at(derivative), at(lanes.x));
        });
        Real speed(0.0);
        lanes.field(ahead, room, c.vantage(), there, speed);
        const Real bend = (pace_of(lanes, ahead, there, room).slope - c.pace.slope) / distance;
        c.pace.bend = select(is_finite(bend), bend, Real(0.0));
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
