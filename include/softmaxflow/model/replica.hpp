#pragma once
/// The one function that every backend runs: draw, integrate, observe. A call follows the replicas
/// of one Real (one on a GPU lane, a pack on the CPU) with one Team of lanes, from the draw of
/// their starts to the last checkpoint.

#include "softmaxflow/model/recorder.hpp"

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
          recorder_(p, record, team, arena, replica, live, any_of<Maps>(map), any_of<Losses>(loss),
                    memories()),
          spare_(arena) {
        const Working counts_its_memory(*this, arena);
    }

    /// False if the caller of tick asked to stop.
    SOFTMAXFLOW_HD bool run() {
        recorder_.start();
        Rates rates(p_);
        Int iteration = p_.checkpoints[0];
        // Moments that start from rest count their steps from here.
        if (p_.restart_memory_logits[0] != nullptr)
            for (Int i = 0; i < iteration; ++i) rates.advance();
        for (int c = 0; c < p_.checkpoint_count; ++c) {
            if (iteration < p_.checkpoints[c]) advance(iteration, p_.checkpoints[c], rates);
            iteration = p_.checkpoints[c];
            if (!recorder_.reach(c)) return false;
        }
        return true;
    }

private:
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
    SOFTMAXFLOW_HD void advance(Int from, Int to, Rates& rates) {
        Arena arena = spare_;
        Working w(*this, arena);
        w.flow.objective.copy(recorder_.flow.objective, p_.outputs);
        copy(w.x, recorder_.x);
        for (int i = 0; i < memories(); ++i) copy(w.memory[i], recorder_.memory[i]);
        Real arc = recorder_.arc;
        for (Int iteration = from; iteration < to; ++iteration) {
            w.flow.evaluate(w.x, w.e);
            recorder_.watch(w.flow, w.e, iteration);
            arc = fma(Real(p_.learning_rate), w.flow.residual_norm(w.e), arc);
            rates.advance();
            visit(method_, [&](auto item) SOFTMAXFLOW_INLINE {
                item.step(w.flow, w.e, w.x, w.memory, rates);
            });
        }
        recorder_.arc = arc;
        copy(recorder_.x, w.x);
        for (int i = 0; i < memories(); ++i) copy(recorder_.memory[i], w.memory[i]);
    }

    template <class To, class From>
    SOFTMAXFLOW_HD void copy(To& to, const From& from) const {
        for (int j = 0; j < to.slots; ++j) to.logits[j] = from.logits[j];
        for (int i = 0; i < to.slots * p_.outputs; ++i) to.values[i] = from.values[i];
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
    Recorder<Real, Team> recorder_;
    Arena spare_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
