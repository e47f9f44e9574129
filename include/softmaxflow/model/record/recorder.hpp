#pragma once
/// All of a replica's life but its steps: its start, its checkpoints, its end. Written over maps
/// and losses chosen at run time and sizes known at run time only, so that there is one of it
/// however many kernels are specialised to a shape; and in f64 when steps are taken in f32: what
/// they start from is rounded once, what is seen of their states is exact to f64.

#include "softmaxflow/model/initial/initial_state.hpp"
#include "softmaxflow/model/initial/restart.hpp"
#include "softmaxflow/model/record/observables.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// What a loop of steps keeps by value of what it has seen: first passages of max s through
/// increasing thresholds, exact to the iteration, and how a replica failed.
template <class Real>
struct PassageState {
    Real level = Real(infinity());  // the next one
    Real next = Real(0.0);          // its index
    WideOf<Real> failed{0.0};       // a status, or 0
};

/// What a replica carries from checkpoint to checkpoint beside its state: clocks, and what an
/// integrator goes on with.
template <class Real>
struct Clocks {
    Real arc{0.0}, log_time{0.0};
    Real clock{0.0}, step{0.0}, step_error{0.0}, stiff_steps{0.0};  // flow

    /// Calls f(state column, entry of it, number) for those that descent has, or for all.
    template <class F>
    SOFTMAXFLOW_HD void for_each(bool by_flow, F f) {
        f(state_column::arc, 0, arc), f(state_column::log_time, 0, log_time);
        if (!by_flow) return;
        f(state_column::clock, 0, clock), f(state_column::step_size, 0, step);
        f(state_column::controller, 0, step_error), f(state_column::controller, 1, stiff_steps);
    }
};

/// StepSystem is what takes the steps, with everything chosen at run time.
template <class StepSystem>
class Recorder {
public:
    using StepReal = typename StepSystem::Real;
    using Real = WideOf<StepReal>;
    using Team = typename StepSystem::Team;
    using System = GeneralOf<StepSystem, Real, Team>;
    using State = typename System::State;

    static constexpr int width = width_of<Real>;

    SOFTMAXFLOW_HD Recorder(const Parameters& p, const Record& record, Team team, Arena& arena,
                            typename System::Selection selection, int memories)
        : system(arena, team, p.tokens, p.outputs, selection, needs_singular_vectors(p)),
          x(arena, system.slots(), p.outputs),
          memory{State(arena, memories > 0 ? system.slots() : 0, p.outputs),
                 State(arena, memories > 1 ? system.slots() : 0, p.outputs)},
          p_(p),
          record_(record),
          memories_(memories),
          evaluation_(arena, system.slots(), p.outputs),
          ranks_(arena, system.slots()),
          logs_(arena, system.slots()),
          passage_state_{} {
        for (int i = 0; i < width; ++i) replica_slots_[i] = {};
        passage_state_.level = StepReal(level(0));
    }

    System system;
    State x, memory[most_memories];
    Clocks<Real> clocks;

    /// Draws or reads replicas [replica, replica + live); `live` may be less than the width.
    SOFTMAXFLOW_COLD void start(Int replica, int live) {
        for (int i = 0; i < width; ++i) replica_slots_[i] = {replica + i, 0, 0, i < live};
        for (int i = 0; i < memories_; ++i) {
            for (int j = 0; j < system.slots(); ++j) memory[i].logits[j] = Real(0.0);
            for (int k = 0; k < system.slots() * p_.outputs; ++k) memory[i].values[k] = Real(0.0);
        }
        const Bits first(replica), last(replica + live - 1);
        if (p_.restart[state_column::logits] == nullptr) {
            Start<System>(p_, first, last)(system, x, evaluation_);
            if (p_.sorted) sort_tokens();
            round_to_steps();
            return;
        }
        const Restart<System> restart(p_, first, last);
        restart(system, x, memory, memories_);
        restart.read_clocks(clocks);
        round_to_steps();
        leader_ = restart.leader();
        restart.read_ranks(system, ranks_);
    }

    /// What is known from the start: the initial leader, the ranks, the objective.
    SOFTMAXFLOW_COLD void note_start() {
        evaluate();
        if (p_.restart[state_column::logits] == nullptr) {
            for (int j = 0; j < system.slots(); ++j)
                logs_[j] = system.projected_value(x, evaluation_, j);
            leader_ = find_leader(system.tokens, evaluation_.token_scratch, [&](int j) {
                          return logs_[j];
                      }).index;
            rank_tokens(system.tokens, logs_, ranks_);
        }
        store(replica_column::initial_leader, index_or_none(leader_));
        for (int i = 0; i < width; ++i) {
            if (!replica_slots_[i].live || row(i) >= record_.state_count) continue;
            double* ranks = record_.state[state_column::rank] + row(i) * p_.tokens;
            for (int j = 0; j < system.slots(); ++j)
                if (system.tokens.valid(j)) ranks[system.tokens.index(j)] = lane(ranks_[j], i);
            if (leads()) store_objective(i);
        }
    }

