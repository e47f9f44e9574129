#pragma once
/// Gradient flow as the CPU executes it.

#include "backend/host/flow_rounds.hpp"
#include "softmaxflow/model/integrator/initializer.hpp"
#include "softmaxflow/model/integrator/loop.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Executes the rounds of replicas [first, first + count) of a run, side by side in Reals: see
/// backend/host/flow_rounds.hpp. What works on them is made for each round, one after the other in
/// the same memory.
template <class Scheme, class SystemType, class Monitor>
class FlowExecutor {
public:
    using System = SystemType;
    using Real = typename System::Real;
    using Team = typename System::Team;
    using General = GeneralOf<System>;
    using Pack = Trajectories<General>;
    static constexpr int width = Pack::width;

    SOFTMAXFLOW_HD FlowExecutor(const Parameters& p, const Record& record, Team team, Arena& arena,
                                typename System::Selection selection, Int first, Int count)
        : p_(p),
          record_(record),
          team_(team),
          selection_(selection),
          first_(first),
          count_(count),
          pack_count_(int((count + width - 1) / width)),
          packs_(arena.template take<Pack>(pack_count_)),
          working_(arena) {
        for (int i = 0; i < pack_count_; ++i) {
            if (arena.counts())
                const Pack counts_its_arrays(p, record, team, arena, general());
            else
                new (packs_ + i) Pack(p, record, team, arena, general());
        }
        working_ = arena;
    }

    /// Bytes of packs and work, of an arena that only counts.
    SOFTMAXFLOW_COLD unsigned long count_memory() const {
        unsigned long most = 0;
        const auto include = [&](auto make) {
            Arena arena = working_;
            [[maybe_unused]] const auto counts_its_arrays = make(arena);
            if (arena.used() > most) most = arena.used();
        };
        include([&](Arena& arena) { return make_initializer(arena); });
        include([&](Arena& arena) { return make_part<ExplicitPart>(arena, selection_); });
        include([&](Arena& arena) { return make_part<ImplicitPart>(arena, general()); });
        return most;
    }

    SOFTMAXFLOW_COLD void initialize(bool begins) {
        Arena arena = working_;
        auto initializer = make_initializer(arena);
        for (int i = 0; i < pack_count_; ++i) {
            const Int before = Int(i) * width, left = count_ - before;
            if (begins)
                initializer(packs_[i], first_ + before, left < width ? int(left) : width);
            else
                initializer.resume(packs_[i]);
        }
    }
    SOFTMAXFLOW_COLD void record(Queue& queue) {
        for (int i = 0; i < pack_count_ && !queue.stopped; ++i)
            packs_[i].record(p_, record_, queue);
    }
    SOFTMAXFLOW_COLD void round(Stage stage, Queue& queue) {
        Arena arena = working_;
        queue.begin_round(width);
        if (stage == Stage::stiff)
            make_part<ImplicitPart>(arena, general()).run(*this, queue, no_end);
        else
            make_part<ExplicitPart>(arena, selection_).run(*this, queue, no_end);
    }

    SOFTMAXFLOW_HD Pack& pack(Int k) const { return packs_[k / width]; }
    SOFTMAXFLOW_HD int replica_slot(Int k) const { return int(k % width); }

private:
    static constexpr Int no_end = Int(1) << 30;
    // Implicit steps are not specialised: what is gained there is not worth another copy of them.
    using ExplicitPart = Integration<System, Explicit<Scheme, System>, Team, Monitor>;
    using ImplicitPart = Integration<General, Implicit<General>, Team, Monitor>;
    static_assert(interleave == 1 || System::Slots < 0, "side by side in one piece of memory");

    SOFTMAXFLOW_HD typename General::Selection general() const {
        return SystemFamily<System>::generalise(selection_);
    }
    SOFTMAXFLOW_HD Initializer<General, Monitor> make_initializer(Arena& arena) const {
        return {p_, record_, team_, arena, general()};
    }
    template <class Part>
    SOFTMAXFLOW_HD Part make_part(Arena& arena, typename Part::System::Selection selection) const {
        return {p_, record_, team_, arena, selection};
    }

    const Parameters& p_;
    const Record& record_;
    Team team_;
    typename System::Selection selection_;
    Int first_, count_;
    int pack_count_;
    Pack* packs_;
    Arena working_;
};

/// Replicas [first, first + count), each of which takes its own steps. False if the caller of tick
/// asked to stop.
template <class Scheme, class System, class Monitor = NoMonitor>
SOFTMAXFLOW_COLD bool run_flow(const Parameters& p, const Record& record,
                               typename System::Team team, Arena& arena, Int first, Int count,
                               typename System::Selection selection = {}) {
    FlowExecutor<Scheme, System, Monitor> executor(p, record, team, arena, selection, first, count);
    Queue queue;
    queue.count = count;
    const bool done = host::flow_rounds(p.stiff, queue, executor);
    if (record.issued != nullptr && team.rank() == 0) *record.issued += queue.issued;
    return done;
}

/// Bytes that it takes for `count` replicas at a time.
template <class Scheme, class System, class Monitor = NoMonitor>
SOFTMAXFLOW_COLD unsigned long flow_memory(const Parameters& p, Int count,
                                           typename System::Team team = {},
                                           typename System::Selection selection = {}) {
    Arena counter(nullptr);
    const Record none;
    return FlowExecutor<Scheme, System, Monitor>(p, none, team, counter, selection, 0, count)
        .count_memory();
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
