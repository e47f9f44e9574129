#pragma once
/// What every backend runs: draw, integrate, observe. The replicas of one Real (one on a GPU lane, a
/// pack on the CPU) are followed by one Team of lanes from the draw of their starts to the last
/// checkpoint: at one go by Replicas, or in parts, between which they lie in memory.

#include "softmaxflow/model/integrate.hpp"
#include "softmaxflow/model/recorder.hpp"
#include "softmaxflow/model/rosenbrock.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Replicas of descent as they stand between two checkpoints.
template <class RealType, class TeamType>
struct Standing {
    using Real = RealType;
    using Team = TeamType;

    Recorder<Real, Team> recorder;
    Rates rates;
    Int iteration = 0;

    SOFTMAXFLOW_HD Standing(const Parameters& p, const Record& record, Team team, Arena& arena,
                            Any<Maps> map, Any<Losses> loss, int memories)
        : recorder(p, record, team, arena, map, loss, memories), rates(p) {}

    /// Replicas [replica, replica + live) of the run; `live` may be less than the width of a Real.
    SOFTMAXFLOW_COLD void start(const Parameters& p, Int replica, int live) {
        recorder.start(replica, live);
        iteration = Int(p.checkpoints[0]);
        // Moments that start from rest count their steps from here.
        if (p.restart_memory_logits[0] != nullptr)
            for (Int i = 0; i < iteration; ++i) rates.advance();
    }
};

template <class Method>
SOFTMAXFLOW_HD int memories_of(Method method) {
    int count = 0;
    visit(method, [&](auto item) SOFTMAXFLOW_INLINE { count = item.memories; });
    return count;
}

/// The loop of steps from one checkpoint to the next, in registers where the shape is known to the
/// compiler. Its lanes may be more than those that keep the replica between checkpoints.
template <class FlowType, class MethodType>
class Steps {
public:
    using Flow = FlowType;
    using Method = MethodType;
    using Real = typename Flow::Real;
    using Team = typename Flow::Team;

    SOFTMAXFLOW_HD Steps(const Parameters& p, Team team, Arena& arena, typename Flow::Map map,
                         typename Flow::Loss loss, Method method)
        : p_(p),
          method_(method),
          flow_(Arena(nullptr), team, p.tokens, p.outputs, map, loss),
          x_(arena, flow_.slots(), p.outputs),
          memory_{{arena, memories_of(method) > 0 ? flow_.slots() : 0, p.outputs},
                  {arena, memories_of(method) > 1 ? flow_.slots() : 0, p.outputs}},
          e_(arena, flow_.slots(), p.outputs) {}

    /// On to iteration `to`.
    template <class OtherTeam>
    SOFTMAXFLOW_HD void operator()(Standing<Real, OtherTeam>& standing, Int to) {
        auto& recorder = standing.recorder;
        const bool leads = flow_.tokens.team.rank() == 0;
        flow_.objective.adopt(recorder.flow.objective);
        load(x_, recorder.x, recorder.flow.tokens);
        for (int i = 0; i < memories_of(method_); ++i)
            load(memory_[i], recorder.memory[i], recorder.flow.tokens);
        Rates rates = standing.rates;
        Watch<Real> seen = recorder.seen();
        Real arc = recorder.arc;
        for (Int iteration = standing.iteration; iteration < to; ++iteration) {
            flow_.evaluate(x_, e_);
            recorder.watch(flow_, e_, iteration, seen, leads);
            arc = fma(Real(p_.learning_rate), flow_.residual_norm(e_), arc);
            rates.advance();
            visit(method_, [&](auto item) SOFTMAXFLOW_INLINE {
                item.step(flow_, e_, x_, memory_, rates);
            });
        }
        store(recorder.x, x_, recorder.flow.tokens);
        for (int i = 0; i < memories_of(method_); ++i)
            store(recorder.memory[i], memory_[i], recorder.flow.tokens);
        if (!leads && OtherTeam::size != Team::size) return;
        recorder.see(seen);
        recorder.arc = arc;
        standing.rates = rates;
        standing.iteration = to;
    }

private:
    /// The slot in which lanes of another team keep the token of slot j; Solo keeps them all.
    template <class OtherTeam, int Count>
    SOFTMAXFLOW_HD int slot_of(int j, const Tokens<OtherTeam, Count>&) const {
        static_assert(OtherTeam::size == Team::size || OtherTeam::size == 1);
        return OtherTeam::size == Team::size ? j : flow_.tokens.index(j);
    }
    template <class Other, class OtherTokens>
    SOFTMAXFLOW_HD void load(typename Flow::State& x, const Other& from,
                             const OtherTokens& tokens) const {
        for (int j = 0; j < flow_.slots(); ++j) {
            const bool valid = flow_.tokens.valid(j);
            const int place = slot_of(j, tokens);
            x.logits[j] = valid ? from.logits[place] : Real(0.0);
            for (int k = 0; k < flow_.output_count(); ++k)
                x.value(k, j) = valid ? from.value(k, place) : Real(0.0);
        }
    }
    template <class Other, class OtherTokens>
    SOFTMAXFLOW_HD void store(Other& to, const typename Flow::State& x,
                              const OtherTokens& tokens) const {
        for (int j = 0; j < flow_.slots(); ++j) {
            if (!flow_.tokens.valid(j)) continue;
            const int place = slot_of(j, tokens);
            to.logits[place] = x.logits[j];
            for (int k = 0; k < flow_.output_count(); ++k) to.value(k, place) = x.value(k, j);
        }
    }

