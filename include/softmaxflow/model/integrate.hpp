#pragma once
/// Gradient flow of many replicas: adaptive steps on either clock, checkpoints, events and ends.
///
/// Every replica of a Real takes its own steps, and nothing it computes depends on its neighbours.
/// When one ends, the next takes its lane. Steps are cut to end at checkpoints, and at events (the
/// end of the arc, a first passage), so whatever is recorded is a state of the integrator, and a
/// run that goes on from a checkpoint takes the same steps.

#include "softmaxflow/model/arc_time.hpp"
#include "softmaxflow/model/events.hpp"
#include "softmaxflow/model/queue.hpp"
#include "softmaxflow/model/unwatched.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

template <class FlowType, class StepperType, class Watcher = Unwatched>
class Integration {
public:
    using Flow = FlowType;
    using Stepper = StepperType;
    using Real = typename Flow::Real;
    using Scalar = ScalarOf<Real>;
    using Wide = WideOf<Real>;
    using Team = typename Flow::Team;
    using State = typename Flow::State;
    using Evaluation = typename Flow::Evaluation;
    using Mask = typename RealTraits<Real>::Mask;
    static constexpr int width = width_of<Real>;

    /// `takes_parked`: this is the method that replicas are left to; else those that turn stiff are
    /// parked, unless p.stiff forbids it.
    SOFTMAXFLOW_HD Integration(const Parameters& p, const Record& record, Team team, Arena& arena,
                               typename Flow::Map map, typename Flow::Loss loss, Queue& queue,
                               bool takes_parked)
        : p_(p),
          record_(record),
          queue_(queue),
          takes_parked_(takes_parked),
          tolerance_{ScalarOf<Real>(p.rtol), ScalarOf<Real>(p.atol)},
          controller_{ScalarOf<Real>(Stepper::error_order)},
          fresh_(p, record, team, arena, map, loss),
          active_(p, record, team, arena, map, loss),
          seen_(p, record, team, arena, any_of<Maps>(map), any_of<Losses>(loss), 0),
          stepper_(arena, active_.flow.slots(), p.outputs),
          fresh_derivative_(arena, active_.flow.slots(), p.outputs),
          trial_(arena, active_.flow.slots(), p.outputs),
          room_(arena, active_.flow.slots(), p.outputs),
          unit_(arena, p.outputs),
          rate_(arena, p.outputs),
          watcher_(p, record, arena) {
        for (int i = 0; i < width; ++i) busy_[i] = false;
    }

    /// Numbers that a parked replica takes: every lane keeps its own tokens and the course.
    SOFTMAXFLOW_HD static int parked_numbers(const Parameters& p, int slots) {
        int course = 0;
        Course<Real> c;
        c.with(c, [&](Real&, const Real&) { ++course; });
        return Team::size * (slots * (p.outputs + 1) + course);
    }

    /// Takes the first replicas of the queue, or those that were left to this method.
    SOFTMAXFLOW_COLD void begin() {
        for (int i = 0; i < width; ++i) fill(i);
    }

    /// Up to `rounds` steps of all lanes; false once no replica is left, or the caller of tick
    /// asked to stop.
    SOFTMAXFLOW_COLD bool go_on(Int rounds) {
        Int done = 0;
        for (; done < rounds && busy() && !stopped_; ++done) step();
        if (leads()) fetch_add(queue_.issued, done * width);
        return busy() && !stopped_;
    }

    /// The whole queue; false if the caller of tick asked to stop.
    SOFTMAXFLOW_COLD bool run() {
        begin();
        while (go_on(64)) tick(0);
        if (seen_count_ > 0 && !stopped_) flush();
        return !stopped_;
    }

private:
    SOFTMAXFLOW_HD Events<Flow, Stepper> events() {
        return {p_, active_, stepper_, room_, unit_, rate_, level_};
    }
    SOFTMAXFLOW_HD ArcTime<Flow, Stepper> arc_time() {
        return {stepper_, trial_, room_, unit_, rate_};
    }
    SOFTMAXFLOW_HD const Team& team() const { return active_.flow.tokens.team; }
    SOFTMAXFLOW_HD bool leads() const { return team().rank() == 0; }
    /// Adds to a counter that teams share; what it was before.
    SOFTMAXFLOW_HD Int claim(Int& counter, Int amount) {
        return from_first(team(), leads() ? fetch_add(counter, amount) : 0);
    }
    SOFTMAXFLOW_HD bool busy() const {
        for (int i = 0; i < width; ++i)
            if (busy_[i]) return true;
        return false;
    }
    SOFTMAXFLOW_COLD void tick(Int replicas) {
        if constexpr (on_host)
            if (record_.tick != nullptr && !record_.tick(record_.context, replicas))
                stopped_ = true;
    }

