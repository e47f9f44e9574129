#pragma once
/// The vector field of value_softmax.hpp on either clock, as an adaptive integrator needs it.
///
///     time clock:  d(Z, a)/dt  = F(q)             arc clock:  d tau = |q| dt,
///                                                 d(Z, a)/dtau = F(q / |q|)
///
/// In the arc clock q underflows long before anything of interest ends (tau = 1e6 is t = e^(10^6)
/// for the logistic loss), so q / |q| and log |q| are found without q.
///
/// No cancellation: with the softmax, w_i - <s, w> is computed relative to the leader l,
/// (w_i - w_l) - <s, w - w_l>. The plain formula subtracts two numbers of size tau to get one of
/// size 1 / tau, and its rounding noise, not the dynamics, would then limit the step.

#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/model/dynamics/value_softmax.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Seen from where a step begins, and kept throughout it.
template <class Real>
struct Frame {
    Real leader{0.0};  // token of the largest weight
    Real sign{1.0};    // of q, for losses with one output: the flow goes on through q = 0
};

template <class SystemType>
struct VectorField {
    using System = SystemType;
    using Real = typename System::Real;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;

    const System& system;
    bool arc;
    ScalarOf<Real> logit_rate, value_decay, logit_decay;
    Mutant mutant;

    SOFTMAXFLOW_HD VectorField(const System& f, const Parameters& p)
        : system(f),
          arc(p.arc_clock),
          logit_rate(ScalarOf<Real>(p.logit_rate)),
          value_decay(ScalarOf<Real>(p.value_decay)),
          logit_decay(ScalarOf<Real>(p.logit_decay)),
          mutant(p.mutant) {}

    SOFTMAXFLOW_HD bool decays() const {
        return value_decay != ScalarOf<Real>(0) || logit_decay != ScalarOf<Real>(0);
    }
    SOFTMAXFLOW_HD bool single() const { return system.output_count() == 1; }

    /// The derivative of x. Leaves weights, output and residual (q, or q / |q| in the arc clock) in
    /// `e`, and |q| in `speed` where it is known (not with one output in the arc clock).
    SOFTMAXFLOW_COLD void operator()(const State& x, Evaluation& e, const Frame<Real>& frame,
                                     State& derivative, Real& speed) const {
        evaluate(x, e, frame, derivative, speed);
    }
    /// The same, not by a call.
    SOFTMAXFLOW_HD void evaluate(const State& x, Evaluation& e, const Frame<Real>& frame,
                                 State& derivative, Real& speed) const {
        if (single())
            drive_single(x, e, frame, derivative);
        else
            drive_several(x, e, frame, derivative, speed);
        if (single()) speed = abs(e.residual[0]);
        SOFTMAXFLOW_UNROLL_FIXED(System::Outputs)
        for (int k = 0; k < system.output_count(); ++k) {
            const Real rate = system.value_drive(e, k) * e.scales.weight;
            SOFTMAXFLOW_UNROLL_FIXED(System::Slots)
            for (int j = 0; j < system.slots(); ++j)
                derivative.value(k, j) = rate * e.numerators[j];
        }
        if (decays()) derivative = less_decays(x, e, derivative);
        if (mutant != Mutant::none) derivative = mutated(e, derivative);
    }

    /// log |q| of an evaluated state; fills q / |q|.
    template <class Array>
    SOFTMAXFLOW_COLD Real log_speed(const Evaluation& e, Array& unit, Array& scratch) const {
        Real result(0.0);
        visit(system.loss, [&](auto loss) {
            const auto size =
                loss.unit_residual(system.objective, system.outputs, e.output, unit, scratch);
            result = log(size.norm) + size.log_scale;
        });
        return result;
    }

    /// dz/dclock of an evaluated state, relative to the leader as above.
    template <class Array>
    SOFTMAXFLOW_COLD void output_rate(const State& x, const State& derivative, Evaluation& e,
                                      const Frame<Real>& frame, Array& rate) const {
        visit(system.map, [&](auto map) {
            const auto slope = [&](int j) {
                return e.scales.weight * map.slope(x.logits[j], e.numerators[j]);
            };
            const auto total = [&](auto term) { return sum(system.tokens, e.token_scratch, term); };
            Real phi(0.0);
            if (map.normalised) phi = total([&](int j) { return slope(j) * derivative.logits[j]; });
            for (int k = 0; k < system.output_count(); ++k) {
                Real reference(0.0);
                if (map.sums_to_one)
                    reference = at_leader(frame, e, [&](int j) { return x.value(k, j); });
                rate[k] = total([&](int j) {
                    const Real ds = fma(-phi, e.weight(j), slope(j) * derivative.logits[j]);
                    return fma(derivative.value(k, j), e.weight(j),
                               (x.value(k, j) - reference) * ds);
                });
            }
        });
    }

