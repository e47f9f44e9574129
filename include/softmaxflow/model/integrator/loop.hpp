#pragma once
/// Gradient flow of many replicas: adaptive steps on either clock, checkpoints, events and ends.
///
/// Every replica of a Real takes its own steps, and nothing it computes depends on its neighbours.
/// When one reaches a checkpoint or its end, the next takes its lane. Steps are cut to end at
/// checkpoints, and at events (the end of the arc, a first passage), so whatever is recorded is a
/// state of the integrator, and a run that goes on from a checkpoint takes the same steps.

#include "softmaxflow/model/integrator/arc_clock.hpp"
#include "softmaxflow/model/integrator/events.hpp"
#include "softmaxflow/model/record/no_monitor.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Steps replicas that stand in Trajectories of HomeTeam, from where they stand to their next
/// checkpoints.
template <class SystemType, class StepperType, class PackTeam, class Monitor = NoMonitor>
class Integration {
public:
    using System = SystemType;
    using Stepper = StepperType;
    using Real = typename System::Real;
    using Scalar = ScalarOf<Real>;
    using Team = typename System::Team;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;
    using Mask = typename RealTraits<Real>::Mask;
    static_assert(CheckStepper<Stepper>::kept);
    static constexpr int width = width_of<Real>;
    /// The replicas that this method steps.
    static constexpr Stage stage = Stepper::implicit ? Stage::stiff : Stage::ready;

    SOFTMAXFLOW_HD Integration(const Parameters& p, const Record& record, Team team, Arena& arena,
                               typename System::Selection selection)
        : p_(p),
          record_(record),
          tolerance_{Scalar(p.rtol), Scalar(p.atol)},
          controller_{Scalar(Stepper::error_order)},
          active_(p, team, arena, selection),
          stepper_(arena, active_.system.slots(), p.outputs),
          trial_(arena, active_.system.slots(), p.outputs),
          workspace_(arena, active_.system.slots(), p.outputs),
          unit_(arena, p.outputs),
          rate_(arena, p.outputs),
          monitor_(p, record, arena) {}

    /// A round: up to `most` steps of every lane, and one checkpoint at most of every replica.
    /// Replica k of the queue lies in packs.pack(k), in its slot packs.replica_slot(k).
    template <class Packs>
    SOFTMAXFLOW_COLD void run(const Packs& packs, Queue& queue, Int most) {
        for (int i = 0; i < width; ++i) fill(i, packs, queue);
        Int done = 0;
        for (; done < most && busy() && !round_ends(queue); ++done) {
            step();
            if (settled_) clear_lanes(packs, queue);
            if constexpr (on_host)
                if (done % 64 == 63 && record_.tick != nullptr && !record_.tick(record_.context, 0))
                    queue.stopped = true;
        }
        for (int i = 0; i < width; ++i)
            if (active_.busy(i)) unload(i);
        if (leads()) fetch_add(queue.issued, done * width);
    }

private:
    using Active = Lanes<System, PackTeam>;
    SOFTMAXFLOW_HD Events<Active, Stepper> events() {
        return {p_, active_, stepper_, workspace_, unit_, rate_, level_};
    }
    SOFTMAXFLOW_HD ArcTime<System> arc_time() {
        return {active_.field, stepper_.next(), trial_, workspace_, unit_, rate_};
    }
    SOFTMAXFLOW_HD Termination<System> termination() const { return {p_, active_.field}; }
    SOFTMAXFLOW_HD const Team& team() const { return active_.system.tokens.team; }
    SOFTMAXFLOW_HD bool leads() const { return team().rank() == 0; }
    SOFTMAXFLOW_HD bool busy() const {
        for (int i = 0; i < width; ++i)
            if (active_.busy(i)) return true;
        return false;
    }

    // --- Replicas come and go ---

    SOFTMAXFLOW_HD bool round_ends(const Queue& queue) const {
        return from_first(team(), leads() ? int(queue.enough(queue.waiting(stage))) : 0) != 0;
    }