    const Parameters& p_;
    Method method_;
    Flow flow_;
    typename Flow::State x_, memory_[most_memories];
    typename Flow::Evaluation e_;
};

/// The whole run of the replicas of one Real, from the draw of their starts to the last checkpoint.
template <class FlowType, class MethodType>
class Replicas {
public:
    using Flow = FlowType;
    using Method = MethodType;
    using Real = typename Flow::Real;
    using Team = typename Flow::Team;

    /// Replicas [replica, replica + live) of the run; `live` may be less than the width of a Real.
    SOFTMAXFLOW_HD Replicas(const Parameters& p, const Record& record, Team team, Arena& arena,
                            Int replica, int live, typename Flow::Map map = {},
                            typename Flow::Loss loss = {}, Method method = {})
        : p_(p),
          record_(record),
          replica_(replica),
          live_(live),
          standing_(p, record, team, arena, any_of<Maps>(map), any_of<Losses>(loss),
                    memories_of(method)),
          working_(arena),
          team_(team),
          map_(map),
          loss_(loss),
          method_(method) {
        const Steps<Flow, Method> counts_its_memory(p, team, arena, map, loss, method);
    }

    /// False if the caller of tick asked to stop.
    SOFTMAXFLOW_HD bool run() {
        standing_.start(p_, replica_, live_);
        for (int c = 0; c < p_.checkpoint_count; ++c) {
            const Int before = standing_.iteration, next = Int(p_.checkpoints[c]);
            if (before < next) {
                Arena arena = working_;
                Steps<Flow, Method>(p_, team_, arena, map_, loss_, method_)(standing_, next);
            }
            standing_.recorder.reach(c);
            if (record_.tick != nullptr &&
                !record_.tick(record_.context, (next - before) * live_))
                return false;
        }
        return true;
    }

private:
    const Parameters& p_;
    const Record& record_;
    Int replica_;
    int live_;
    Standing<Real, Team> standing_;
    Arena working_;
    Team team_;
    typename Flow::Map map_;
    typename Flow::Loss loss_;
    Method method_;
};

/// Gradient flow of replicas [first, first + count), each of which takes its own steps; those that
/// the explicit method finds stiff go on with the implicit one. With an arena that only counts,
/// nothing runs. False if the caller of tick asked to stop.
template <class Scheme, class Flow>
SOFTMAXFLOW_COLD bool run_flow(const Parameters& p, const Record& record, typename Flow::Team team,
                               Arena& arena, Int first, Int count, typename Flow::Map map = {},
                               typename Flow::Loss loss = {}) {
    using ExplicitPart = Integration<Flow, Explicit<Scheme, Flow>>;
    using ImplicitPart = Integration<Flow, Implicit<Flow>>;
    static_assert(interleave == 1 || Flow::Slots < 0, "the queue is one piece of memory");
    Queue queue;
    const int slots = Tokens<typename Flow::Team, 0>(team, p.tokens).slots();
    const Int room = p.stiff == Stiff::automatic ? count : 0;
    const int numbers = ExplicitPart::parked_numbers(p, slots);
    const int doubles = int((queue.place(nullptr, room, numbers) + 7) / 8);
    queue.place(reinterpret_cast<char*>(arena.take<double>(doubles)), room, numbers);
    queue.first = first;
    queue.count = count;
    // One after the other in the same memory.
    Arena end = arena;
    bool goes_on = true;
    {
        Arena own = arena;
        ExplicitPart part(p, record, team, own, map, loss, queue, false);
        end = own;
        if (!arena.counts() && p.stiff != Stiff::on) goes_on = part.run();
    }
    Arena own = arena;
    ImplicitPart part(p, record, team, own, map, loss, queue, true);
    if (own.used() > end.used()) end = own;
    if (!arena.counts() && p.stiff != Stiff::off) goes_on = goes_on && part.run();
    if (record.issued != nullptr && team.rank() == 0) *record.issued += queue.issued;
    arena = end;
    return goes_on;
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
