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

/// Of the method that takes the first step. Hosts let no order pass that no scheme has.
SOFTMAXFLOW_HD int first_error_order(const Parameters& p) {
    if (p.stiff == Stiff::on) return Rodas5P::error_order;
    int order = 0;
    with_scheme(p.order, [&](auto scheme) { order = scheme.error_order; });
    return order;
}

template <class SystemType, class Monitor = NoMonitor>
class Initializer {
public:
    using System = SystemType;
    using Real = typename System::Real;
    using Team = typename System::Team;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;
    using Wide = WideOf<Real>;
    static constexpr int width = width_of<Real>;

    SOFTMAXFLOW_HD Initializer(const Parameters& p, const Record& record, Team team, Arena& arena,
                               typename System::Selection selection)
        : p_(p),
          system_(arena, team, p.tokens, p.outputs, selection),
          field_(system_, p),
          x_(arena, system_.slots(), p.outputs),
          derivative_(arena, system_.slots(), p.outputs),
          ahead_(arena, system_.slots(), p.outputs),
          there_(arena, system_.slots(), p.outputs),
          workspace_(arena, system_.slots(), p.outputs),
          unit_(arena, p.outputs),
          rate_(arena, p.outputs),
          monitor_(p, record, arena) {}

    /// Replicas [replica, replica + live) of the run; `live` may be less than the width.
    SOFTMAXFLOW_COLD void operator()(Trajectories<System>& t, Int replica, int live) {
        t.recorder.start(replica, live);
        t.recorder.note_start();
        take_state(t);
        initialize_steps(t);
        for (int i = 0; i < width; ++i) {
            t.at[i] = {};
            if (i < live) initialize_checkpoints(t, i);
        }
    }

    /// For the implicit method, what was left to it is looked at anew, as at a restart.
    SOFTMAXFLOW_COLD void resume(Trajectories<System>& t) {
        bool any = false;
        for (int i = 0; i < width; ++i) any = any || t.at[i].stage == Stage::stiff;
        if (!any) return;
        take_state(t);
        StepState<Real> c = t.step_state;
        evaluate_frame(c);
        if (p_.arc_clock) arc_time().set_second_derivative(c, x_, derivative_);
        keep_derivative(t);
        for (int i = 0; i < width; ++i)
            if (t.at[i].stage == Stage::stiff)
                t.step_state.with(c,
                                  [&](Real& to, const Real& from) { copy_lane(to, i, from, i); });
    }

private:
    SOFTMAXFLOW_HD ArcTime<System> arc_time() {
        return {field_, ahead_, there_, workspace_, unit_, rate_};
    }

    SOFTMAXFLOW_COLD void take_state(const Trajectories<System>& t) {
        system_.objective.copy(t.recorder.system.objective, p_.outputs);
        for_each_entry(system_, [&](auto at) { at(x_) = convert<Real>(at(t.recorder.x)); });
    }

    SOFTMAXFLOW_COLD void keep_derivative(Trajectories<System>& t) {
        for_each_entry(system_,
                       [&](auto at) { at(t.derivative) = convert<Wide>(at(derivative_)); });
    }

    SOFTMAXFLOW_COLD void initialize_steps(Trajectories<System>& t) {
        const Recorder<System>& origin = t.recorder;
        const bool goes_on = p_.restart[state_column::clock] != nullptr;
        StepState<Real> c;
        c.load_clocks(origin.clocks, p_.arc_clock, goes_on);
        evaluate_frame(c);
        if (goes_on) {
            c.load_control(origin.clocks);
        } else {
            c.step = first_step(field_,
                                Tolerance<Real>{ScalarOf<Real>(p_.rtol), ScalarOf<Real>(p_.atol)},
                                ScalarOf<Real>(first_error_order(p_)), x_, derivative_, c.frame(),
                                workspace_, there_, ahead_);
        }
        if (p_.stiff == Stiff::on) c.stiff = Real(-1.0);
        monitor_.start(system_, x_, workspace_, c.sign, origin);
        if (p_.arc_clock) arc_time().set_second_derivative(c, x_, derivative_);
        keep_derivative(t);
        t.step_state = c;
    }

    /// What a course needs of the state it starts from.
    SOFTMAXFLOW_COLD void evaluate_frame(StepState<Real>& c) {
        system_.evaluate_weights(x_, workspace_);
        c.leader = system_.leading_token(workspace_);
        if (field_.single()) {
            // The sign of q; the first evaluation finds z, whatever sign it is given.
            field_(x_, workspace_, c.frame(), derivative_, c.speed);
            field_.log_speed(workspace_, unit_, workspace_.output_scratch);
            c.sign = unit_[0];
        }
        field_(x_, workspace_, c.frame(), derivative_, c.speed);
        c.top = system_.largest_share(workspace_);
        c.output = norm(system_.outputs, workspace_.output);
        c.scale = workspace_.scales.weight;
        if (p_.arc_clock)
            c.log_inverse_speed = arc_time().log_inverse_speed_at(c, x_, derivative_, workspace_);
    }

    /// Lane i stands at the first checkpoint, perhaps beyond some thresholds, perhaps at its end.
    SOFTMAXFLOW_COLD void initialize_checkpoints(Trajectories<System>& t, int i) {
        const StepState<Real>& c = t.step_state;
        CheckpointState& w = t.at[i];
        while (w.threshold < p_.threshold_count &&
               lane(c.top, i) >= ScalarOf<Real>(p_.thresholds[w.threshold]))
            t.recorder.store_passage(i, w.threshold++, lane(c.clock, i));
        w.stage = p_.stiff == Stiff::on ? Stage::stiff : Stage::ready;
        w.reach_checkpoint();
        const bool finite = lane(c.step, i) - lane(c.step, i) == 0.0 && lane(c.step, i) > 0.0;
        const double status = lane(Termination<System>{p_, field_}.at_state(c), i);
        if (!finite)
            w.finish(double(Status::non_finite), p_.checkpoint_count);
        else if (status != double(Status::ok))
            w.finish(status, p_.checkpoint_count);
        else if (w.checkpoint == p_.checkpoint_count)
            w.finish(double(Status::ok), p_.checkpoint_count);
        else if (lane(c.stiff, i) < 0.0 && p_.stiff == Stiff::automatic)
            w.stage = Stage::stiff;
    }

    const Parameters& p_;
    System system_;
    VectorField<System> field_;
    State x_, derivative_, ahead_, there_;
    Evaluation workspace_;
    decltype(Evaluation::output) unit_, rate_;
    Monitor monitor_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