    /// Seats the next replica in lane i, if there is one.
    template <class Packs>
    SOFTMAXFLOW_COLD void fill(int i, const Packs& packs, Queue& queue) {
        while (!active_.busy(i)) {
            const Int k = from_first(team(), leads() ? fetch_add(queue.taken, 1) : 0);
            if (k >= queue.count) return;
            auto& pack = packs.pack(k);
            const int replica_slot = packs.replica_slot(k);
            if (pack.at[replica_slot].stage != stage) continue;
            active_.load(i, pack, replica_slot, stepper_.derivative());
            monitor_.load(i, active_.replica(i));
            events().set_level(i);
            aim(i);
        }
    }
    SOFTMAXFLOW_HD void aim(int i) {
        set_lane(active_.step_state.target, i, Scalar(p_.checkpoints[active_.at[i].checkpoint]));
    }
    SOFTMAXFLOW_COLD void unload(int i) {
        monitor_.store(i, active_.replica(i));
        // At a restart the implicit method takes up what it has left, or what was left to it.
        if (active_.at[i].stage == Stage::stiff || Stepper::implicit)
            set_lane(active_.step_state.stiff, i, Scalar(-1));
        active_.store(i, stepper_.derivative());
    }

    /// Lanes whose replica stands at a checkpoint, at its end, or is left to the other method.
    template <class Packs>
    SOFTMAXFLOW_COLD void clear_lanes(const Packs& packs, Queue& queue) {
        settled_ = false;
        for (int i = 0; i < width; ++i) {
            CheckpointState& w = active_.at[i];
            if (!active_.busy(i) || !(w.due() || w.stage != stage)) continue;
            unload(i);
            fill(i, packs, queue);
        }
    }

    // --- One step of all lanes ---

    SOFTMAXFLOW_COLD void step() {
        StepState<Real>& c = active_.step_state;
        const Mask active = c.step > Real(0.0);
        const Real remaining = c.target - c.clock;
        Mask reaches = c.step >= remaining;
        // The last two steps before a checkpoint are of equal length, so that none is tiny.
        Real h = select(reaches, remaining,
                        select(c.step + c.step > remaining, Real(0.5) * remaining, c.step));
        const Mask lands = (c.landing > Real(0.0)) & (c.landing < h);
        h = select(lands, c.landing, h);
        reaches = reaches & !lands;

        stepper_.attempt(active_.field, tolerance_, active_.x, c.speed, c.frame(), h);
        const Mask within = active & (stepper_.error() <= Real(1.0));
        const Mask accepted = within & !events().missed(within, h);
        if (any(active & !within)) controller_.reject(c, active & !within, stepper_.error(), h);
        c.steps = c.steps + select(accepted, Real(1.0), Real(0.0));
        c.rejected = c.rejected + select(active & !accepted, Real(1.0), Real(0.0));
        if (any(accepted)) advance(accepted, reaches, h);
        settle(active, accepted, accepted & reaches);
    }

    /// Takes over the new states and everything known about them.
    SOFTMAXFLOW_COLD void advance(Mask accepted, Mask reaches, Real h) {
        StepState<Real>& c = active_.step_state;
        Evaluation& e = stepper_.evaluation();
        State& derivative = stepper_.derivative();
        for_each_entry(active_.system, [&](auto at) SOFTMAXFLOW_INLINE {
            at(active_.x) = select(accepted, at(stepper_.next()), at(active_.x));
        });
        for_each_entry(active_.system, [&](auto at) SOFTMAXFLOW_INLINE {
            at(derivative) = select(accepted, at(stepper_.next_derivative()), at(derivative));
        });
        const Real leader = active_.system.leading_token(e);
        const Mask changes = accepted & !(leader == c.leader);
        if (any(changes)) change_leader(changes, leader);
        c.clock = select(accepted, select(reaches, c.target, c.clock + h), c.clock);
        monitor_.look(accepted, active_.field, active_.x, derivative, e, c.clock, h);
        c.landing = select(accepted, Real(0.0), c.landing);
        c.top = select(accepted, active_.system.largest_share(e), c.top);
        c.output = select(accepted, norm(active_.system.outputs, e.output), c.output);
        // A denominator that changed its sign went through 0 on the way.
        const Mask through = e.scales.weight * c.scale < Real(0.0);
        c.scale = select(accepted, select(through, Real(infinity()), e.scales.weight), c.scale);
        controller_.accept(c, accepted, h < c.step, stepper_.error(), h);
        if (p_.arc_clock) {
            arc_time().advance(c, active_.x, derivative, e, accepted, h);
        } else {
            c.other = select(accepted, c.other + stepper_.arc(), c.other);
            c.speed = select(accepted, active_.system.residual_norm(e), c.speed);
        }
        const Mask looks_stiff = stepper_.stiffness() > Real(0.9);
        c.stiff = select(
            accepted, select(looks_stiff, c.stiff + Real(1.0), max(c.stiff - Real(1.0), Real(0.0))),
            c.stiff);
    }

