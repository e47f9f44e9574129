#pragma once
/// One attempt of a step of the flow, with the estimate of its error: explicit Runge-Kutta methods.
///
/// A stepper offers
///   order, error_order                of the method; of the local error that is controlled
///   attempt(field, x, from, h)        tries x(clock + h); fills
///     next, next_derivative           the new state and its derivative; `evaluation` belongs to it
///     error                           its estimated error relative to the tolerance, 1 is just met
///     arc                             integral of |q| over the step (time clock only)
///     stiffness                       h |lambda| relative to what the method bears (0: unknown)
/// and `derivative` is read: that of x.

#include "softmaxflow/model/field.hpp"
#include "softmaxflow/model/tableau.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Calls f(at) for every number of a state; at(x) is that number of the state x.
template <class Flow, class F>
SOFTMAXFLOW_HD void for_each_entry(const Flow& flow, F f) {
    const int values = flow.slots() * flow.output_count();
    for (int i = 0; i < values; ++i)
        f([i](auto& x) SOFTMAXFLOW_INLINE -> auto& { return x.values[i]; });
    for (int j = 0; j < flow.slots(); ++j)
        f([j](auto& x) SOFTMAXFLOW_INLINE -> auto& { return x.logits[j]; });
}

/// Root of the mean of square(at) over the (m + 1) n numbers of a state, in the order of the tree.
template <class Flow, class Square>
SOFTMAXFLOW_HD auto root_mean(const Flow& flow, typename Flow::Evaluation& e, Square square) {
    using Real = typename Flow::Real;
    const int m = flow.output_count();
    const Real total = sum(flow.tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE {
        Real column =
            square([j](const auto& x) SOFTMAXFLOW_INLINE -> const auto& { return x.logits[j]; });
        for (int k = 0; k < m; ++k)
            column = column + square([ j, k ](const auto& x) SOFTMAXFLOW_INLINE -> const auto& {
                         return x.value(k, j);
                     });
        return column;
    });
    return sqrt(total * Real(1.0 / (double(m + 1) * flow.tokens.count())));
}

/// What an error of 1 means for each number of a state.
template <class Real>
struct Tolerance {
    ScalarOf<Real> relative, absolute;

    SOFTMAXFLOW_HD Real operator()(Real before, Real after) const {
        const Real allowed = fma(Real(relative), max(abs(before), abs(after)), Real(absolute));
        // Without an absolute tolerance, a zero that stays one is no error; squares must not
        // overflow.
        return max(allowed, Real(FormatOf<Real>::least_tolerance));
    }
};

/// sum_{j >= J} a_ij k_j, the terms that are not 0; k(j) is the derivative of stage j.
template <class Scheme, int I, int J, class Real, class Stage>
SOFTMAXFLOW_HD Real weigh_stages(Real total, Stage k) {
    if constexpr (J < I) {
        constexpr double a = Scheme::a(I, J);
        if constexpr (a != 0.0) total = fma(Real(a), k(J), total);
        return weigh_stages<Scheme, I, J + 1>(total, k);
    }
    return total;
}

template <class SchemeType, class FlowType>
class Explicit {
public:
    using Scheme = SchemeType;
    using Flow = FlowType;
    using Real = typename Flow::Real;
    using State = typename Flow::State;
    using Evaluation = typename Flow::Evaluation;
    static constexpr int order = Scheme::order, error_order = Scheme::error_order;
    static constexpr int evaluations = Scheme::stages - 1;

    SOFTMAXFLOW_HD Explicit(Arena& arena, int slots, int m)
        : next(arena, slots, m), evaluation(arena, slots, m), before_(arena, slots, m) {
        for (int i = 0; i < Scheme::stages; ++i) stages_[i] = State(arena, slots, m);
    }

    State next;
    Evaluation evaluation;
    Real error{0.0}, arc{0.0}, stiffness{0.0};

    SOFTMAXFLOW_HD State& derivative() { return stages_[0]; }
    SOFTMAXFLOW_HD const State& next_derivative() const { return stages_[Scheme::stages - 1]; }