    // --- Replicas come ---

    /// Seats the next replica in lane i, if there is one.
    SOFTMAXFLOW_COLD void fill(int i) {
        busy_[i] = false;
        set_lane(active_.course.step, i, Scalar(0));
        while (!busy_[i] && (waiting_ < fresh_count_ || draw())) seat(i, waiting_++);
    }

    SOFTMAXFLOW_COLD bool draw() {
        waiting_ = fresh_count_ = 0;
        fresh_.course = {};
        const Int next = claim(queue_.taken, width), left = queue_.count - next;
        if (left > 0) {
            fresh_count_ = left < width ? int(left) : width;
            start(queue_.first + next, fresh_count_);
            set_out();
            return true;
        }
        if (!takes_parked_) return false;
        // While replicas are taken that were parked, none is.
        const Int parked = from_first(team(), queue_.parked), place = claim(queue_.unparked, 1);
        if (place >= parked) return false;
        fresh_count_ = 1;
        start(queue_.replica[place], 1);
        unpark(place);
        return true;
    }

    /// The fresh replicas at the start of the run, or where a restart takes them up.
    SOFTMAXFLOW_COLD void start(Int replica, int live) {
        fresh_.origin.start(replica, live);
        fresh_.origin.note_start();
        fresh_.flow.objective.copy(fresh_.origin.flow.objective, p_.outputs);
        for_each_entry(fresh_.flow,
                       [&](auto at) { at(fresh_.x) = convert<Real>(at(fresh_.origin.x)); });
    }

    SOFTMAXFLOW_COLD void set_out() {
        Course<Real>& c = fresh_.course;
        Recorder<Real, Team>& origin = fresh_.origin;
        const bool restart = p_.restart_clock != nullptr;
        c.clock = convert<Real>(restart ? origin.clock : Wide(0.0));
        c.other = convert<Real>(!p_.arc_clock ? origin.arc
                                : restart     ? origin.log_time
                                              : Wide(-infinity()));
        look_around(true);
        if (restart) {
            c.step = convert<Real>(origin.step_size);
            c.error = convert<Real>(origin.step_error);
            c.stiff = convert<Real>(origin.stiff_steps);
        }
        watcher_.start(fresh_.flow, fresh_.x, room_, c.sign, origin);
        if (p_.arc_clock) arc_time().note_bend(fresh_, fresh_derivative_);
        for (int i = 0; i < width; ++i) fresh_.checkpoint[i] = fresh_.threshold[i] = 0;
    }

    /// What a course needs of the state it starts from: everything, or all but what is carried on.
    SOFTMAXFLOW_COLD void look_around(bool anew) {
        Course<Real>& c = fresh_.course;
        const Field<Flow>& field = fresh_.field;
        visit(fresh_.flow.map, [&](auto map) {
            room_.scales = map.weights(fresh_.flow.tokens, fresh_.x.logits, room_.numerators,
                                       room_.token_scratch);
        });
        c.leader = largest_token(fresh_.flow, room_);
        if (field.single()) {
            // The sign of q; the first evaluation finds z, whatever sign it is given.
            field(fresh_.x, room_, c.vantage(), fresh_derivative_, c.speed);
            field.log_speed(room_, unit_, room_.output_scratch);
            c.sign = unit_[0];
        }
        field(fresh_.x, room_, c.vantage(), fresh_derivative_, c.speed);
        c.top = top_share(fresh_.flow, room_);
        c.output = norm(fresh_.flow.outputs, room_.output);
        c.scale = room_.scales.weight;
        if (p_.arc_clock) c.pace = arc_time().pace_of(fresh_, fresh_.x, fresh_derivative_, room_);
        if (anew)
            c.step = first_step(field, tolerance_, controller_.order, fresh_.x, fresh_derivative_,
                                c.vantage(), room_, trial_, stepper_.next);
    }

