#pragma once
/// The one function that every backend runs: draw, integrate, observe. A call follows the replicas
/// of one Real (one on a GPU lane, a pack on the CPU) with one Team of lanes, from the draw of
/// their starts to the last checkpoint.

#include "softmaxflow/model/integrate.hpp"
#include "softmaxflow/model/recorder.hpp"
#include "softmaxflow/model/rosenbrock.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

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
          team_(team),
          map_(map),
          loss_(loss),
          method_(method),
          replica_(replica),
          live_(live),
          recorder_(p, record, team, arena, any_of<Maps>(map), any_of<Losses>(loss), memories()),
          spare_(arena) {
        const Working counts_its_memory(*this, arena);
    }

    /// False if the caller of tick asked to stop.
    SOFTMAXFLOW_HD bool run() {
        recorder_.start(replica_, live_);
        RatesOf<Flow> rates(p_);
        Int iteration = Int(p_.checkpoints[0]);
        // Moments that start from rest count their steps from here.
        if (p_.restart_memory_logits[0] != nullptr)
            for (Int i = 0; i < iteration; ++i) rates.advance();
        for (int c = 0; c < p_.checkpoint_count; ++c) {
            const Int next = Int(p_.checkpoints[c]);
            if (iteration < next || !is_wide<Real>) advance(iteration, next, rates);
            iteration = next;
            if (!recorder_.reach(c)) return false;
        }
        return true;
    }

private:
    /// Steps whose lengths of arc are summed in f32, counted from iteration 0.
    static constexpr Int steps_per_sum = 64;

    /// What the steps work on: in registers where the shape is known to the compiler.
    struct Working {
        Flow flow;
        typename Flow::State x, memory[most_memories];
        typename Flow::Evaluation e;

        SOFTMAXFLOW_HD Working(const Replicas& r, Arena& arena)
            : flow(arena, r.team_, r.p_.tokens, r.p_.outputs, r.map_, r.loss_),
              x(arena, flow.slots(), r.p_.outputs),
              memory{{arena, r.memories() > 0 ? flow.slots() : 0, r.p_.outputs},
                     {arena, r.memories() > 1 ? flow.slots() : 0, r.p_.outputs}},
              e(arena, flow.slots(), r.p_.outputs) {}
    };

    /// The steps from one iteration to another.
    SOFTMAXFLOW_HD void advance(Int from, Int to, RatesOf<Flow>& rates) {
        Arena arena = spare_;
        Working w(*this, arena);
        w.flow.objective.copy(recorder_.flow.objective, p_.outputs);
        copy(w.x, recorder_.x);
        for (int i = 0; i < memories(); ++i) copy(w.memory[i], recorder_.memory[i]);
        if constexpr (is_wide<Real>) {
            recorder_.arc = take_steps(w, from, to, rates, recorder_.arc);
        } else {
            // A sum in f32 would stall; one of few steps, added to a sum in f64, does not.
            for (Int next; from < to; from = next) {
                next = from - from % steps_per_sum + steps_per_sum;
                if (next > to) next = to;
                const Real arc = take_steps(w, from, next, rates, Real(0.0));
                recorder_.arc = recorder_.arc + convert<WideOf<Real>>(arc);
            }
            // The recorder sees a state in f64, but thresholds are passed in f32.
            w.flow.evaluate(w.x, w.e);
            recorder_.watch(w.flow, w.e, to);
        }
        copy(recorder_.x, w.x);
        for (int i = 0; i < memories(); ++i) copy(recorder_.memory[i], w.memory[i]);
    }

    /// Returns the arc, which `arc` is before.
    SOFTMAXFLOW_HD Real take_steps(Working& w, Int from, Int to, RatesOf<Flow>& rates, Real arc) {
        for (Int iteration = from; iteration < to; ++iteration) {
            w.flow.evaluate(w.x, w.e);
            recorder_.watch(w.flow, w.e, iteration);
            arc = fma(Real(rates.eta), w.flow.residual_norm(w.e), arc);
            rates.advance();
            visit(method_, [&](auto item) SOFTMAXFLOW_INLINE {
                item.step(w.flow, w.e, w.x, w.memory, rates);
            });
        }
        return arc;
    }

    /// A state in other storage or another format.
    template <class To, class From>
    SOFTMAXFLOW_HD void copy(To& to, const From& from) const {
        using Target = typename decltype(to.logits)::Element;
        for (int j = 0; j < to.slots; ++j) to.logits[j] = convert<Target>(from.logits[j]);
        for (int i = 0; i < to.slots * p_.outputs; ++i)
            to.values[i] = convert<Target>(from.values[i]);
    }
    SOFTMAXFLOW_HD int memories() const {
        int count = 0;
        visit(method_, [&](auto item) SOFTMAXFLOW_INLINE { count = item.memories; });
        return count;
    }

    const Parameters& p_;
    Team team_;
    typename Flow::Map map_;
    typename Flow::Loss loss_;
    Method method_;
    Int replica_;
    int live_;
    Recorder<Real, Team> recorder_;
    Arena spare_;
};

/// Gradient flow of replicas [first, first + count), each of which takes its own steps; those that
/// the explicit method finds stiff go on with the implicit one. With an arena that only counts,
/// nothing runs. False if the caller of tick asked to stop.
template <class Scheme, class Flow>
SOFTMAXFLOW_COLD bool run_flow(const Parameters& p, const Record& record, typename Flow::Team team,
                               Arena& arena, Int first, Int count, typename Flow::Map map = {},
                               typename Flow::Loss loss = {}) {
    using ExplicitPart = Integration<Flow, Explicit<Scheme, Flow>>;
    // Implicit steps are not specialised: what is gained there is not worth another copy of them.
    using General = typename Recorder<typename Flow::Real, typename Flow::Team>::Flow;
    using ImplicitPart = Integration<General, Implicit<General>>;
    const int slots = Tokens<typename Flow::Team, 0>(team, p.tokens).slots();
    Parked parked(arena, p.stiff == Stiff::automatic ? count : 0,
                  ExplicitPart::parked_numbers(p, slots));
    // One after the other in the same memory.
    Arena end = arena;
    {
        Arena own = arena;
        ExplicitPart part(p, record, team, own, map, loss, parked, false);
        end = own;
        if (!arena.counts() && p.stiff != Stiff::on && !part.run(first, count)) return false;
    }
    Arena own = arena;
    ImplicitPart part(p, record, team, own, any_of<Maps>(map), any_of<Losses>(loss), parked, true);
    if (own.used() > end.used()) end = own;
    const bool runs = !arena.counts();
    arena = end;
    const Int left = p.stiff == Stiff::on ? count : 0;
    return !runs || p.stiff == Stiff::off || part.run(first, left);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