    /// Descent: records a checkpoint of all.
    SOFTMAXFLOW_COLD void record_checkpoint(int checkpoint) {
        const double iteration = p_.checkpoints[checkpoint];
        if (checkpoint == 0) note_start();
        evaluate();
        if constexpr (is_wide<StepReal>)
            note_passages(system, evaluation_, Int(iteration), passage_state_,
                          p_.threshold_count > 0, leads());
        for (int i = 0; i < width; ++i) replica_slots_[i].from = replica_slots_[i].to = checkpoint;
        const double time = p_.learning_rate * iteration;
        clocks.log_time = time > 0.0 ? log(Real(time)) : Real(not_a_number());
        store_checkpoint();
        if (checkpoint + 1 < p_.checkpoint_count) return;
        store_winner();
        for (int i = 0; i < width; ++i)
            if (replica_slots_[i].live)
                store_end(i, lane(passage_state_.failed, i), p_.checkpoint_count, iteration, 0.0);
    }

    /// Flow: records every replica that is due at its own checkpoints. Its last one, if
    /// the replica has ended.
    SOFTMAXFLOW_COLD void record_due() {
        evaluate();
        store_checkpoint();
        store_winner();
        for (int i = 0; i < width; ++i) replica_slots_[i].live = false;
    }
    SOFTMAXFLOW_HD bool live(int i) const { return replica_slots_[i].live; }
    SOFTMAXFLOW_HD Int replica(int i) const { return replica_slots_[i].replica; }
    /// Flow: the replica in slot i is to be recorded at checkpoints [from, to].
    SOFTMAXFLOW_HD void mark_due(int i, int from, int to) {
        replica_slots_[i].from = from;
        replica_slots_[i].to = to;
        replica_slots_[i].live = true;
    }

    /// How replica `i` ended: all but its winner.
    SOFTMAXFLOW_COLD void store_end(int i, double status, int stopped_before, double steps,
                                    double rejected) {
        if (!leads()) return;
        record_.replica[replica_column::status][row(i)] = status;
        record_.replica[replica_column::stopped_before][row(i)] = stopped_before;
        record_.replica[replica_column::steps][row(i)] = steps;
        record_.replica[replica_column::rejected_steps][row(i)] = rejected;
    }
    SOFTMAXFLOW_COLD void store_passage(int i, int threshold, double when) {
        if (leads()) put_passage(i, threshold, when);
    }
    /// Where the state is finite.
    SOFTMAXFLOW_COLD auto finite() { return finite_state(); }

    /// What has been seen so far: a loop of steps takes a copy along and gives it back.
    SOFTMAXFLOW_HD PassageState<StepReal> passage_state() const { return passage_state_; }
    SOFTMAXFLOW_HD void set_passage_state(const PassageState<StepReal>& passage_state) {
        passage_state_ = passage_state;
    }

    /// Looks at a state that a system of StepReals has evaluated: first passages, and denominators
    /// that vanish. `passages`: whether there are thresholds (a loop of steps knows without looking
    /// at memory); `writes`: whether this lane stores what it finds.
    template <class AnySystem>
    SOFTMAXFLOW_HD void note_passages(const AnySystem& evaluated, typename AnySystem::Evaluation& e,
                                      Int iteration, PassageState<StepReal>& passage_state,
                                      bool passages, bool writes) const {
        if (evaluated.signed_weights() &&
            any(abs(e.scales.weight) >= StepReal(1.0 / map_regulariser)))
            passage_state.failed =
                note_singular(passage_state.failed, convert<Real>(e.scales.weight));
        if (!passages) return;
        const StepReal top = evaluated.largest_share_inlined(e);
        if (any(top >= passage_state.level))
            passage_state = pass(passage_state, top, iteration, writes);
    }

private:
    SOFTMAXFLOW_COLD void evaluate() { system.evaluate(x, evaluation_); }

