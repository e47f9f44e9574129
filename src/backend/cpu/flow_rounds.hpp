#pragma once
/// Gradient flow as the CPU runs it: departures, rounds of steps, records.

#include "softmaxflow/model/integrator/initializer.hpp"
#include "softmaxflow/model/integrator/loop.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Replicas [first, first + count) of a run, side by side in Reals.
template <class RealType, class TeamType>
class Roster {
public:
    using Standing = Trajectories<RealType, TeamType>;
    static constexpr int width = Standing::width;

    Queue queue;

    SOFTMAXFLOW_HD Roster(const Parameters& p, const Record& record, TeamType team, Arena& arena,
                          Any<Maps> map, Any<Losses> loss, Int first, Int count)
        : p_(p),
          record_(record),
          team_(team),
          first_(first),
          packs_(int((count + width - 1) / width)),
          standing_(arena.template take<Standing>(packs_)) {
        queue.count = count;
        for (int i = 0; i < packs_; ++i) {
            if (arena.counts())
                const Standing counts_its_arrays(p, record, team, arena, map, loss);
            else
                new (standing_ + i) Standing(p, record, team, arena, map, loss);
        }
    }

    SOFTMAXFLOW_HD Standing& home(Int k) const { return standing_[k / width]; }
    SOFTMAXFLOW_HD int seat(Int k) const { return int(k % width); }

    template <class AnyDeparture>
    SOFTMAXFLOW_COLD void depart(AnyDeparture& departure) {
        for (int i = 0; i < packs_; ++i) {
            const Int before = Int(i) * width, left = queue.count - before;
            departure(standing_[i], first_ + before, left < width ? int(left) : width);
        }
        record();
    }
    template <class AnyDeparture>
    SOFTMAXFLOW_COLD void resume(AnyDeparture& departure) {
        for (int i = 0; i < packs_; ++i) departure.resume(standing_[i]);
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
        for (int i = 0; i < packs_ && !queue.stopped; ++i) standing_[i].record(p_, record_, queue);
    }

    const Parameters& p_;
    const Record& record_;
    TeamType team_;
    Int first_;
    int packs_;
    Standing* standing_;
};

/// Replicas [first, first + count), each of which takes its own steps; those that the explicit
/// method finds stiff go on with the implicit one. With an arena that only counts, nothing runs.
/// False if the caller of tick asked to stop.
template <class Scheme, class Flow, class Watcher = Unwatched>
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
    Roster<Real, Team> roster(p, record, team, arena, any_map, any_loss, first, count);
    // One after the other in the same memory.
    Arena of_departure = arena, of_explicit = arena, of_implicit = arena;
    Departure<Real, Team, Watcher> departure(p, record, team, of_departure, any_map, any_loss);
    if (!arena.counts()) roster.depart(departure);
    {
        Integration<Flow, Explicit<Scheme, Flow>, Team, Watcher> part(p, record, team, of_explicit,
                                                                      map, loss);
        if (!arena.counts() && p.stiff != Stiff::on) roster.drain(part);
    }
    if (!arena.counts() && p.stiff == Stiff::automatic) roster.resume(departure);
    Integration<General, Implicit<General>, Team, Watcher> part(p, record, team, of_implicit,
                                                                any_map, any_loss);
    if (!arena.counts() && p.stiff != Stiff::off) roster.drain(part);
    if (record.issued != nullptr && team.rank() == 0) *record.issued += roster.queue.issued;
    const auto include = [&](const Arena& own) {
        if (own.used() > arena.used()) arena = own;
    };
    include(of_departure), include(of_explicit), include(of_implicit);
    return !roster.queue.stopped;
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
