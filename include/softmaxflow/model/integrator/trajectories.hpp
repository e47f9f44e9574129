#pragma once
/// Replicas of a flow as they stand while nobody steps them: at their start, at a checkpoint, at
/// their end, or wherever a round of steps left them.

#include "softmaxflow/model/integrator/queue.hpp"
#include "softmaxflow/model/integrator/step_control.hpp"
#include "softmaxflow/model/record/recorder.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// How far one replica has come, beside its state and its course.
struct CheckpointState {
    Stage stage = Stage::over;
    int checkpoint = 0, threshold = 0;   // its next ones
    int from = 0, to = -1;               // its state is to be recorded at these; none if to < from
    double status = double(Status::ok);  // once it is over
    int stopped_before = 0;              // likewise: the first checkpoint that it has not reached

    SOFTMAXFLOW_HD bool due() const { return from <= to; }
    SOFTMAXFLOW_HD void reach_checkpoint() { from = to = checkpoint++; }
    /// The last state stands for the checkpoints that are left.
    SOFTMAXFLOW_HD void finish(double how, int checkpoint_count) {
        if (!due()) from = checkpoint;
        to = checkpoint_count - 1;
        const bool stopped =
            how == double(Status::converged) || how == double(Status::stopped_early);
        stopped_before = stopped ? checkpoint : checkpoint_count;
        status = how;
        stage = Stage::over;
    }
};

/// The replicas of one Real of the steps.
template <class SystemType>
struct Trajectories {
    using System = SystemType;
    using Real = typename System::Real;
    using Team = typename System::Team;
    static constexpr int width = width_of<Real>;

    /// In memory that an arena lends.
    SOFTMAXFLOW_HD static void* operator new(unsigned long, void* place) { return place; }

    Recorder<System> recorder;  // their states, and all that is known since their start
    typename Recorder<System>::State derivative;  // of those states
    StepState<Real> step_state;
    CheckpointState at[width];

    SOFTMAXFLOW_HD Trajectories(const Parameters& p, const Record& record, Team team, Arena& arena,
                                typename System::Selection selection)
        : recorder(p, record, team, arena, selection, 0),
          derivative(arena, recorder.system.slots(), p.outputs) {}

    /// Records what is due, and counts the replicas that wait for steps.
    SOFTMAXFLOW_COLD void record(const Parameters& p, const Record& record, Queue& queue) {
        bool any = false;
        for (int i = 0; i < width; ++i) {
            if (!at[i].due()) continue;
            recorder.mark_due(i, at[i].from, at[i].to);
            any = true;
        }
        if (any) {
            step_state.store(recorder.clocks, p.arc_clock);
            recorder.record_due();
        }
        for (int i = 0; i < width; ++i) {
            CheckpointState& w = at[i];
            if (w.due() && w.stage == Stage::over) end(i, record, queue);
            w.from = 0, w.to = -1;
            if (w.stage == Stage::ready) fetch_add(queue.ready, 1);
            if (w.stage == Stage::stiff) fetch_add(queue.stiff, 1);
        }
    }

private:
    SOFTMAXFLOW_COLD void end(int i, const Record& record, Queue& queue) {
        recorder.store_end(i, at[i].status, at[i].stopped_before, lane(step_state.steps, i),
                           lane(step_state.rejected, i));
        fetch_add(queue.ended, 1);
        if constexpr (on_host)
            if (record.tick != nullptr && !record.tick(record.context, 1)) queue.stopped = true;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
