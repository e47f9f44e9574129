#pragma once
/// What a replica of the flow meets beside its steps: its initialization and its records, with
/// maps, losses and sizes known at run time only. An item is a replica.

#include "kernels/integrate.hpp"
#include "softmaxflow/model/claims/monitor.hpp"
#include "softmaxflow/model/integrator/initializer.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

template <class Real>
using Initializer =
    model::Initializer<AnySystem<Real, model::Solo>,
                       typename model::MonitorOf<AnySystem<Real, model::Solo>>::Type>;

template <class Real>
SOFTMAXFLOW_HD Trajectory<Real>* make_trajectory(const Batch& batch, const model::Parameters& p,
                                                 const model::Record& record, model::Arena& arena) {
    return make_object<Trajectory<Real>>(arena, p, record, model::Solo{}, arena,
                                         selection_of<AnySystem<Real, model::Solo>>(batch));
}
template <class Real>
SOFTMAXFLOW_HD Initializer<Real> make_initializer(const Batch& batch, const model::Record& record,
                                                  model::Arena& arena) {
    return {batch.parameters, record, model::Solo{}, arena,
            selection_of<AnySystem<Real, model::Solo>>(batch)};
}

/// Replicas that begin, or those that the explicit method has left to the implicit one.
template <class Real>
SOFTMAXFLOW_HD void initialize(const Batch& batch, long long index, model::Solo) {
    model::Arena working = arena_of(batch.working, batch.bytes_per_lane, index);
    Initializer<Real> initializer = make_initializer<Real>(batch, *batch.record, working);
    if (batch.begins) {
        model::Arena arena = arena_of(batch.memory, batch.bytes_per_item, index);
        Trajectory<Real>* replica =
            make_trajectory<Real>(batch, *batch.parameters_in_memory, *batch.record, arena);
        initializer(*replica, batch.first + index, 1);
    } else {
        initializer.resume(object_of<Trajectory<Real>>(batch, index));
    }
}

template <class Real>
SOFTMAXFLOW_HD void record(const Batch& batch, long long index, model::Solo) {
    object_of<Trajectory<Real>>(batch, index).record(batch.parameters, *batch.record, *batch.queue);
}

/// Steps that are not compiled for the shape at hand, and may be monitored.
template <class System, class Stepper>
using AnyPart =
    model::Integration<System, Stepper, model::Solo, typename model::MonitorOf<System>::Type>;
template <class Real, class Team, class Scheme>
using AnyExplicit = AnyPart<AnySystem<Real, Team>, model::Explicit<Scheme, AnySystem<Real, Team>>>;
template <class Real, class Team>
using AnyImplicit = AnyPart<AnySystem<Real, Team>, model::Implicit<AnySystem<Real, Team>>>;

template <class Real, class Team, int Order>
SOFTMAXFLOW_HD void explicit_steps(const Batch& batch, long long index, Team team) {
    integrate<AnyExplicit<Real, Team, model::SchemeOf<Order>>>(batch, index, team);
}
template <class Real, class Team>
SOFTMAXFLOW_HD void implicit_steps(const Batch& batch, long long index, Team team) {
    integrate<AnyImplicit<Real, Team>>(batch, index, team);
}

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
