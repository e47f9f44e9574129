#pragma once
/// A round of steps of the flow. An item is a team, which takes replicas from a queue until none is
/// left.

#include "kernels/descent.hpp"
#include "softmaxflow/model/integrator/loop.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

/// A replica between launches.
template <class Real>
using Trajectory = model::Trajectories<AnySystem<Real, model::Solo>>;

/// Where the replicas of a batch stand.
template <class Real>
struct Packs {
    const Batch& batch;
    SOFTMAXFLOW_HD Trajectory<Real>& pack(long long k) const {
        return object_of<Trajectory<Real>>(batch, k);
    }
    SOFTMAXFLOW_HD static int replica_slot(long long) { return 0; }
};

/// Part: a model::Integration whose replicas stand in Trajectories of Solo.
template <class Part>
SOFTMAXFLOW_HD Part make_part(const Batch& batch, const model::Record& record,
                              typename Part::Team team, model::Arena& arena) {
    return {batch.parameters, record, team, arena, selection_of<typename Part::System>(batch)};
}

template <class Part>
SOFTMAXFLOW_HD void integrate(const Batch& batch, long long index, typename Part::Team team) {
    model::Arena arena =
        arena_of(batch.working, batch.bytes_per_lane, index * Part::Team::size + team.rank());
    make_part<Part>(batch, *batch.record, team, arena)
        .run(Packs<typename Part::Real>{batch}, *batch.queue, batch.rounds);
}

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
