#pragma once
/// Descent that claims are watched along: as descent.hpp, but every state is shown to a watcher,
/// which lies behind what steps work with and stays there from launch to launch.

#include "kernels/descent.hpp"
#include "softmaxflow/model/claims/monitor.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

using WatchedFlow = AnyFlow<double, model::Solo>;
using Watcher = model::Watch<WatchedFlow>;
using WatchedSteps = model::Steps<WatchedFlow, AnyMethod, Watcher>;

/// With an arena that only counts, counts its bytes.
SOFTMAXFLOW_HD Watcher* make_watcher(const Batch& batch, const model::Parameters& p,
                                     const model::Record& record, model::Arena& arena) {
    make_steps<WatchedFlow, AnyMethod, Watcher>(batch, model::Solo{}, arena);
    return make_object<Watcher>(arena, p, record, arena);
}

SOFTMAXFLOW_HD void watch(const Batch& batch, long long index, model::Solo) {
    model::Arena arena = arena_of(batch.working, batch.bytes_per_lane, index);
    make_watcher(batch, *batch.parameters_in_memory, *batch.record, arena);
}

SOFTMAXFLOW_HD void advance_watched(const Batch& batch, long long index, model::Solo team) {
    model::Arena arena = arena_of(batch.working, batch.bytes_per_lane, index);
    WatchedSteps steps = make_steps<WatchedFlow, AnyMethod, Watcher>(batch, team, arena);
    Watcher& watcher = *arena.take<Watcher>(1);
    steps(object_of<Standing<double>>(batch, index), batch.iteration, watcher);
    const model::Parameters& p = batch.parameters;
    if (double(batch.iteration) == p.checkpoints[p.checkpoint_count - 1])
        watcher.leave(0, batch.first + index);
}

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
