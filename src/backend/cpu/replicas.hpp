#pragma once
/// Descent as the CPU runs it: draw, step, record.

#include "softmaxflow/model/descent/steps.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The whole run of the replicas of one Real, from the draw of their starts to the last checkpoint.
template <class SystemType, class MethodType, class Monitor = NoMonitor>
class Replicas {
public:
    using System = SystemType;
    using Method = MethodType;
    using Real = typename System::Real;
    using Team = typename System::Team;

    /// Replicas [replica, replica + live) of the run; `live` may be less than the width of a Real.
    SOFTMAXFLOW_HD Replicas(const Parameters& p, const Record& record, Team team, Arena& arena,
                            Int replica, int live, typename System::Selection selection = {},
                            Method method = {})
        : p_(p),
          record_(record),
          replica_(replica),
          live_(live),
          descent_state_(p, record, team, arena, SystemFamily<System>::generalise(selection),
                         memories_of(method)),
          monitor_(p, record, arena),
          working_(arena),
          team_(team),
          selection_(selection),
          method_(method) {
        const Steps<System, Method, Monitor> counts_its_memory(p, team, arena, selection, method);
    }

    /// False if the caller of tick asked to stop.
    SOFTMAXFLOW_HD bool run() {
        descent_state_.start(p_, replica_, live_);
        for (int c = 0; c < p_.checkpoint_count; ++c) {
            const Int before = descent_state_.iteration, next = Int(p_.checkpoints[c]);
            // Steps in f32 look at the state of a checkpoint themselves.
            if (before < next || !is_wide<Real>) {
                Arena arena = working_;
                Steps<System, Method, Monitor> steps(p_, team_, arena, selection_, method_);
                steps(descent_state_, next, monitor_);
            }
            descent_state_.recorder.record_checkpoint(c);
            if (on_host && record_.tick != nullptr &&
                !record_.tick(record_.context, (next - before) * live_))
                return false;
        }
        for (int i = 0; i < live_; ++i) monitor_.store(i, replica_ + i);
        return true;
    }

private:
    const Parameters& p_;
    const Record& record_;
    Int replica_;
    int live_;
    DescentState<GeneralOf<System>> descent_state_;
    Monitor monitor_;
    Arena working_;
    Team team_;
    typename System::Selection selection_;
    Method method_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
