#pragma once
/// A run of gradient flow: teams of lanes take replicas from a queue until it is empty, some rounds
/// of steps at a launch. An item is a team, each lane of which has an object and arrays of its own.

#include "kernels/descent.hpp"
#include "softmaxflow/model/watch.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

template <class Flow, class Scheme>
using ExplicitPart =
    model::Integration<Flow, model::Explicit<Scheme, Flow>, typename model::WatcherOf<Flow>::Type>;
template <class Flow>
using ImplicitPart =
    model::Integration<Flow, model::Implicit<Flow>, typename model::WatcherOf<Flow>::Type>;

/// Whether replicas are left to this method by the other.
template <class Part>
inline constexpr bool takes_parked = false;
template <class Flow, class Watcher>
inline constexpr bool takes_parked<model::Integration<Flow, model::Implicit<Flow>, Watcher>> = true;

template <class Part>
SOFTMAXFLOW_HD Part* make_part(const Batch& batch, const model::Parameters& p,
                               const model::Record& record, typename Part::Team team,
                               model::Arena& arena, model::Queue& queue) {
    using Flow = typename Part::Flow;
    const bool takes = takes_parked<Part>;
    return make_object<Part>(arena, p, record, team, arena,
                             model::chosen<typename Flow::Map>(batch.map),
                             model::chosen<typename Flow::Loss>(batch.loss), queue, takes);
}

/// One kernel for the first launch and the others: two would be compiled with a copy each of
/// everything that a replica meets, from its draw to its record.
template <class Part>
SOFTMAXFLOW_HD void integrate(const Batch& batch, long long index, typename Part::Team team) {
    const long long lane = index * Part::Team::size + team.rank();
    Part* part = &object_of<Part>(batch, lane);
    if (batch.begins) {
        model::Arena arena = arena_of(batch.memory, batch.bytes_per_item, lane);
        part = make_part<Part>(batch, *batch.parameters_in_memory, *batch.record, team, arena,
                               *reinterpret_cast<model::Queue*>(batch.queue));
        part->begin();
    }
    if (part->go_on(batch.rounds) && team.rank() == 0) model::fetch_add(*batch.busy, 1);
}

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
