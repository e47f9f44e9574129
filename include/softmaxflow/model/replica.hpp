#pragma once
/// The one function that every backend runs: draw, integrate, observe. A call follows the replicas
/// of one Real (one on a GPU lane, a pack on the CPU) with one Team of lanes, from the draw of
/// their starts to the last checkpoint.

#include "softmaxflow/model/draw.hpp"
#include "softmaxflow/model/observe.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// First passage of max s through increasing thresholds, exact to the iteration.
template <class Real>
class Passage {
public:
    SOFTMAXFLOW_HD Passage(const Parameters& p) : p_(p), level_(infinity()) {
        for (int i = 0; i < width_of<Real>; ++i) {
            next_[i] = 0;
            if (p.threshold_count > 0) set_lane(level_, i, p.thresholds[0]);
        }
    }
    SOFTMAXFLOW_HD bool active() const { return p_.threshold_count > 0; }

    /// `store(lane, threshold)` is called once per threshold reached.
    template <class Store>
    SOFTMAXFLOW_HD void check(Real largest_weight, Store store) {
        if (!any(largest_weight >= level_)) return;
        for (int i = 0; i < width_of<Real>; ++i) {
            while (next_[i] < p_.threshold_count &&
                   lane(largest_weight, i) >= p_.thresholds[next_[i]])
                store(i, next_[i]++);
            set_lane(level_, i,
                     next_[i] < p_.threshold_count ? p_.thresholds[next_[i]] : infinity());
        }
    }

private:
    const Parameters& p_;
    Real level_;
    int next_[width_of<Real>];
};

template <class FlowType, class MethodType>
class Replicas {
public:
    using Flow = FlowType;
    using Method = MethodType;
    using Real = typename Flow::Real;
    using Team = typename Flow::Team;
    using State = typename Flow::State;

    /// Replicas [replica, replica + live) of the run; `live` may be less than the width of a Real.
    SOFTMAXFLOW_HD Replicas(const Parameters& p, const Record& record, Team team, Arena& arena,
                            Int replica, int live)
        : p_(p),
          record_(record),
          replica_(replica),
          live_(live),
          flow_(arena, team, p.tokens, p.outputs),
          x_(arena, flow_.slots(), p.outputs),
          velocity_(arena, Method::has_velocity ? flow_.slots() : 0, p.outputs),
          evaluation_(arena, flow_.slots(), p.outputs),
          passage_(p) {}

    /// False if the caller of tick asked to stop.
    SOFTMAXFLOW_HD bool run() {
        draw();
        const Rates rates{p_.learning_rate, p_.learning_rate * p_.logit_rate, p_.momentum};
        Int iteration = 0;
        for (int c = 0; c < p_.checkpoint_count; ++c) {
            const Int begin = iteration;
            for (; iteration < p_.checkpoints[c]; ++iteration) {
                evaluate(iteration);
                arc_ = fma(Real(p_.learning_rate), flow_.residual_norm(evaluation_), arc_);
                Method::step(flow_, evaluation_, x_, velocity_, rates);
            }
            evaluate(iteration);
            if (c == 0) store_start();
            store_checkpoint(c, p_.learning_rate * double(iteration));
            if (record_.tick != nullptr &&
                !record_.tick(record_.context, (iteration - begin) * live_))
                return false;
        }
        store_end();
        return true;
    }

private:
    SOFTMAXFLOW_HD void draw() {
        Start<Flow>(p_, Bits(replica_), Bits(replica_ + live_ - 1))(flow_, x_);
        if constexpr (Method::has_velocity) {
            for (int j = 0; j < flow_.slots(); ++j) velocity_.logits[j] = Real(0.0);
            for (int i = 0; i < flow_.slots() * p_.outputs; ++i) velocity_.values[i] = Real(0.0);
        }
    }

    SOFTMAXFLOW_HD void evaluate(Int iteration) {
        flow_.evaluate(x_, evaluation_);
        if (!passage_.active()) return;
        for (int j = 0; j < flow_.slots(); ++j)
            evaluation_.token_scratch[j] = evaluation_.weights[j];
        passage_.check(largest(flow_.tokens, evaluation_.token_scratch), [&](int i, int threshold) {
            if (leads() && i < live_)
                record_.passage[threshold * record_.stride + row(i)] = double(iteration);
        });
    }

