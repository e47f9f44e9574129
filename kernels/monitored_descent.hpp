#pragma once
/// Descent that claims are monitored along: as update_rules.hpp, but every state is shown to a
/// monitor, which lies behind what steps work with and stays there from launch to launch.

#include "kernels/descent.hpp"
#include "softmaxflow/model/claims/monitor.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

using MonitoredSystem = AnySystem<double, model::Solo>;
using Monitor = model::Monitor<MonitoredSystem>;
using MonitoredSteps = model::Steps<MonitoredSystem, AnyMethod, Monitor>;

/// With an arena that only counts, counts its bytes.
SOFTMAXFLOW_HD Monitor* make_monitor(const Batch& batch, const model::Parameters& p,
                                     const model::Record& record, model::Arena& arena) {
    make_steps<MonitoredSystem, AnyMethod, Monitor>(batch, model::Solo{}, arena);
    return make_object<Monitor>(arena, p, record, arena);
}

SOFTMAXFLOW_HD void start_monitor(const Batch& batch, long long index, model::Solo) {
    model::Arena arena = arena_of(batch.working, batch.bytes_per_lane, index);
    make_monitor(batch, *batch.parameters_in_memory, *batch.record, arena);
}

SOFTMAXFLOW_HD void advance_monitored(const Batch& batch, long long index, model::Solo team) {
    model::Arena arena = arena_of(batch.working, batch.bytes_per_lane, index);
    MonitoredSteps steps = make_steps<MonitoredSystem, AnyMethod, Monitor>(batch, team, arena);
    Monitor& monitor = *arena.take<Monitor>(1);
    steps(object_of<DescentState<double>>(batch, index), batch.iteration, monitor);
    const model::Parameters& p = batch.parameters;
    if (double(batch.iteration) == p.checkpoints[p.checkpoint_count - 1])
        monitor.store(0, batch.first + index);
}

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
