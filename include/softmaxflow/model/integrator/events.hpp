#pragma once
/// Events within a step of the flow: first passages, the end of the arc, the share to stop at. They
/// are roots of cubics through both ends of the step; where such a root is not good enough, the
/// step is repeated up to it.

#include "softmaxflow/model/integrator/lanes.hpp"
#include "softmaxflow/model/integrator/termination.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Looks at the step that `stepper` has just tried from the states of `active`. The other members
/// are room; level is the next threshold of each lane.
template <class AnyLanes, class Stepper>
struct Events {
    using System = typename AnyLanes::System;
    using Real = typename System::Real;
    using Scalar = ScalarOf<Real>;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;
    using Mask = typename RealTraits<Real>::Mask;
    static constexpr int width = width_of<Real>;
    using Output = decltype(Evaluation::output);

    const Parameters& p;
    AnyLanes& active;
    Stepper& stepper;
    Evaluation& workspace;
    Output &unit, &rate;
    Real& level;

    SOFTMAXFLOW_HD void set_level(int i) {
        const int t = active.at[i].threshold;
        set_lane(level, i, Scalar(t < p.threshold_count ? p.thresholds[t] : infinity()));
    }

    /// Where the step that was just tried went past an event too far from its end: it is to be
    /// repeated up to the event. Stores the first passages of the others.
    SOFTMAXFLOW_COLD Mask missed(Mask within, Real h) {
        const Real top = active.system.largest_share(stepper.evaluation());
        const bool may_stop = p.stop_at_probability > 0.0;
        const Mask stops = within & (top >= Real(may_stop ? p.stop_at_probability : infinity()));
        Mask repeats = within & !within;
        const bool arc_ends = active.system.finite_arc() && p.arc_clock && active.field.single();
        if (arc_ends) repeats = missed_end(within, h);
        if (any(stops)) repeats = repeats | missed_stop(stops & !repeats, top, h);
        // Beyond the last threshold the level is infinite, and so may be a share.
        const auto passing = [&] {
            return within & !repeats & (top >= level) & (level < Real(infinity()));
        };
        for (Mask passes = passing(); any(passes); passes = passing())
            repeats = repeats | missed_passage(passes, top, h);
        return repeats;
    }

    /// An interpolated root at the fraction x of a step is good to (x (1 - x))^2 of what its ends
    /// differ by, times the fourth power of the step in its own scale: about 1e-3.
    SOFTMAXFLOW_HD Real distance_allowed() const { return Real(model::sqrt(1000.0 * p.rtol)); }

    /// Repeats the step up to `root`, a little beyond rather than before.
    SOFTMAXFLOW_COLD Mask land(Mask misses, Real root, Real h) {
        StepState<Real>& c = active.step_state;
        const Real shortest = max(abs(c.clock) * Real(FormatOf<Real>::shortest_landing),
                                  Real(FormatOf<Real>::least_step));
        const Mask worthwhile = misses & (h > shortest);
        const Real length = h * root * fma(Real(1e-3), Real(1.0) - root, Real(1.0));
        c.landing = select(worthwhile, length, c.landing);
        return worthwhile;
    }

    /// Fraction of the step at which the share of the token that leads at its end passes `wanted`.
    SOFTMAXFLOW_COLD Real passage_root(Real wanted, Real top, Real h) {
        const System& system = active.system;
        Evaluation& e = stepper.evaluation();
        const Real token = system.leading_token(e);
        system.evaluate_weights(active.x, workspace);
        const auto share_rate = [&](const State& x, const State& derivative, const Evaluation& at,
                                    Real share) {
            return system.share_rate(token, x, derivative, at, share, workspace);
        };
        const Real before =
            system.at_token(token, workspace, [&](int j) { return workspace.share(j); });
        return cubic_root(
            before - wanted, h * share_rate(active.x, stepper.derivative(), workspace, before),
            top - wanted, h * share_rate(stepper.next(), stepper.next_derivative(), e, top));
    }

    SOFTMAXFLOW_COLD Mask missed_passage(Mask passes, Real top, Real h) {
        const StepState<Real>& c = active.step_state;
        const Real root = passage_root(level, top, h);
        const Mask far = passes & (root * (Real(1.0) - root) > distance_allowed());
        const Mask missed = land(far, root, h);
        const Real stores = select(passes & !missed, Real(1.0), Real(0.0));
        const Real when = fma(root, h, c.clock);
        for (int i = 0; i < width; ++i) {
            if (lane(stores, i) == 0.0) continue;
            active.store_passage(i, lane(when, i));
            set_level(i);
        }
        return missed;
    }
    SOFTMAXFLOW_COLD Mask missed_stop(Mask stops, Real top, Real h) {
        const Real root = passage_root(Real(p.stop_at_probability), top, h);
        return land(stops & (Real(1.0) - root > distance_allowed()), root, h);
    }

    /// q changes its sign within the step; its end is the end of the arc only if q is 0 there but
    /// for the tolerance.
    SOFTMAXFLOW_COLD Mask missed_end(Mask within, Real h) {
        const StepState<Real>& c = active.step_state;
        Evaluation& e = stepper.evaluation();
        const System& system = active.system;
        system.residual_of(e, unit);
        const Real left = unit[0] * c.sign;
        const Mask beyond =
            within &
            (left < -Termination<System>{p, active.field}.convergence_bound(abs(e.output[0])));
        if (!any(beyond)) return beyond;
        const Real before = exp_call(-c.log_inverse_speed.log);
        active.field.output_rate(stepper.next(), stepper.next_derivative(), e, c.frame(), rate);
        // For the square loss dq = -dz.
        const Real root = cubic_root(before, -h * c.log_inverse_speed.slope * before, left,
                                     -h * c.sign * rate[0]);
        return land(beyond, root, h);
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
