#pragma once
/// Replicas side by side in the lanes of a Real, each on its own course.

#include "softmaxflow/model/integrator/trajectories.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The replicas in the lanes of one Real: their objectives, states and courses, which they have
/// from their Home and which go back there.
template <class FlowType, class PackTeam>
class Lanes {
public:
    using Flow = FlowType;
    using Real = typename Flow::Real;
    using Team = typename Flow::Team;
    using State = typename Flow::State;
    using Pack = Trajectories<Real, PackTeam>;
    static constexpr int width = width_of<Real>;

    Flow flow;
    Field<Flow> field;
    State x;
    StepState<Real> step_state;
    CheckpointState at[width];

    SOFTMAXFLOW_HD Lanes(const Parameters& p, Team team, Arena& arena, typename Flow::Map map,
                         typename Flow::Loss loss)
        : flow(arena, team, p.tokens, p.outputs, map, loss),
          field(flow, p),
          x(arena, flow.slots(), p.outputs) {
        for (int i = 0; i < width; ++i) pack_[i] = nullptr;
    }

    SOFTMAXFLOW_HD bool busy(int i) const { return pack_[i] != nullptr; }
    SOFTMAXFLOW_HD Int replica(int i) const { return pack_[i]->recorder.replica(replica_slot_[i]); }

    /// Lane i loads the replica in slot j of a pack.
    SOFTMAXFLOW_COLD void load(int i, Pack& pack, int j, State& derivative) {
        pack_[i] = &pack;
        replica_slot_[i] = j;
        if constexpr (width == 1 && is_wide<Real>)
            flow.objective.adopt(pack.recorder.flow.objective);
        else
            flow.objective.copy_lane(i, pack.recorder.flow.objective, j, flow.output_count());
        clear_empty_slots();
        const auto copy = [&](Real& own, auto& kept) { copy_lane(own, i, kept, j); };
        for_each_pair(x, pack, pack.recorder.x, copy);
        for_each_pair(derivative, pack, pack.derivative, copy);
        step_state.with(pack.step_state,
                        [&](Real& own, const Real& kept) { copy_lane(own, i, kept, j); });
        at[i] = pack.at[j];
    }
    /// Everything goes back; the lane is idle then.
    SOFTMAXFLOW_COLD void store(int i, State& derivative) {
        Pack& pack = *pack_[i];
        const int j = replica_slot_[i];
        const auto copy = [&](const Real& own, auto& kept) { copy_lane(kept, j, own, i); };
        for_each_pair(x, pack, pack.recorder.x, copy);
        for_each_pair(derivative, pack, pack.derivative, copy);
        pack.step_state.with(step_state,
                             [&](Real& kept, const Real& own) { copy_lane(kept, j, own, i); });
        pack.at[j] = at[i];
        pack_[i] = nullptr;
        set_lane(step_state.step, i, ScalarOf<Real>(0));
    }
    /// First passage of max s through the next threshold.
    SOFTMAXFLOW_COLD void store_passage(int i, double when) {
        if (flow.tokens.team.rank() == 0)
            pack_[i]->recorder.store_passage(replica_slot_[i], at[i].threshold, when);
        ++at[i].threshold;
    }

private:
    /// Calls f(own number, the same of the pack) for a state.
    template <class Kept, class F>
    SOFTMAXFLOW_HD void for_each_pair(State& own, Pack& pack, Kept& kept, F f) {
        SOFTMAXFLOW_UNROLL_FIXED(Flow::Slots)
        for (int j = 0; j < flow.slots(); ++j) {
            if (!flow.tokens.valid(j)) continue;
            const int there = slot_of(flow.tokens, j, pack.recorder.flow.tokens);
            f(own.logits[j], kept.logits[there]);
            SOFTMAXFLOW_UNROLL_FIXED(Flow::Outputs)
            for (int k = 0; k < flow.output_count(); ++k) f(own.value(k, j), kept.value(k, there));
        }
    }

    SOFTMAXFLOW_HD void clear_empty_slots() {
        SOFTMAXFLOW_UNROLL_FIXED(Flow::Slots)
        for (int j = 0; j < flow.slots(); ++j) {
            if (flow.tokens.valid(j)) continue;
            x.logits[j] = Real(0.0);
            SOFTMAXFLOW_UNROLL_FIXED(Flow::Outputs)
            for (int k = 0; k < flow.output_count(); ++k) x.value(k, j) = Real(0.0);
        }
    }

    Pack* pack_[width];
    int replica_slot_[width];
};

/// The largest share.
template <class Flow>
SOFTMAXFLOW_COLD typename Flow::Real top_share(const Flow& flow, typename Flow::Evaluation& e) {
    using Real = typename Flow::Real;
    Real top(0.0);
    visit(flow.map, [&](auto map) SOFTMAXFLOW_INLINE {
        top = map.signed_weights
                  ? largest(flow.tokens, e.token_scratch,
                            [&](int j) SOFTMAXFLOW_INLINE { return e.share(j); })
                  : e.scales.share * largest(flow.tokens, e.token_scratch,
                                             [&](int j)
                                                 SOFTMAXFLOW_INLINE { return e.numerators[j]; });
    });
    return top;
}

/// The token of the largest share, the first on ties.
template <class Flow>
SOFTMAXFLOW_COLD typename Flow::Real largest_token(const Flow& flow, typename Flow::Evaluation& e) {
    using Real = typename Flow::Real;
    const Real most =
        largest(flow.tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE { return e.share(j); });
    return smallest(flow.tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE {
        return select(e.share(j) == most, Real(flow.tokens.index(j)), Real(flow.tokens.count()));
    });
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
