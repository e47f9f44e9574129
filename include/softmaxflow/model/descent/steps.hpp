#pragma once
/// Descent as every backend runs it, in parts: the replicas of one Real (one on a GPU lane, a pack
/// on the CPU) lie in memory between checkpoints, and one Team of lanes steps them from one to the
/// next.

#include "softmaxflow/model/record/no_monitor.hpp"
#include "softmaxflow/model/record/recorder.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Replicas of descent as they stand between two checkpoints.
template <class SystemType>
struct DescentState {
    using System = SystemType;
    using Real = typename System::Real;
    using Team = typename System::Team;

    Recorder<System> recorder;
    MethodSettings<ScalarOf<Real>> settings;
    Int iteration = 0;

    SOFTMAXFLOW_HD DescentState(const Parameters& p, const Record& record, Team team, Arena& arena,
                                typename System::Selection selection, int memories)
        : recorder(p, record, team, arena, selection, memories), settings(p) {}

    /// Replicas [replica, replica + live) of the run; `live` may be less than the width of a Real.
    SOFTMAXFLOW_COLD void start(const Parameters& p, Int replica, int live) {
        recorder.start(replica, live);
        iteration = Int(p.checkpoints[0]);
        // Moments that start from rest count their steps from here.
        if (has_memory(p, 0))
            for (Int i = 0; i < iteration; ++i) settings.advance();
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
template <class SystemType, class MethodType, class Monitor = NoMonitor>
class Steps {
public:
    using System = SystemType;
    using Method = MethodType;
    using Real = typename System::Real;
    using Team = typename System::Team;

    SOFTMAXFLOW_HD Steps(const Parameters& p, Team team, Arena& arena,
                         typename System::Selection selection, Method method)
        : Steps(p, team, arena, Arena(nullptr), selection, method) {}

    /// On to iteration `to`, every state shown to the monitor, which may alter it.
    template <class General>
    SOFTMAXFLOW_HD void operator()(DescentState<General>& descent_state, Int to) {
        Monitor none;
        (*this)(descent_state, to, none);
    }
    template <class General>
    SOFTMAXFLOW_HD void operator()(DescentState<General>& descent_state, Int to, Monitor& monitor) {
        auto& recorder = descent_state.recorder;
        const auto& tokens = recorder.system.tokens;
        const bool leads = system_.tokens.team.rank() == 0;
        if constexpr (is_wide<Real>)
            system_.objective.adopt(recorder.system.objective);
        else
            system_.objective.copy(recorder.system.objective, system_.output_count());
        system_.load(x_, recorder.x, tokens);
        for (int i = 0; i < memories_of(method_); ++i)
            system_.load(memory_[i], recorder.memory[i], tokens);
        MethodSettings<ScalarOf<Real>> settings(p_);
        settings.go_on_from(descent_state.settings);
        auto passage_state = recorder.passage_state();
        auto arc = recorder.clocks.arc;
        Int from = descent_state.iteration;
        do {
            Int next = from - from % steps_per_part + steps_per_part;
            if (next > to) next = to;
            if constexpr (is_wide<Real>)
                arc = take_steps(recorder, from, next, settings, passage_state, arc, monitor);
            else  // a sum in f32 would stall; one of few steps, added to a sum in f64, does not
                arc = arc + convert<WideOf<Real>>(take_steps(recorder, from, next, settings,
                                                             passage_state, Real(0.0), monitor));
            from = next;
        } while (from < to);
        if constexpr (!is_wide<Real>) {
            // The recorder sees a state in f64, but thresholds are passed in f32.
            system_.evaluate(x_, e_);
            recorder.note_passages(system_, e_, to, passage_state, p_.threshold_count > 0, leads);
        }
        system_.store(recorder.x, x_, tokens);
        for (int i = 0; i < memories_of(method_); ++i)
            system_.store(recorder.memory[i], memory_[i], tokens);
        if (!leads && General::Team::size != Team::size) return;
        recorder.set_passage_state(passage_state);
        recorder.clocks.arc = arc;
        descent_state.settings = settings;
        descent_state.iteration = to;
    }

private:
    SOFTMAXFLOW_HD Steps(const Parameters& p, Team team, Arena& arena, Arena&& none,
                         typename System::Selection selection, Method method)
        : p_(p),
          method_(method),
          // An objective of the same format is that of the recorder.
          system_(is_wide<Real> ? none : arena, team, p.tokens, p.outputs, selection),
          x_(arena, system_.slots(), p.outputs),
          memory_{{arena, memories_of(method) > 0 ? system_.slots() : 0, p.outputs},
                  {arena, memories_of(method) > 1 ? system_.slots() : 0, p.outputs}},
          e_(arena, system_.slots(), p.outputs) {}

    /// Returns the arc, which `arc` is before.
    template <class AnyRecorder, class AnySettings>
    SOFTMAXFLOW_HD Real take_steps(const AnyRecorder& recorder, Int from, Int to,
                                   AnySettings& settings, PassageState<Real>& passage_state,
                                   Real arc, Monitor& monitor) {
        const bool leads = system_.tokens.team.rank() == 0;
        for (int left = int(to - from); left > 0; --left) {
            const Int iteration = to - left;
            if constexpr (in_parts)
                evaluate_apart();
            else
                system_.evaluate(x_, e_);
            recorder.note_passages(system_, e_, iteration, passage_state, p_.threshold_count > 0,
                                   leads);
            if constexpr (Monitor::monitors) look(recorder, iteration, monitor);
            arc = fma(Real(settings.eta), system_.residual_norm(e_), arc);
            visit(method_, [&](auto item) SOFTMAXFLOW_INLINE {
                if constexpr (requires { item.counts_steps; }) settings.advance();
                if constexpr (in_parts)
                    step_apart(item, settings);
                else
                    item.step(system_, e_, x_, memory_, settings);
            });
            if constexpr (Monitor::monitors) monitor.mutate(system_, x_);
        }
        if constexpr (Monitor::monitors) {
            if (double(to) == p_.checkpoints[p_.checkpoint_count - 1]) {
                system_.evaluate(x_, e_);
                look(recorder, to, monitor);
            }
        }
        return arc;
    }

    template <class AnyRecorder>
    SOFTMAXFLOW_COLD void look(const AnyRecorder& recorder, Int iteration, Monitor& monitor) {
        const bool first = iteration == Int(p_.checkpoints[0]);
        if (first) monitor.start(system_, x_, e_, e_.residual[0], recorder);
        monitor.look(system_, x_, e_, iteration, first);
    }

    /// Every map, loss and method in one function would take a device's compiler many minutes; with
    /// sizes known at run time only, nothing is kept in registers over a step anyway.
    static constexpr bool in_parts = compiled_for_device && System::Slots == 0;
    SOFTMAXFLOW_COLD void evaluate_apart() { system_.evaluate(x_, e_); }
    template <class Item, class AnySettings>
    SOFTMAXFLOW_COLD void step_apart(Item item, const AnySettings& settings) {
        item.step(system_, e_, x_, memory_, settings);
    }

    /// Steps that an int counts; in f32 those whose lengths of arc are summed in f32. From
    /// iteration 0 on.
    static constexpr Int steps_per_part = is_wide<Real> ? Int(1) << 30 : 64;

    const Parameters& p_;
    Method method_;
    System system_;
    typename System::State x_, memory_[most_memories];
    typename System::Evaluation e_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