    SOFTMAXFLOW_COLD void seat(int i, int j) {
        active_.origin.take(i, fresh_.origin, j, 0, 0);
        active_.flow.objective.copy_lane(i, fresh_.flow.objective, j, p_.outputs);
        active_.course.with(fresh_.course,
                            [&](Real& to, const Real& from) { copy_lane(to, i, from, j); });
        for_each_entry(active_.flow,
                       [&](auto at) { copy_lane(at(active_.x), i, at(fresh_.x), j); });
        for_each_entry(active_.flow, [&](auto at) {
            copy_lane(at(stepper_.derivative()), i, at(fresh_derivative_), j);
        });
        active_.checkpoint[i] = fresh_.checkpoint[j];
        active_.threshold[i] = fresh_.threshold[j];
        busy_[i] = true;
        watcher_.seat(i);
        const Course<Real>& c = active_.course;
        while (active_.threshold[i] < p_.threshold_count &&
               lane(c.top, i) >= Scalar(p_.thresholds[active_.threshold[i]]))
            active_.origin.store_passage(i, active_.threshold[i]++, lane(c.clock, i));
        const bool finite = lane(c.step, i) - lane(c.step, i) == 0.0 && lane(c.step, i) > 0.0;
        if (active_.checkpoint[i] == 0) reach_checkpoint(i);
        if (!finite) return finish(i, non_finite);
        events().set_level(i);
        const double status = lane(end_status(), i);
        if (status != ok)
            finish(i, status);
        else if (lane(c.stiff, i) < 0.0 && may_park())
            park(i);
    }

    // --- and go ---

    /// The replica in lane i stands at its next checkpoint: records it and aims at the one after.
    SOFTMAXFLOW_COLD void reach_checkpoint(int i) {
        record(i, active_.checkpoint[i], active_.checkpoint[i]);
        ++active_.checkpoint[i];
        aim(i);
    }
    SOFTMAXFLOW_HD void aim(int i) {
        if (active_.checkpoint[i] < p_.checkpoint_count)
            set_lane(active_.course.target, i, Scalar(p_.checkpoints[active_.checkpoint[i]]));
    }

    /// Puts the state of lane i among those to be recorded, at checkpoints [from, to].
    SOFTMAXFLOW_COLD void record(int i, int from, int to) {
        const int seat = seen_count_++;
        const Course<Real>& c = active_.course;
        seen_.take(seat, active_.origin, i, from, to);
        for_each_entry(active_.flow,
                       [&](auto at) { copy_lane(at(seen_.x), seat, at(active_.x), i); });
        copy_lane(seen_.clock, seat, c.clock, i);
        copy_lane(seen_.step_size, seat, c.step, i);
        copy_lane(seen_.step_error, seat, c.error, i);
        copy_lane(seen_.stiff_steps, seat, takes_parked_ ? Real(-1.0) : c.stiff, i);
        copy_lane(seen_.arc, seat, p_.arc_clock ? c.clock : c.other, i);
        copy_lane(seen_.log_time, seat, p_.arc_clock ? c.other : c.clock, i);
        if (seen_count_ == width) flush();
    }
    SOFTMAXFLOW_COLD void flush() {
        // In the time clock log_time holds t so far.
        const Wide time = p_.arc_clock ? seen_.log_time : log(seen_.log_time);
        seen_.log_time = select(time > Wide(-infinity()), time, Wide(not_a_number()));
        seen_.record_seats();
        seen_count_ = 0;
    }

    /// The replica in lane i has ended; its last state stands for the checkpoints that are left.
    SOFTMAXFLOW_COLD void finish(int i, double status) {
        const int left = active_.checkpoint[i], last = p_.checkpoint_count - 1;
        if (left <= last) record(i, left, last);
        const bool stopped = status == converged || status == stopped_early;
        const Course<Real>& c = active_.course;
        active_.origin.store_end(i, status, stopped ? left : p_.checkpoint_count, lane(c.steps, i),
                                 lane(c.rejected, i));
        watcher_.leave(i, active_.origin.replica(i));
        busy_[i] = false;
        set_lane(active_.course.step, i, Scalar(0));
        if (leads()) fetch_add(queue_.ended, 1);
        tick(1);
    }