    /// Seen from another token, the same state and its derivative have other last bits: those that
    /// a run has that starts here.
    SOFTMAXFLOW_COLD void change_leader(Mask changes, Real leader) {
        StepState<Real>& c = active_.step_state;
        c.leader = select(changes, leader, c.leader);
        Real speed(0.0);
        active_.field(active_.x, stepper_.evaluation(), c.frame(), trial_, speed);
        for_each_entry(active_.system, [&](auto at) {
            auto& derivative = at(stepper_.derivative());
            derivative = select(changes, at(trial_), derivative);
        });
    }

    /// Checkpoints and ends, where there are any.
    SOFTMAXFLOW_HD void settle(Mask active, Mask accepted, Mask at_checkpoint) {
        const StepState<Real>& c = active_.step_state;
        const Real status =
            select(accepted, termination().at_state(c), termination().after_failure(c));
        const Mask over = active & !(status == Real(double(Status::ok)));
        const Mask parks = accepted & park_mask();
        if (any(over | at_checkpoint | parks)) settle_lanes(status, over, at_checkpoint, parks);
    }
    SOFTMAXFLOW_COLD void settle_lanes(Real status, Mask over, Mask at_checkpoint, Mask parks) {
        const Real one(1.0), zero(0.0);
        const Real ended = select(over, one, zero), at = select(at_checkpoint, one, zero),
                   parked = select(parks, one, zero);
        for (int i = 0; i < width; ++i) {
            CheckpointState& w = active_.at[i];
            if (!active_.busy(i)) continue;
            if (lane(at, i) != 0.0) w.reach_checkpoint();
            if (lane(ended, i) != 0.0)
                w.finish(lane(status, i), p_.checkpoint_count);
            else if (w.checkpoint == p_.checkpoint_count)
                w.finish(double(Status::ok), p_.checkpoint_count);
            else if (lane(parked, i) != 0.0)
                w.stage = Stage::stiff;
        }
        settled_ = true;
    }

    SOFTMAXFLOW_HD bool may_park() const {
        return !Stepper::implicit && p_.stiff == Stiff::automatic;
    }
    /// Stiff for long, and so far from the end that other steps pay: one of them costs twenty
    /// explicit ones.
    SOFTMAXFLOW_HD Mask park_mask() const {
        const StepState<Real>& c = active_.step_state;
        const double termination = p_.checkpoints[p_.checkpoint_count - 1];
        return (c.stiff >= Real(may_park() ? 15.0 : infinity())) &
               (Real(termination) - c.clock > Real(500.0) * c.step);
    }

    const Parameters& p_;
    const Record& record_;
    Tolerance<Real> tolerance_;
    Controller<Real> controller_;
    Active active_;
    Stepper stepper_;
    State trial_;
    Evaluation workspace_;
    decltype(Evaluation::output) unit_, rate_;
    Monitor monitor_;
    Real level_ = Real(infinity());
    bool settled_ = false;  // some lane is to be cleared
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