    // One lane of the team writes what is common to all.
    SOFTMAXFLOW_HD bool leads() const { return flow_.tokens.team.rank() == 0; }
    SOFTMAXFLOW_HD Int row(int i) const { return replica_ - record_.first + i; }
    SOFTMAXFLOW_COLD void store(double* place, Real value) const {
        if (!leads()) return;
        for (int i = 0; i < live_; ++i) place[row(i)] = lane(value, i);
    }
    /// A token index, or -1 where it is n (no token compares equal to a NaN).
    SOFTMAXFLOW_HD Real index_or_none(Real index) const {
        return select(index < Real(p_.tokens), index, Real(-1.0));
    }

    SOFTMAXFLOW_COLD void store_start() {
        leader_ = find_leader(flow_.tokens, evaluation_.token_scratch, [&](int k) {
                      return flow_.projected_value(x_, evaluation_, k);
                  }).index;
        store(record_.leader, index_or_none(leader_));
        for (int i = 0; i < live_; ++i) {
            if (!leads() || row(i) >= record_.state_count) continue;
            record_.floor[row(i)] = lane(flow_.objective.floor, i);
            for (int k = 0; k < flow_.output_count(); ++k) {
                const Int place = row(i) * p_.outputs + k;
                record_.metric[place] = lane(flow_.objective.metric[k], i);
                record_.response[place] = lane(flow_.objective.response[k], i);
            }
        }
    }

    SOFTMAXFLOW_COLD void store_checkpoint(int c, double time) {
        Real out[observable_count];
        observe(flow_, x_, evaluation_, leader_, arc_, time, p_.logit_rate, out);
        for (int o = 0; o < observable_count; ++o)
            store(record_.observables + (Int(c) * observable_count + o) * record_.stride,
                  canonical(out[o]));
        failed_ = select(finite_state(), failed_, Real(1.0));
        for (int i = 0; i < live_; ++i)
            if (row(i) < record_.state_count) store_state(c, i);
    }

    /// x - x is zero where x is finite, else NaN.
    SOFTMAXFLOW_COLD auto finite_state() {
        auto& scratch = evaluation_.token_scratch;
        for (int j = 0; j < flow_.slots(); ++j) {
            scratch[j] = x_.logits[j] - x_.logits[j];
            for (int k = 0; k < flow_.output_count(); ++k)
                scratch[j] = scratch[j] + (x_.value(k, j) - x_.value(k, j));
        }
        return sum(flow_.tokens, scratch) == Real(0.0);
    }

    SOFTMAXFLOW_COLD void store_state(int c, int i) {
        const Int n = p_.tokens, m = p_.outputs;
        const Int checkpoint = row(i) * p_.checkpoint_count + c;
        for (int j = 0; j < flow_.slots(); ++j) {
            if (!flow_.tokens.valid(j)) continue;
            const Int token = flow_.tokens.index(j), place = checkpoint * n + token;
            record_.logits[place] = lane(x_.logits[j], i);
            record_.probability[place] = lane(evaluation_.weights[j], i);
            if constexpr (Method::has_velocity)
                record_.velocity_logits[place] = lane(velocity_.logits[j], i);
            for (int k = 0; k < flow_.output_count(); ++k) {
                const Int entry = (checkpoint * m + k) * n + token;
                record_.values[entry] = lane(x_.value(k, j), i);
                if constexpr (Method::has_velocity)
                    record_.velocity_values[entry] = lane(velocity_.value(k, j), i);
            }
        }
    }

    SOFTMAXFLOW_COLD void store_end() {
        const Real winner = find_leader(flow_.tokens, evaluation_.token_scratch, [&](int k) {
                                return evaluation_.weights[k];
                            }).index;
        store(record_.winner, index_or_none(winner));
        store(record_.failed, failed_);
    }

    const Parameters& p_;
    const Record& record_;
    Int replica_;
    int live_;
    Flow flow_;
    State x_, velocity_;
    typename Flow::Evaluation evaluation_;
    Passage<Real> passage_;
    Real leader_{0.0}, arc_{0.0}, failed_{0.0};
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