    SOFTMAXFLOW_HD double* parked_state(Int place) const {
        return queue_.states + (place * Team::size + team().rank()) * (queue_.numbers / Team::size);
    }
    SOFTMAXFLOW_COLD void park(int i) {
        const Int place = claim(queue_.parked, 1);
        queue_.replica[place] = active_.origin.replica(i);
        queue_.checkpoint[place] = active_.checkpoint[i];
        queue_.threshold[place] = active_.threshold[i];
        double* numbers = parked_state(place);
        for_each_entry(active_.flow, [&](auto at) { *numbers++ = lane(at(active_.x), i); });
        active_.course.with(active_.course, [&](Real& x, const Real&) { *numbers++ = lane(x, i); });
        watcher_.leave(i, active_.origin.replica(i));
        busy_[i] = false;
        set_lane(active_.course.step, i, Scalar(0));
    }
    SOFTMAXFLOW_COLD void unpark(Int place) {
        const double* numbers = parked_state(place);
        for_each_entry(fresh_.flow, [&](auto at) { at(fresh_.x) = Real(*numbers++); });
        fresh_.course.with(fresh_.course, [&](Real& x, const Real&) { x = Real(*numbers++); });
        fresh_.checkpoint[0] = queue_.checkpoint[place];
        fresh_.threshold[0] = queue_.threshold[place];
        look_around(false);
        if (p_.arc_clock) arc_time().note_bend(fresh_, fresh_derivative_);
    }

    // --- One step of all lanes ---

    SOFTMAXFLOW_COLD void step() {
        Course<Real>& c = active_.course;
        const Mask active = c.step > Real(0.0);
        const Real remaining = c.target - c.clock;
        Mask reaches = c.step >= remaining;
        // The last two steps before a checkpoint are of equal length, so that none is tiny.
        Real h = select(reaches, remaining,
                        select(c.step + c.step > remaining, Real(0.5) * remaining, c.step));
        const Mask lands = (c.landing > Real(0.0)) & (c.landing < h);
        h = select(lands, c.landing, h);
        reaches = reaches & !lands;

        stepper_.attempt(active_.field, tolerance_, active_.x, c.speed, c.vantage(), h);
        const Mask within = active & (stepper_.error <= Real(1.0));
        const Mask accepted = within & !events().missed(within, h);
        if (any(active & !within)) controller_.reject(c, active & !within, stepper_.error, h);
        c.steps = c.steps + select(accepted, Real(1.0), Real(0.0));
        c.rejected = c.rejected + select(active & !accepted, Real(1.0), Real(0.0));
        if (any(accepted)) advance(accepted, reaches, h);
        settle(active, accepted, accepted & reaches);
    }

    /// Takes over the new states and everything known about them.
    SOFTMAXFLOW_COLD void advance(Mask accepted, Mask reaches, Real h) {
        Course<Real>& c = active_.course;
        Evaluation& e = stepper_.evaluation;
        State& derivative = stepper_.derivative();
        for_each_entry(active_.flow, [&](auto at) SOFTMAXFLOW_INLINE {
            at(active_.x) = select(accepted, at(stepper_.next), at(active_.x));
        });
        for_each_entry(active_.flow, [&](auto at) SOFTMAXFLOW_INLINE {
            at(derivative) = select(accepted, at(stepper_.next_derivative()), at(derivative));
        });
        const Real leader = largest_token(active_.flow, e);
        const Mask changes = accepted & !(leader == c.leader);
        if (any(changes)) change_leader(changes, leader);
        c.clock = select(accepted, select(reaches, c.target, c.clock + h), c.clock);
        watcher_.look(accepted, active_.field, active_.x, derivative, e, c.clock, h);
        c.landing = select(accepted, Real(0.0), c.landing);
        c.top = select(accepted, top_share(active_.flow, e), c.top);
        c.output = select(accepted, norm(active_.flow.outputs, e.output), c.output);
        // A denominator that changed its sign went through 0 on the way.
        const Mask through = e.scales.weight * c.scale < Real(0.0);
        c.scale = select(accepted, select(through, Real(infinity()), e.scales.weight), c.scale);
        controller_.accept(c, accepted, h < c.step, stepper_.error, h);
        if (p_.arc_clock) {
            arc_time().advance(active_, accepted, h);
        } else {
            c.other = select(accepted, c.other + stepper_.arc, c.other);
            c.speed = select(accepted, active_.flow.residual_norm(e), c.speed);
        }
        const Mask looks_stiff = stepper_.stiffness > Real(0.9);
        c.stiff = select(
            accepted, select(looks_stiff, c.stiff + Real(1.0), max(c.stiff - Real(1.0), Real(0.0))),
            c.stiff);
    }

