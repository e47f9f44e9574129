#pragma once
/// The parts of a run of descent: starts, steps to an iteration, a checkpoint. An item is a
/// replica.

#include "kernels/memory.hpp"
#include "softmaxflow/model/descent/steps.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

/// Maps, losses, methods and sizes known at run time only.
template <class Real, class Team>
using AnySystem = model::AnyValueSoftmax<Real, Team>;
using AnyMethod = model::Any<model::Methods>;

template <class Real>
using DescentState = model::DescentState<AnySystem<Real, model::Solo>>;

/// What a batch leaves open of the types of a system.
template <class System>
SOFTMAXFLOW_HD typename System::Selection selection_of(const Batch& batch) {
    return System::Selection::of(batch.map, batch.loss);
}

template <class Real>
SOFTMAXFLOW_HD DescentState<Real>* make_descent_state(const Batch& batch,
                                                      const model::Parameters& p,
                                                      const model::Record& record,
                                                      model::Arena& arena) {
    return make_object<DescentState<Real>>(arena, p, record, model::Solo{}, arena,
                                           selection_of<AnySystem<Real, model::Solo>>(batch),
                                           model::memories_of(AnyMethod{batch.method}));
}

template <class Real>
SOFTMAXFLOW_HD void start(const Batch& batch, long long index, model::Solo) {
    model::Arena arena = arena_of(batch.memory, batch.bytes_per_item, index);
    make_descent_state<Real>(batch, *batch.parameters_in_memory, *batch.record, arena)
        ->start(batch.parameters, batch.first + index, 1);
}

template <class Real>
SOFTMAXFLOW_HD void record_checkpoint(const Batch& batch, long long index, model::Solo) {
    object_of<DescentState<Real>>(batch, index).recorder.record_checkpoint(batch.checkpoint);
}

template <class System, class Method, class Monitor = model::NoMonitor>
SOFTMAXFLOW_HD model::Steps<System, Method, Monitor> make_steps(const Batch& batch,
                                                                typename System::Team team,
                                                                model::Arena& arena) {
    return {batch.parameters, team, arena, selection_of<System>(batch),
            model::chosen<Method>(batch.method)};
}

template <class System, class Method>
SOFTMAXFLOW_HD void advance(const Batch& batch, long long index, typename System::Team team) {
    model::Arena arena =
        arena_of(batch.working, batch.bytes_per_lane, index * System::Team::size + team.rank());
    make_steps<System, Method>(batch, team, arena)(
        object_of<DescentState<typename System::Real>>(batch, index), batch.iteration);
}

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
