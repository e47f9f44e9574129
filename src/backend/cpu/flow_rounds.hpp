#pragma once
/// Gradient flow as the CPU runs it: initializations, rounds of steps, records.

#include "softmaxflow/model/integrator/initializer.hpp"
#include "softmaxflow/model/integrator/loop.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Replicas [first, first + count) of a run, side by side in Reals.
template <class RealType, class TeamType>
class ReplicaPacks {
public:
    using Pack = Trajectories<RealType, TeamType>;
    static constexpr int width = Pack::width;

    Queue queue;

    SOFTMAXFLOW_HD ReplicaPacks(const Parameters& p, const Record& record, TeamType team,
                                Arena& arena, Any<Maps> map, Any<Losses> loss, Int first, Int count)
        : p_(p),
          record_(record),
          team_(team),
          first_(first),
          pack_count_(int((count + width - 1) / width)),
          packs_(arena.template take<Pack>(pack_count_)) {
        queue.count = count;
        for (int i = 0; i < pack_count_; ++i) {
            if (arena.counts())
                const Pack counts_its_arrays(p, record, team, arena, map, loss);
            else
                new (packs_ + i) Pack(p, record, team, arena, map, loss);
        }
    }

    SOFTMAXFLOW_HD Pack& pack(Int k) const { return packs_[k / width]; }
    SOFTMAXFLOW_HD int replica_slot(Int k) const { return int(k % width); }

    template <class AnyInitializer>
    SOFTMAXFLOW_COLD void initialize(AnyInitializer& initializer) {
        for (int i = 0; i < pack_count_; ++i) {
            const Int before = Int(i) * width, left = queue.count - before;
            initializer(packs_[i], first_ + before, left < width ? int(left) : width);
        }
        record();
    }
    template <class AnyInitializer>
    SOFTMAXFLOW_COLD void resume(AnyInitializer& initializer) {
        for (int i = 0; i < pack_count_; ++i) initializer.resume(packs_[i]);
    }
    /// Rounds until no replica waits for the method of `part`.
    template <class Part>
    SOFTMAXFLOW_COLD void drain(Part& part) {
        while (!queue.stopped && from_first(team_, part.waiting(queue)) > 0) {
            queue.begin_round(width);
            part.run(*this, queue, Int(1) << 30);
            record();
        }
    }

private:
    SOFTMAXFLOW_COLD void record() {
        queue.ready = queue.stiff = 0;
        for (int i = 0; i < pack_count_ && !queue.stopped; ++i)
            packs_[i].record(p_, record_, queue);
    }

    const Parameters& p_;
    const Record& record_;
    TeamType team_;
    Int first_;
    int pack_count_;
    Pack* packs_;
};

/// Replicas [first, first + count), each of which takes its own steps; those that the explicit
/// method finds stiff go on with the implicit one. With an arena that only counts, nothing runs.
/// False if the caller of tick asked to stop.
template <class Scheme, class Flow, class Monitor = NoMonitor>
SOFTMAXFLOW_COLD bool run_flow(const Parameters& p, const Record& record, typename Flow::Team team,
                               Arena& arena, Int first, Int count, typename Flow::Map map = {},
                               typename Flow::Loss loss = {}) {
    using Real = typename Flow::Real;
    using Team = typename Flow::Team;
    // Implicit steps are not specialised: what is gained there is not worth another copy of them.
    using General = model::Flow<Any<Maps>, Any<Losses>, Real, Team, 0, 0>;
    static_assert(interleave == 1 || Flow::Slots < 0, "side by side in one piece of memory");
    const auto any_map = any_of<Maps>(map);
    const auto any_loss = any_of<Losses>(loss);
    ReplicaPacks<Real, Team> packs(p, record, team, arena, any_map, any_loss, first, count);
    // One after the other in the same memory.
    Arena of_initializer = arena, of_explicit = arena, of_implicit = arena;
    Initializer<Real, Team, Monitor> initializer(p, record, team, of_initializer, any_map,
                                                 any_loss);
    if (!arena.counts()) packs.initialize(initializer);
    {
        Integration<Flow, Explicit<Scheme, Flow>, Team, Monitor> part(p, record, team, of_explicit,
                                                                      map, loss);
        if (!arena.counts() && p.stiff != Stiff::on) packs.drain(part);
    }
    if (!arena.counts() && p.stiff == Stiff::automatic) packs.resume(initializer);
    Integration<General, Implicit<General>, Team, Monitor> part(p, record, team, of_implicit,
                                                                any_map, any_loss);
    if (!arena.counts() && p.stiff != Stiff::off) packs.drain(part);
    if (record.issued != nullptr && team.rank() == 0) *record.issued += packs.queue.issued;
    const auto include = [&](const Arena& own) {
        if (own.used() > arena.used()) arena = own;
    };
    include(of_initializer), include(of_explicit), include(of_implicit);
    return !packs.queue.stopped;
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
