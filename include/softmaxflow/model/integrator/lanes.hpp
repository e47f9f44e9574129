#pragma once
/// Replicas side by side in the lanes of a Real, each on its own course.

#include "softmaxflow/model/integrator/trajectories.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The replicas in the lanes of one Real: their objectives, states and courses, which they have
/// from their Home and which go back there.
template <class SystemType, class PackTeam>
class Lanes {
public:
    using System = SystemType;
    using Real = typename System::Real;
    using Team = typename System::Team;
    using State = typename System::State;
    using Pack = Trajectories<GeneralOf<System, Real, PackTeam>>;
    static constexpr int width = width_of<Real>;

    System system;
    VectorField<System> field;
    State x;
    StepState<Real> step_state;
    CheckpointState at[width];

    SOFTMAXFLOW_HD Lanes(const Parameters& p, Team team, Arena& arena,
                         typename System::Selection selection)
        : system(arena, team, p.tokens, p.outputs, selection),
          field(system, p),
          x(arena, system.slots(), p.outputs) {
        for (int i = 0; i < width; ++i) pack_[i] = nullptr;
    }

    SOFTMAXFLOW_HD bool busy(int i) const { return pack_[i] != nullptr; }
    SOFTMAXFLOW_HD Int replica(int i) const { return pack_[i]->recorder.replica(replica_slot_[i]); }

    /// Lane i loads the replica in slot j of a pack.
    SOFTMAXFLOW_COLD void load(int i, Pack& pack, int j, State& derivative) {
        pack_[i] = &pack;
        replica_slot_[i] = j;
        if constexpr (width == 1 && is_wide<Real>)
            system.objective.adopt(pack.recorder.system.objective);
        else
            system.objective.copy_lane(i, pack.recorder.system.objective, j, system.output_count());
        system.clear_empty_slots(x);
        const auto copy = [&](Real& own, auto& kept) { copy_lane(own, i, kept, j); };
        system.for_each_pair(x, pack.recorder.system, pack.recorder.x, copy);
        system.for_each_pair(derivative, pack.recorder.system, pack.derivative, copy);
        step_state.with(pack.step_state,
                        [&](Real& own, const Real& kept) { copy_lane(own, i, kept, j); });
        at[i] = pack.at[j];
    }
    /// Everything goes back; the lane is idle then.
    SOFTMAXFLOW_COLD void store(int i, State& derivative) {
        Pack& pack = *pack_[i];
        const int j = replica_slot_[i];
        const auto copy = [&](const Real& own, auto& kept) { copy_lane(kept, j, own, i); };
        system.for_each_pair(x, pack.recorder.system, pack.recorder.x, copy);
        system.for_each_pair(derivative, pack.recorder.system, pack.derivative, copy);
        pack.step_state.with(step_state,
                             [&](Real& kept, const Real& own) { copy_lane(kept, j, own, i); });
        pack.at[j] = at[i];
        pack_[i] = nullptr;
        set_lane(step_state.step, i, ScalarOf<Real>(0));
    }
    /// First passage of max s through the next threshold.
    SOFTMAXFLOW_COLD void store_passage(int i, double when) {
        if (system.tokens.team.rank() == 0)
            pack_[i]->recorder.store_passage(replica_slot_[i], at[i].threshold, when);
        ++at[i].threshold;
    }

private:
    Pack* pack_[width];
    int replica_slot_[width];
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