    /// Seen from another token, the same state and its derivative have other last bits: those that
    /// a run has that starts here.
    SOFTMAXFLOW_COLD void change_leader(Mask changes, Real leader) {
        Course<Real>& c = active_.course;
        c.leader = select(changes, leader, c.leader);
        Real speed(0.0);
        active_.field(active_.x, stepper_.evaluation, c.vantage(), trial_, speed);
        for_each_entry(active_.flow, [&](auto at) {
            auto& derivative = at(stepper_.derivative());
            derivative = select(changes, at(trial_), derivative);
        });
    }

    /// Checkpoints and ends, where there are any.
    SOFTMAXFLOW_HD void settle(Mask active, Mask accepted, Mask at_checkpoint) {
        const Real status = select(accepted, end_status(), failure_status());
        const Mask ends = active & !(status == Real(ok));
        const Mask parks = accepted & park_mask();
        if (any(ends | at_checkpoint | parks)) settle_lanes(status, ends, at_checkpoint, parks);
    }
    SOFTMAXFLOW_COLD void settle_lanes(Real status, Mask ends, Mask at_checkpoint, Mask parks) {
        const Real one(1.0), zero(0.0);
        const Real ended = select(ends, one, zero), at = select(at_checkpoint, one, zero),
                   parked = select(parks, one, zero);
        for (int i = 0; i < width; ++i) {
            if (!busy_[i]) continue;
            if (lane(at, i) != 0.0) reach_checkpoint(i);
            if (lane(ended, i) != 0.0)
                finish(i, lane(status, i));
            else if (active_.checkpoint[i] == p_.checkpoint_count)
                finish(i, ok);
            else if (lane(parked, i) != 0.0)
                park(i);
            if (!busy_[i]) fill(i);
        }
    }

    SOFTMAXFLOW_HD bool may_park() const { return !takes_parked_ && p_.stiff == Stiff::automatic; }
    /// Stiff for long, and so far from the end that other steps pay: one of them costs twenty
    /// explicit ones.
    SOFTMAXFLOW_HD Mask park_mask() const {
        const Course<Real>& c = active_.course;
        const double end = p_.checkpoints[p_.checkpoint_count - 1];
        return (c.stiff >= Real(may_park() ? 15.0 : infinity())) &
               (Real(end) - c.clock > Real(500.0) * c.step);
    }

    SOFTMAXFLOW_HD Real failure_status() const {
        const Course<Real>& c = active_.course;
        const Real shortest = max(abs(c.clock) * Real(FormatOf<Real>::shortest_step),
                                  Real(FormatOf<Real>::least_step));
        const Real limit =
            select(c.steps + c.rejected >= Real(p_.max_steps), Real(step_limit), Real(ok));
        return select(c.step <= shortest, Real(step_underflow), limit);
    }

    /// Status of accepted states.
    SOFTMAXFLOW_COLD Real end_status() {
        const Course<Real>& c = active_.course;
        Real status =
            select(c.steps + c.rejected >= Real(p_.max_steps), Real(step_limit), Real(ok));
        if (p_.stop_at_probability > 0.0)
            status = select(c.top >= Real(p_.stop_at_probability), Real(stopped_early), status);
        visit(active_.flow.loss, [&](auto loss) {
            if (!loss.finite_arc || active_.field.decays()) return;
            const Real speed = p_.arc_clock ? exp_call(-c.pace.log) : c.speed;
            status = select(speed <= events().convergence_bound(c.output), Real(converged), status);
        });
        visit(active_.flow.map, [&](auto map) {
            if (!map.signed_weights) return;
            status =
                select(abs(c.scale) >= Real(1.0 / map_regulariser), Real(map_singular), status);
        });
        return status;
    }

    const Parameters& p_;
    const Record& record_;
    Queue& queue_;
    bool takes_parked_, stopped_ = false;
    Tolerance<Real> tolerance_;
    Controller<Real> controller_;
    Lanes<Flow> fresh_, active_;
    Recorder<Real, Team> seen_;
    Stepper stepper_;
    State fresh_derivative_, trial_;
    Evaluation room_;
    decltype(Evaluation::output) unit_, rate_;
    Watcher watcher_;
    Real level_ = Real(infinity());
    bool busy_[width];
    int waiting_ = 0, fresh_count_ = 0, seen_count_ = 0;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