    /// x at the leader: 0 is added, so -0 becomes 0.
    template <class F>
    SOFTMAXFLOW_HD Real at_leader(const Frame<Real>& frame, Evaluation& e, F x) const {
        return sum(system.tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE {
            return select(frame.leader == Real(system.tokens.index(j)), x(j), Real(0.0));
        });
    }

private:
    /// q is common to all tokens and belongs to the logit force: what counts is Z_j - z.
    SOFTMAXFLOW_HD void drive_single(const State& x, Evaluation& e, const Frame<Real>& frame,
                                     State& derivative) const {
        const auto value = [&](int j) SOFTMAXFLOW_INLINE { return x.value(0, j); };
        Real reference(0.0), mean(0.0);
        visit(system.map, [&](auto map) SOFTMAXFLOW_INLINE {
            e.scales = map.weights(system.tokens, x.logits, e.numerators, e.token_scratch);
            if (map.sums_to_one) reference = at_leader(frame, e, value);
            mean = mean_of(e, value, reference);
        });
        e.output[0] = mean + reference;
        if (arc)
            e.residual[0] = frame.sign;
        else
            visit(system.loss, [&](auto loss) SOFTMAXFLOW_INLINE {
                loss.residual(system.objective, system.outputs, e.output, e.residual,
                              e.output_scratch);
            });
        set_logit_force(x, e, value, reference, mean, e.residual[0], derivative);
    }

    SOFTMAXFLOW_HD void drive_several(const State& x, Evaluation& e, const Frame<Real>& frame,
                                      State& derivative, Real& speed) const {
        visit(system.map, [&](auto map) SOFTMAXFLOW_INLINE {
            e.scales = map.weights(system.tokens, x.logits, e.numerators, e.token_scratch);
        });
        SOFTMAXFLOW_UNROLL_FIXED(System::Outputs)
        for (int k = 0; k < system.output_count(); ++k)
            e.output[k] = mean_of(
                e, [&](int j) SOFTMAXFLOW_INLINE { return x.value(k, j); }, Real(0.0));
        visit(system.loss, [&](auto loss) SOFTMAXFLOW_INLINE {
            if (arc) {
                const auto size = loss.unit_residual(system.objective, system.outputs, e.output,
                                                     e.residual, e.output_scratch);
                speed = size.norm * exp_call(size.log_scale);
            } else {
                loss.residual(system.objective, system.outputs, e.output, e.residual,
                              e.output_scratch);
                speed = system.residual_norm(e);
            }
        });
        auto& w = derivative.logits;
        SOFTMAXFLOW_UNROLL_FIXED(System::Slots)
        for (int j = 0; j < system.slots(); ++j) w[j] = system.projected_value(x, e, j);
        const auto own = [&](int j) SOFTMAXFLOW_INLINE { return w[j]; };
        Real reference(0.0), mean(0.0);
        visit(system.map, [&](auto map) SOFTMAXFLOW_INLINE {
            if (map.sums_to_one) reference = at_leader(frame, e, own);
            if (map.normalised) mean = mean_of(e, own, reference);
        });
        set_logit_force(x, e, own, reference, mean, Real(1.0), derivative);
    }

    /// <s, v - reference>
    template <class Value>
    SOFTMAXFLOW_HD Real mean_of(Evaluation& e, Value value, Real reference) const {
        return e.scales.weight * sum(system.tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE {
                   return e.numerators[j] * (value(j) - reference);
               });
    }

    /// da_j = rho factor p_j (v_j - <s, v>), or rho factor p_j v_j where s is not divided by its
    /// sum.
    template <class Value>
    SOFTMAXFLOW_HD void set_logit_force(const State& x, const Evaluation& e, Value value,
                                        Real reference, Real mean, Real factor,
                                        State& derivative) const {
        const Real rate = Real(logit_rate) * e.scales.weight * factor;
        visit(system.map, [&](auto map) SOFTMAXFLOW_INLINE {
            const Real centre = map.normalised ? mean : Real(0.0);
            SOFTMAXFLOW_UNROLL_FIXED(System::Slots)
            for (int j = 0; j < system.slots(); ++j)
                derivative.logits[j] = rate * map.slope(x.logits[j], e.numerators[j]) *
                                       ((value(j) - reference) - centre);
        });
    }

    /// The wrong dynamics that tests of claims ask for.
    SOFTMAXFLOW_COLD State mutated(Evaluation e, State derivative) const {
        auto& forces = derivative.logits;
        const auto at = [&](int token) {
            return sum(system.tokens, e.token_scratch, [&](int j) {
                return system.tokens.index(j) == token ? forces[j] : Real(-0.0);
            });
        };
        const Real first = at(0), second = at(1);
        const Real mean = Real(logit_rate) * system.mean_projected_value(e);
        for (int j = 0; j < system.slots(); ++j) {
            if (mutant == Mutant::reversed) forces[j] = -forces[j];
            if (mutant == Mutant::doubled) forces[j] = forces[j] + forces[j];
            if (mutant == Mutant::uncentred) forces[j] = fma(mean, e.weight(j), forces[j]);
            if (mutant != Mutant::swapped || system.tokens.index(j) > 1) continue;
            forces[j] = system.tokens.index(j) == 0 ? second : first;
        }
        return derivative;
    }

    /// Decay runs in time; in the arc clock it is divided by |q|.
    SOFTMAXFLOW_COLD State less_decays(State x, Evaluation e, State derivative) const {
        const Real inverse_speed =
            arc ? exp_call(-log_speed(e, e.residual, e.output_scratch)) : Real(1.0);
        const Real value_rate = inverse_speed * Real(-value_decay),
                   rate = inverse_speed * Real(-logit_decay);
        for (int j = 0; j < system.slots(); ++j) {
            derivative.logits[j] = fma(rate, x.logits[j], derivative.logits[j]);
            for (int k = 0; k < system.output_count(); ++k)
                derivative.value(k, j) = fma(value_rate, x.value(k, j), derivative.value(k, j));
        }
        return derivative;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
