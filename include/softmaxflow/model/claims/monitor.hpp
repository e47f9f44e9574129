#pragma once
/// Monitors the trajectories of the replicas of one Real for the claims of claims/claim_list.hpp:
/// at every accepted step it takes the margin of each, and keeps per replica the smallest, the
/// clock where it was, and the accumulated change of the quantity that has it.

#include "softmaxflow/model/claims/claim_list.hpp"
#include "softmaxflow/model/claims/snapshot.hpp"
#include "softmaxflow/model/record/no_monitor.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The wrong steps that tests of claims about descent ask for: tokens 0 and 1 change places, or all
/// logits drift.
template <class System, class Array>
SOFTMAXFLOW_COLD void mutate_step(const System& system, typename System::State& x, Array& scratch,
                                  Mutant mutant, double drift) {
    using Real = typename System::Real;
    const auto logit = [&](int j) { return x.logits[j]; };
    const Real first = at_token(system.tokens, scratch, 0, logit);
    const Real second = at_token(system.tokens, scratch, 1, logit);
    for (int j = 0; j < system.slots(); ++j) {
        const int token = system.tokens.index(j);
        if (mutant != Mutant::swapped)
            x.logits[j] = x.logits[j] + Real(drift);
        else if (token < 2)
            x.logits[j] = token == 0 ? second : first;
    }
}

template <class SystemType>
class Monitor {
public:
    using System = SystemType;
    using Real = typename System::Real;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;
    using Mask = typename RealTraits<Real>::Mask;
    static constexpr bool monitors = true;
    static constexpr int width = width_of<Real>, claims = MonitoredClaims::size;

    SOFTMAXFLOW_HD Monitor(const Parameters& p, const Record& record, Arena& arena)
        : p_(p), record_(record), snapshot_(arena, active() ? p.tokens : 0, p.outputs) {
        for (Found& found : found_) found = {Real(infinity()), Real(not_a_number()), Real(0.0)};
    }
    SOFTMAXFLOW_HD bool active() const { return p_.monitored != 0; }

    /// Notes which bits of Needs the starts of the replicas have; `origin` says which they are.
    /// `sign`: of q, with one output.
    template <class Origin>
    SOFTMAXFLOW_COLD void start(const System& system, const State& x, Evaluation& e, Real sign,
                                const Origin& origin) {
        if (!active()) return;
        snapshot_.look(system, x, e, p_.logit_rate);
        const auto bit = [](auto mask, unsigned need) {
            return select(mask, Real(double(need)), Real(0.0));
        };
        auto equal = sign == sign, untied = equal, losers = equal;
        for (int i = 0; i + 1 < p_.tokens; ++i) {
            const auto same_logits = snapshot_.logit[i] == snapshot_.logit[i + 1];
            const auto same_values = snapshot_.value[i] == snapshot_.value[i + 1];
            equal = equal & same_logits;
            untied = untied & (snapshot_.value[i] > snapshot_.value[i + 1]);
            if (i > 0) losers = losers & same_logits & same_values;
        }
        Real traits = bit(equal, equal_logits) + bit(untied, no_ties) + bit(losers, equal_losers);
        if (p_.outputs == 1) traits = traits + bit(sign > Real(0.0), positive_residual);
        for (int i = 0; i < width; ++i)
            if (origin.live(i))
                record_.replica[replica_column::start_traits][origin.replica(i) - record_.first] =
                    lane(traits, i);
    }

    /// Lane i takes up a replica where it was left.
    SOFTMAXFLOW_COLD void load(int i, Int replica) {
        for (int c = 0; active() && c < claims; ++c) {
            const Int place = c * record_.stride + (replica - record_.first);
            set_lane(found_[c].margin, i, of(replica_column::margin)[place]);
            set_lane(found_[c].clock, i, of(replica_column::margin_clock)[place]);
            set_lane(found_[c].increment, i, of(replica_column::increment)[place]);
        }
    }
    /// The replica of lane i leaves it.
    SOFTMAXFLOW_COLD void store(int i, Int replica) {
        for (int c = 0; active() && c < claims; ++c) {
            const Int place = c * record_.stride + (replica - record_.first);
            of(replica_column::margin)[place] = lane(found_[c].margin, i);
            of(replica_column::margin_clock)[place] = lane(found_[c].clock, i);
            of(replica_column::increment)[place] = lane(found_[c].increment, i);
        }
    }

    /// The accepted states of the flow after a step of length h.
    SOFTMAXFLOW_COLD void look(Mask accepted, const VectorField<System>& field, const State& x,
                               const State& derivative, Evaluation& e, Real clock, Real h) {
        if (!active()) return;
        snapshot_.look(field, x, derivative, e);
        note(accepted, clock, h, gradient_flow);
    }
    /// A state of descent that `flow` has evaluated, after so many iterations.
    SOFTMAXFLOW_COLD void look(const System& system, const State& x, Evaluation& e, Int iteration,
                               bool first) {
        if (!active()) return;
        snapshot_.look(system, x, e, p_.logit_rate);
        const Real clock = Real(double(iteration));
        if (!first) note(clock == clock, clock, Real(1.0), gradient_descent);
        snapshot_.keep_logits();
    }

    SOFTMAXFLOW_COLD void mutate(const System& system, State& x) {
        if (p_.mutant != Mutant::none)
            mutate_step(system, x, snapshot_.workspace[0], p_.mutant, p_.learning_rate);
    }

private:
    SOFTMAXFLOW_HD double* of(replica_column::Index column) const {
        return record_.replica[column];
    }

    struct Found {
        Real margin, clock, increment;
    };

    SOFTMAXFLOW_HD void note(Mask accepted, Real clock, Real h, unsigned kind) {
        note_all(MonitoredClaims{}, accepted, clock, h, kind);
    }
    template <class... Claims>
    SOFTMAXFLOW_HD void note_all(List<Claims...>, Mask accepted, Real clock, Real h,
                                 unsigned kind) {
        int c = 0;
        ((p_.monitored >> c & 1U ? note_one<Claims>(c, accepted, clock, h, kind) : void(), ++c),
         ...);
    }
    template <class Claim>
    SOFTMAXFLOW_COLD void note_one(int c, Mask accepted, Real clock, Real h, unsigned kind) {
        static_assert(CheckMargin<Claim, Snapshot<System>>::kept);
        // Claims about the flow alone ask for its derivative.
        if (kind != gradient_flow && (Claim::needs & gradient_flow) != 0) return;
        const Worst<Real> worst = Claim::margin(snapshot_);
        Found& found = found_[c];
        const Mask less = accepted & (worst.margin < found.margin);
        found.margin = select(less, worst.margin, found.margin);
        found.clock = select(less, clock, found.clock);
        found.increment = select(accepted, fma(h, worst.change, found.increment), found.increment);
    }

    const Parameters& p_;
    const Record& record_;
    Snapshot<System> snapshot_;
    Found found_[claims];
};

/// Claims are monitored along steps of a flow in f64, of sizes known at run time, by one lane for a
/// replica: it looks at all tokens.
template <class System>
struct MonitorOf {
    using Type = NoMonitor;
};
template <class System>
requires(is_wide<typename System::Real>&& System::Slots == 0 &&
         System::Team::size == 1) struct MonitorOf<System> {
    using Type = Monitor<System>;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