    /// Stores the passages of every threshold up to `top`.
    SOFTMAXFLOW_COLD PassageState<StepReal> pass(PassageState<StepReal> passage_state, StepReal top,
                                                 Int iteration, bool writes) const {
        using Scalar = ScalarOf<StepReal>;
        for (int i = 0; i < width; ++i) {
            int next = int(lane(passage_state.next, i));
            for (; lane(top, i) >= level(next) && next < p_.threshold_count; ++next)
                if (writes && replica_slots_[i].live) put_passage(i, next, double(iteration));
            set_lane(passage_state.next, i, Scalar(next));
            set_lane(passage_state.level, i, level(next));
        }
        return passage_state;
    }
    SOFTMAXFLOW_HD ScalarOf<StepReal> level(int threshold) const {
        return ScalarOf<StepReal>(threshold < p_.threshold_count ? p_.thresholds[threshold]
                                                                 : infinity());
    }
    SOFTMAXFLOW_HD void put_passage(int i, int threshold, double when) const {
        record_.replica[replica_column::first_passage][threshold * record_.stride + row(i)] = when;
    }

    /// The denominator is within its regulariser of zero: its sign, and with it that of every
    /// weight, means nothing any more.
    SOFTMAXFLOW_COLD static Real note_singular(Real failed, Real scale) {
        const auto singular = abs(scale) >= Real(1.0 / map_regulariser);
        return select(singular & (failed == Real(0.0)), Real(double(Status::map_singular)), failed);
    }

    /// Numbers the tokens anew by their projected values w, the largest first.
    SOFTMAXFLOW_COLD void sort_tokens() {
        system.evaluate(x, evaluation_);
        for (int j = 0; j < system.slots(); ++j)
            logs_[j] = system.projected_value(x, evaluation_, j);
        rank_tokens(system.tokens, logs_, ranks_);
        sort_row([&](int j) -> Real& { return x.logits[j]; });
        for (int k = 0; k < system.output_count(); ++k)
            sort_row([&](int j) -> Real& { return x.value(k, j); });
    }
    template <class Entry>
    SOFTMAXFLOW_COLD void sort_row(Entry entry) {
        for (int token = 0; token < p_.tokens; ++token) {
            const Real own = sum(system.tokens, evaluation_.token_scratch, [&](int j) {
                return select(ranks_[j] == Real(token), entry(j), Real(-0.0));
            });
            for (int j = 0; j < system.slots(); ++j)
                if (system.tokens.index(j) == token) logs_[j] = own;
        }
        for (int j = 0; j < system.slots(); ++j) entry(j) = logs_[j];
    }

    // One lane of the team writes what is common to all.
    SOFTMAXFLOW_HD bool leads() const { return system.tokens.team.rank() == 0; }
    SOFTMAXFLOW_HD Int row(int i) const { return replica_slots_[i].replica - record_.first; }
    SOFTMAXFLOW_COLD void store(replica_column::Index column, Real value) const {
        if (!leads()) return;
        for (int i = 0; i < width; ++i)
            if (replica_slots_[i].live) record_.replica[column][row(i)] = lane(value, i);
    }
    /// One row of the curves, at the checkpoints of every replica.
    SOFTMAXFLOW_COLD void store_curve(int i, Int curve, Real value) const {
        for (int c = replica_slots_[i].from; c <= replica_slots_[i].to; ++c)
            record_.curves[(Int(c) * record_.curve_count + curve) * record_.stride + row(i)] =
                lane(value, i);
    }
    /// A token index, or -1 where it is n (no token compares equal to a NaN).
    SOFTMAXFLOW_HD Real index_or_none(Real index) const {
        return select(index < Real(p_.tokens), index, Real(-1.0));
    }

    SOFTMAXFLOW_COLD void store_objective(int i) {
        const auto& objective = system.objective;
        const Int m = system.output_count();
        double* response = record_.state[state_column::response] + row(i) * m;
        double* metric = record_.state[state_column::metric] + row(i) * m * m;
        record_.state[state_column::initial_leader][row(i)] = lane(index_or_none(leader_), i);
        record_.state[state_column::loss_floor][row(i)] = lane(objective.floor, i);
        for (Int k = 0; k < m; ++k) {
            response[k] = lane(objective.response[int(k)], i);
            for (Int l = 0; l < m; ++l) {
                const Real diagonal = k == l ? objective.metric[int(k)] : Real(0.0);
                metric[k * m + l] =
                    lane(objective.dense ? objective.matrix[int(k * m + l)] : diagonal, i);
            }
        }
    }

    SOFTMAXFLOW_COLD void store_checkpoint() {
        Real out[observable_count];
        observe(system, x, evaluation_, {leader_, clocks.arc, clocks.log_time, p_.logit_rate},
                logs_, out);
        for (int o = 0; o < observable_count; ++o) {
            const Real value = canonical(out[o]);
            for (int i = 0; leads() && i < width; ++i)
                if (replica_slots_[i].live) store_curve(i, o, value);
        }
        if (p_.ranked) store_ranked();
        passage_state_.failed = select(finite_state() | !(passage_state_.failed == Real(0.0)),
                                       passage_state_.failed, Real(double(Status::non_finite)));
        for (int i = 0; i < width; ++i)
            if (replica_slots_[i].live && row(i) < record_.state_count)
                for (int c = replica_slots_[i].from; c <= replica_slots_[i].to; ++c)
                    store_state(c, i);
    }