    SOFTMAXFLOW_COLD void attempt(const Field<Flow>& field, const Tolerance<Real>& tolerance,
                                  const State& x, Real speed, const Vantage<Real>& from, Real h) {
        arc = Real(Scheme::a(Scheme::stages - 1, 0)) * speed;
        run_stages(field, x, from, h);
        arc = arc * h;
        estimate_error(field, tolerance, x, h);
    }

private:
    SOFTMAXFLOW_HD void run_stages(const Field<Flow>& field, const State& x,
                                   const Vantage<Real>& from, Real h) {
        for (int i = 1; i < Scheme::stages; ++i) {
            if (order > 3 && i + 1 == Scheme::stages)
                for_each_entry(field.flow,
                               [&](auto at) SOFTMAXFLOW_INLINE { at(before_) = at(next); });
            place<1>(i, field.flow, x, h);
            Real speed(0.0);
            field(next, evaluation, from, stages_[i], speed);
            if (i + 1 < Scheme::stages)
                arc = fma(Real(Scheme::a(Scheme::stages - 1, i)), speed, arc);
        }
    }

    /// next = x + h sum_j a_ij k_j
    template <int I>
    SOFTMAXFLOW_HD void place(int i, const Flow& flow, const State& x, Real h) {
        if constexpr (I < Scheme::stages) {
            if (i != I) return place<I + 1>(i, flow, x, h);
            for_each_entry(flow, [&](auto at) SOFTMAXFLOW_INLINE {
                const Real slope = weigh_stages<Scheme, I, 0>(
                    Real(0.0), [&](int j) SOFTMAXFLOW_INLINE { return at(stages_[j]); });
                at(next) = fma(h, slope, at(x));
            });
        }
    }

    template <class At, class Weights>
    SOFTMAXFLOW_HD Real weigh_error(At at, Weights weights) const {
        Real total(0.0);
        for (int i = 0; i < Scheme::stages; ++i)
            if (weights(i) != 0.0) total = fma(Real(weights(i)), at(stages_[i]), total);
        return total;
    }

    SOFTMAXFLOW_HD void estimate_error(const Field<Flow>& field, const Tolerance<Real>& tolerance,
                                       const State& x, Real h) {
        const auto norm = [&](auto weights) SOFTMAXFLOW_INLINE {
            return root_mean(field.flow, evaluation, [&](auto at) SOFTMAXFLOW_INLINE {
                const Real ratio = weigh_error(at, weights) / tolerance(at(x), at(next));
                return ratio * ratio;
            });
        };
        const Real size = norm([](int i) { return Scheme::error(i); });
        error = h * size;
        if constexpr (order == 8) {
            // Hairer, Norsett and Wanner 1993, II.10: the estimate of order 3 guards that of 5.
            const Real other = norm([](int i) { return Scheme::error_3(i); });
            const Real both = fma(Real(0.01) * other, other, size * size);
            error = select(both > Real(0.0), h * size * size / sqrt(both), Real(0.0));
            error = select(both == both, error, both);
        }
        estimate_stiffness(field, h);
    }

    /// The last two stages stand at the same clock: the slope of the field between their states
    /// is about its largest eigenvalue once steps are limited by it.
    SOFTMAXFLOW_HD void estimate_stiffness(const Field<Flow>& field, Real h) {
        if constexpr (order == 3) return;
        const auto distance = [&](const State& a, const State& b) SOFTMAXFLOW_INLINE {
            return root_mean(field.flow, evaluation, [&](auto at) SOFTMAXFLOW_INLINE {
                const Real gap = at(a) - at(b);
                return gap * gap;
            });
        };
        const Real slope = distance(stages_[Scheme::stages - 1], stages_[Scheme::stages - 2]);
        const Real gap = distance(next, before_);
        stiffness = select(gap > Real(0.0), h * slope / gap, Real(0.0)) *
                    Real(1.0 / Scheme::real_stability);
    }

    State stages_[Scheme::stages];
    State before_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
