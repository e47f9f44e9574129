#pragma once
/// Puts replicas of a flow on their way: draws or reads their starts, and finds what an integrator
/// wants to know of them. Over maps, losses and sizes known at run time only, like the recorder, so
/// that there is one of it however many kernels are specialised to a shape.

#include "softmaxflow/model/integrator/arc_clock.hpp"
#include "softmaxflow/model/integrator/lanes.hpp"
#include "softmaxflow/model/integrator/rosenbrock.hpp"
#include "softmaxflow/model/integrator/termination.hpp"
#include "softmaxflow/model/integrator/trajectories.hpp"
#include "softmaxflow/model/record/no_monitor.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Of the method that takes the first step.
SOFTMAXFLOW_HD int first_error_order(const Parameters& p) {
    if (p.stiff == Stiff::on) return Rodas5P::error_order;
    if (p.order == BogackiShampine::order) return BogackiShampine::error_order;
    return p.order == DormandPrince::order ? DormandPrince::error_order : Tsitouras::error_order;
}

template <class RealType, class TeamType, class Watcher = Unwatched>
class Departure {
public:
    using Real = RealType;
    using Team = TeamType;
    using Flow = model::Flow<Any<Maps>, Any<Losses>, Real, Team, 0, 0>;
    using State = typename Flow::State;
    using Evaluation = typename Flow::Evaluation;
    using Wide = WideOf<Real>;
    static constexpr int width = width_of<Real>;

    SOFTMAXFLOW_HD Departure(const Parameters& p, const Record& record, Team team, Arena& arena,
                             Any<Maps> map, Any<Losses> loss)
        : p_(p),
          flow_(arena, team, p.tokens, p.outputs, map, loss),
          field_(flow_, p),
          x_(arena, flow_.slots(), p.outputs),
          derivative_(arena, flow_.slots(), p.outputs),
          ahead_(arena, flow_.slots(), p.outputs),
          there_(arena, flow_.slots(), p.outputs),
          room_(arena, flow_.slots(), p.outputs),
          unit_(arena, p.outputs),
          rate_(arena, p.outputs),
          watcher_(p, record, arena) {}

    /// Replicas [replica, replica + live) of the run; `live` may be less than the width.
    SOFTMAXFLOW_COLD void operator()(Trajectories<Real, Team>& t, Int replica, int live) {
        t.recorder.start(replica, live);
        t.recorder.note_start();
        take_state(t);
        set_out(t);
        for (int i = 0; i < width; ++i) {
            t.at[i] = {};
            if (i < live) put_on_way(t, i);
        }
    }

    /// For the implicit method, what was left to it is looked at anew, as at a restart.
    SOFTMAXFLOW_COLD void resume(Trajectories<Real, Team>& t) {
        bool any = false;
        for (int i = 0; i < width; ++i) any = any || t.at[i].stage == Stage::stiff;
        if (!any) return;
        take_state(t);
        Course<Real> c = t.course;
        look_around(c);
        if (p_.arc_clock) arc_time().note_bend(c, x_, derivative_);
        keep_derivative(t);
        for (int i = 0; i < width; ++i)
            if (t.at[i].stage == Stage::stiff)
                t.course.with(c, [&](Real& to, const Real& from) { copy_lane(to, i, from, i); });
    }

private:
    SOFTMAXFLOW_HD ArcTime<Flow> arc_time() {
        return {field_, ahead_, there_, room_, unit_, rate_};
    }

    SOFTMAXFLOW_COLD void take_state(const Trajectories<Real, Team>& t) {
        flow_.objective.copy(t.recorder.flow.objective, p_.outputs);
        for_each_entry(flow_, [&](auto at) { at(x_) = convert<Real>(at(t.recorder.x)); });
    }

    SOFTMAXFLOW_COLD void keep_derivative(Trajectories<Real, Team>& t) {
        for_each_entry(flow_, [&](auto at) { at(t.derivative) = convert<Wide>(at(derivative_)); });
    }

    SOFTMAXFLOW_COLD void set_out(Trajectories<Real, Team>& t) {
        const Recorder<Real, Team>& origin = t.recorder;
        const bool restart = p_.restart_clock != nullptr;
        Course<Real> c;
        c.clock = convert<Real>(restart ? origin.clock : Wide(0.0));
        c.other = convert<Real>(!p_.arc_clock ? origin.arc
                                : restart     ? origin.log_time
                                              : Wide(-infinity()));
        look_around(c);
        if (restart) {
            c.step = convert<Real>(origin.step_size);
            c.error = convert<Real>(origin.step_error);
            c.stiff = convert<Real>(origin.stiff_steps);
        } else {
            c.step = first_step(field_,
                                Tolerance<Real>{ScalarOf<Real>(p_.rtol), ScalarOf<Real>(p_.atol)},
                                ScalarOf<Real>(first_error_order(p_)), x_, derivative_, c.vantage(),
                                room_, there_, ahead_);
        }
        if (p_.stiff == Stiff::on) c.stiff = Real(-1.0);
        watcher_.start(flow_, x_, room_, c.sign, origin);
        if (p_.arc_clock) arc_time().note_bend(c, x_, derivative_);
        keep_derivative(t);
        t.course = c;
    }

    /// What a course needs of the state it starts from.
    SOFTMAXFLOW_COLD void look_around(Course<Real>& c) {
        visit(flow_.map, [&](auto map) {
            room_.scales =
                map.weights(flow_.tokens, x_.logits, room_.numerators, room_.token_scratch);
        });
        c.leader = largest_token(flow_, room_);
        if (field_.single()) {
            // The sign of q; the first evaluation finds z, whatever sign it is given.
            field_(x_, room_, c.vantage(), derivative_, c.speed);
            field_.log_speed(room_, unit_, room_.output_scratch);
            c.sign = unit_[0];
        }
        field_(x_, room_, c.vantage(), derivative_, c.speed);
        c.top = top_share(flow_, room_);
        c.output = norm(flow_.outputs, room_.output);
        c.scale = room_.scales.weight;
        if (p_.arc_clock) c.pace = arc_time().pace_of(c, x_, derivative_, room_);
    }

    /// Lane i stands at the first checkpoint, perhaps beyond some thresholds, perhaps at its end.
    SOFTMAXFLOW_COLD void put_on_way(Trajectories<Real, Team>& t, int i) {
        const Course<Real>& c = t.course;
        Whereabouts& w = t.at[i];
        while (w.threshold < p_.threshold_count &&
               lane(c.top, i) >= ScalarOf<Real>(p_.thresholds[w.threshold]))
            t.recorder.store_passage(i, w.threshold++, lane(c.clock, i));
        w.stage = p_.stiff == Stiff::on ? Stage::stiff : Stage::ready;
        w.reach_checkpoint();
        const bool finite = lane(c.step, i) - lane(c.step, i) == 0.0 && lane(c.step, i) > 0.0;
        const double status = lane(Ends<Flow>{p_, field_}.at_state(c), i);
        if (!finite)
            w.finish(non_finite, p_.checkpoint_count);
        else if (status != ok)
            w.finish(status, p_.checkpoint_count);
        else if (w.checkpoint == p_.checkpoint_count)
            w.finish(ok, p_.checkpoint_count);
        else if (lane(c.stiff, i) < 0.0 && p_.stiff == Stiff::automatic)
            w.stage = Stage::stiff;
    }

    const Parameters& p_;
    Flow flow_;
    Field<Flow> field_;
    State x_, derivative_, ahead_, there_;
    Evaluation room_;
    decltype(Evaluation::output) unit_, rate_;
    Watcher watcher_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