    /// Weight, logit and projected value of every token, in the rows of their ranks.
    SOFTMAXFLOW_COLD void store_ranked() {
        for (int j = 0; j < system.slots(); ++j) {
            if (!system.tokens.valid(j)) continue;
            const Real quantities[] = {evaluation_.weight(j), x.logits[j],
                                       system.projected_value(x, evaluation_, j)};
            for (int i = 0; i < width; ++i) {
                if (!replica_slots_[i].live) continue;
                for (int quantity = 0; quantity < 3; ++quantity)
                    store_curve(
                        i, observable_count + Int(quantity) * p_.tokens + Int(lane(ranks_[j], i)),
                        canonical(quantities[quantity]));
            }
        }
    }

    /// x - x is zero where x is finite, else NaN.
    SOFTMAXFLOW_COLD auto finite_state() {
        const auto excess = [&](int j) {
            Real total = x.logits[j] - x.logits[j];
            for (int k = 0; k < system.output_count(); ++k)
                total = total + (x.value(k, j) - x.value(k, j));
            return total;
        };
        return sum(system.tokens, evaluation_.token_scratch, excess) == Real(0.0);
    }

    SOFTMAXFLOW_COLD void store_state(int c, int i) {
        const Int n = p_.tokens, m = p_.outputs;
        const Int checkpoint = row(i) * p_.checkpoint_count + c;
        const auto put = [&](double* place, Real value) { *place = canonical(lane(value, i)); };
        if (leads())
            clocks.for_each(p_.flow, [&](state_column::Index column, int entry, Real& number) {
                const int entries = column == state_column::controller ? 2 : 1;
                put(record_.state[column] + entries * checkpoint + entry, number);
            });
        for (int j = 0; j < system.slots(); ++j) {
            if (!system.tokens.valid(j)) continue;
            const Int token = system.tokens.index(j), place = checkpoint * n + token;
            put(record_.state[state_column::logits] + place, x.logits[j]);
            put(record_.state[state_column::probability] + place, evaluation_.weight(j));
            for (int k = 0; k < system.output_count(); ++k)
                put(record_.state[state_column::projected_values] + (checkpoint * m + k) * n +
                        token,
                    x.value(k, j));
            for (int i_memory = 0; i_memory < memories_; ++i_memory) {
                double* of_logits =
                    record_.state[state_column::memory(state_column::memory_logits, i_memory)];
                double* of_values =
                    record_.state[state_column::memory(state_column::memory_values, i_memory)];
                put(of_logits + place, memory[i_memory].logits[j]);
                for (int k = 0; k < system.output_count(); ++k)
                    put(of_values + (checkpoint * m + k) * n + token, memory[i_memory].value(k, j));
            }
        }
    }

    SOFTMAXFLOW_COLD void store_winner() {
        const Real winner = find_leader(system.tokens, evaluation_.token_scratch, [&](int k) {
                                return evaluation_.share(k);
                            }).index;
        const Real token = index_or_none(winner);
        for (int i = 0; leads() && i < width; ++i)
            if (replica_slots_[i].live && replica_slots_[i].to + 1 == p_.checkpoint_count)
                record_.replica[replica_column::winner][row(i)] = lane(token, i);
    }

    /// A call: GCC 12 at -O3 takes a conversion there and back for none at all.
    SOFTMAXFLOW_COLD static StepReal in_steps(const Real& number) {
        return convert<StepReal>(number);
    }
    /// A start is drawn in f64 and rounded once; what an f32 run has recorded, is not changed.
    SOFTMAXFLOW_COLD void round_to_steps() {
        if constexpr (is_wide<StepReal>) return;
        const auto round = [&](State& state) {
            const auto entry = [](Real& number) { number = convert<Real>(in_steps(number)); };
            for (int j = 0; j < system.slots(); ++j) entry(state.logits[j]);
            for (int i = 0; i < system.slots() * p_.outputs; ++i) entry(state.values[i]);
        };
        round(x);
        for (int i = 0; i < memories_; ++i) round(memory[i]);
    }

    const Parameters& p_;
    const Record& record_;
    /// Which replica a lane of the Real holds, and at which checkpoints it is to be recorded.
    struct ReplicaSlot {
        Int replica = 0;
        int from = 0, to = 0;
        bool live = false;
    };
    ReplicaSlot replica_slots_[width];
    int memories_;
    typename System::Evaluation evaluation_;
    Storage<Real, 0> ranks_, logs_;
    PassageState<StepReal> passage_state_;
    Real leader_{0.0};
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
