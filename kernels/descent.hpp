#pragma once
/// The parts of a run of descent: starts, steps to an iteration, a checkpoint. An item is a
/// replica.

#include "kernels/memory.hpp"
#include "softmaxflow/model/descent/steps.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

template <class Real>
using DescentState = model::DescentState<Real, model::Solo>;

template <class Real>
SOFTMAXFLOW_HD DescentState<Real>* make_descent_state(const Batch& batch,
                                                      const model::Parameters& p,
                                                      const model::Record& record,
                                                      model::Arena& arena) {
    return make_object<DescentState<Real>>(
        arena, p, record, model::Solo{}, arena, model::Any<model::Maps>{batch.map},
        model::Any<model::Losses>{batch.loss},
        model::memories_of(model::Any<model::Methods>{batch.method}));
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

template <class Flow, class Method, class Monitor = model::NoMonitor>
SOFTMAXFLOW_HD model::Steps<Flow, Method, Monitor> make_steps(const Batch& batch,
                                                              typename Flow::Team team,
                                                              model::Arena& arena) {
    return {batch.parameters,
            team,
            arena,
            model::chosen<typename Flow::Map>(batch.map),
            model::chosen<typename Flow::Loss>(batch.loss),
            model::chosen<Method>(batch.method)};
}

template <class Flow, class Method>
SOFTMAXFLOW_HD void advance(const Batch& batch, long long index, typename Flow::Team team) {
    model::Arena arena =
        arena_of(batch.working, batch.bytes_per_lane, index * Flow::Team::size + team.rank());
    make_steps<Flow, Method>(batch, team, arena)(
        object_of<DescentState<typename Flow::Real>>(batch, index), batch.iteration);
}

/// Maps, losses, methods and sizes known at run time only.
template <class Real, class Team>
using AnyFlow = model::Flow<model::Any<model::Maps>, model::Any<model::Losses>, Real, Team, 0, 0>;
using AnyMethod = model::Any<model::Methods>;

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
