#pragma once
/// The order of what happens to the replicas of a flow, which every backend has from here.

#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/model/integrator/queue.hpp"

namespace softmaxflow::host::inline SOFTMAXFLOW_TARGET {

/// Runs the replicas of `queue` to their ends: those that the explicit method finds stiff go on
/// with the implicit one. False if somebody asked to stop, which queue.stopped says then.
///
/// An executor loops, or launches kernels:
///
///     initialize(begins)   draws every replica and puts it on its way; begins = false: looks anew
///                          at those that were left to the implicit method
///     record(queue)        records what is due; counts in queue.ready and queue.stiff the replicas
///                          that wait for explicit and for implicit steps
///     round(stage, queue)  steps those that wait, by the method of that stage, until each stands
///                          at its next checkpoint, or fewer are left than pays
template <class Executor>
bool flow_rounds(model::Stiff stiff, model::Queue& queue, Executor& executor) {
    const auto record = [&] {
        queue.ready = queue.stiff = 0;
        executor.record(queue);
    };
    const auto drain = [&](model::Stage stage) {
        while (!queue.stopped && queue.waiting(stage) > 0) {
            executor.round(stage, queue);
            record();
        }
    };
    executor.initialize(true);
    record();
    drain(model::Stage::ready);
    if (stiff == model::Stiff::automatic && !queue.stopped && queue.stiff > 0)
        executor.initialize(false);
    drain(model::Stage::stiff);
    return !queue.stopped;
}

}  // namespace softmaxflow::host::inline SOFTMAXFLOW_TARGET
