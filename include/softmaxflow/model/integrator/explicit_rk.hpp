#pragma once
/// One attempt of a step of the flow, with the estimate of its error: explicit Runge-Kutta methods.
///
/// A stepper offers
///   order, error_order                of the method; of the local error that is controlled
///   implicit                          whether it is made for stiff stretches
///   evaluations                       of the field, in an attempt
///   attempt(field, tolerance, x, speed, frame, h)
///                                     tries x(clock + h); fills
///     next(), next_derivative()       the new state and its derivative; evaluation() belongs to it
///     error()                         its estimated error relative to the tolerance, 1 is just met
///     arc()                           integral of |q| over the step (time clock only)
///     stiffness()                     h |lambda| relative to what the method bears (0: unknown)
/// and derivative() is read: that of x.

#include "softmaxflow/model/dynamics/vector_field.hpp"
#include "softmaxflow/model/integrator/tableau.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Calls f(at) for every number of a state; at(x) is that number of the state x.
template <class System, class F>
SOFTMAXFLOW_HD void for_each_entry(const System& system, F f) {
    const int values = system.slots() * system.output_count();
    SOFTMAXFLOW_UNROLL_FIXED(System::Slots * System::Outputs)
    for (int i = 0; i < values; ++i)
        f([i](auto& x) SOFTMAXFLOW_INLINE -> auto& { return x.values[i]; });
    SOFTMAXFLOW_UNROLL_FIXED(System::Slots)
    for (int j = 0; j < system.slots(); ++j)
        f([j](auto& x) SOFTMAXFLOW_INLINE -> auto& { return x.logits[j]; });
}

/// Root of the mean of square(at) over the (m + 1) n numbers of a state, in the order of the tree.
template <class System, class Square>
SOFTMAXFLOW_HD auto root_mean(const System& system, typename System::Evaluation& e, Square square) {
    using Real = typename System::Real;
    const int m = system.output_count();
    const Real total = sum(system.tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE {
        Real column =
            square([j](const auto& x) SOFTMAXFLOW_INLINE -> const auto& { return x.logits[j]; });
        SOFTMAXFLOW_UNROLL_FIXED(System::Outputs)
        for (int k = 0; k < m; ++k)
            column = column + square([ j, k ](const auto& x) SOFTMAXFLOW_INLINE -> const auto& {
                         return x.value(k, j);
                     });
        return column;
    });
    return sqrt(total * Real(1.0 / (double(m + 1) * system.tokens.count())));
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

template <class S>
concept HasStepperTraits = requires {
    { S::order } -> Same<const int&>;
    { S::error_order } -> Same<const int&>;
    { S::implicit } -> Same<const bool&>;
    { S::evaluations } -> Same<const int&>;
};
template <class S, class Real = typename S::Real>
concept HasAttempt = requires(S& stepper, const VectorField<typename S::System>& field,
                              const Tolerance<Real>& tolerance, const typename S::State& x,
                              Real number, const Frame<Real>& frame) {
    stepper.attempt(field, tolerance, x, number, frame, number);
};
template <class S>
concept HasNewState = requires(S& stepper) {
    { stepper.next() } -> Same<typename S::State&>;
    { stepper.evaluation() } -> Same<typename S::Evaluation&>;
    { stepper.derivative() } -> Same<typename S::State&>;
    { stepper.next_derivative() } -> Same<const typename S::State&>;
};
template <class S>
concept HasEstimates = requires(const S& stepper) {
    { stepper.error() } -> Same<typename S::Real>;
    { stepper.arc() } -> Same<typename S::Real>;
    { stepper.stiffness() } -> Same<typename S::Real>;
};
template <class S>
concept Stepper = HasStepperTraits<S> && HasAttempt<S> && HasNewState<S> && HasEstimates<S>;

template <class S>
struct CheckStepper {
    static_assert(HasStepperTraits<S>,
                  "a stepper needs the ints order, error_order and evaluations and the bool "
                  "implicit: see explicit_rk.hpp");
    static_assert(HasAttempt<S>,
                  "a stepper needs attempt(field, tolerance, x, speed, frame, h): see "
                  "explicit_rk.hpp");
    static_assert(HasNewState<S>,
                  "a stepper needs next(), evaluation(), derivative() and next_derivative(): see "
                  "explicit_rk.hpp");
    static_assert(HasEstimates<S>,
                  "a stepper needs error(), arc() and stiffness(): see explicit_rk.hpp");
    static constexpr bool kept = Stepper<S>;
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

/// What an attempt works with and leaves behind.
template <class Scheme, class System>
struct Attempt {
    using Real = typename System::Real;
    using State = typename System::State;

    State next, before;  // the new state; that of the stage before the last
    typename System::Evaluation evaluation;
    Real error{0.0}, arc{0.0}, stiffness{0.0};
    State stages[Scheme::stages];  // derivatives

    Attempt() = default;
    SOFTMAXFLOW_HD Attempt(Arena& arena, int slots, int m)
        : next(arena, slots, m), before(arena, slots, m), evaluation(arena, slots, m) {
        for (int i = 0; i < Scheme::stages; ++i) stages[i] = State(arena, slots, m);
    }
};

template <class SchemeType, class SystemType>
class Explicit {
public:
    using Scheme = SchemeType;
    using System = SystemType;
    using Real = typename System::Real;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;
    static constexpr int order = Scheme::order, error_order = Scheme::error_order;
    static constexpr bool implicit = false;
    static constexpr int evaluations = Scheme::stages - 1, last = Scheme::stages - 1;

    SOFTMAXFLOW_HD Explicit(Arena& arena, int slots, int m) : own_(arena, slots, m) {}

    SOFTMAXFLOW_HD State& next() { return own_.next; }
    SOFTMAXFLOW_HD Evaluation& evaluation() { return own_.evaluation; }
    SOFTMAXFLOW_HD Real error() const { return own_.error; }
    SOFTMAXFLOW_HD Real arc() const { return own_.arc; }
    SOFTMAXFLOW_HD Real stiffness() const { return own_.stiffness; }
    SOFTMAXFLOW_HD State& derivative() { return own_.stages[0]; }
    SOFTMAXFLOW_HD const State& next_derivative() const { return own_.stages[last]; }

    SOFTMAXFLOW_COLD void attempt(const VectorField<System>& field,
                                  const Tolerance<Real>& tolerance, const State& x, Real speed,
                                  const Frame<Real>& frame, Real h) {
        if constexpr (in_registers) {
            // Nobody else knows its address, so it needs none.
            Attempt<Scheme, System> a;
            const State from_here = x;
            a.stages[0] = own_.stages[0];
            run(a, field, tolerance, from_here, speed, frame, h);
            own_.next = a.next;
            own_.evaluation = a.evaluation;
            own_.error = a.error;
            own_.arc = a.arc;
            own_.stiffness = a.stiffness;
            own_.stages[last] = a.stages[last];
        } else {
            run(own_, field, tolerance, x, speed, frame, h);
        }
    }

private:
    using Own = Attempt<Scheme, System>;
    static constexpr bool in_registers = compiled_for_device && System::Slots > 0;

    SOFTMAXFLOW_HD static void run(Own& a, const VectorField<System>& field,
                                   const Tolerance<Real>& tolerance, const State& x, Real speed,
                                   const Frame<Real>& frame, Real h) {
        a.arc = Real(Scheme::a(last, 0)) * speed;
        if constexpr (in_registers) run_stages<1>(a, field, x, frame, h);
        for (int i = 1; !in_registers && i < Scheme::stages; ++i) {
            place_one<1>(i, a, field.system, x, h);
            evaluate(i, a, field, frame);
        }
        a.arc = a.arc * h;
        estimate_error(a, field, tolerance, x, h);
    }

    /// Stages I, I + 1, ...: indices that the compiler knows keep the stages in registers.
    template <int I>
    SOFTMAXFLOW_HD static void run_stages(Own& a, const VectorField<System>& field, const State& x,
                                          const Frame<Real>& frame, Real h) {
        if constexpr (I < Scheme::stages) {
            place<I>(a, field.system, x, h);
            evaluate(I, a, field, frame);
            run_stages<I + 1>(a, field, x, frame, h);
        }
    }
    template <int I>
    SOFTMAXFLOW_HD static void place_one(int i, Own& a, const System& system, const State& x,
                                         Real h) {
        if constexpr (I < Scheme::stages) {
            if (i == I)
                place<I>(a, system, x, h);
            else
                place_one<I + 1>(i, a, system, x, h);
        }
    }
    SOFTMAXFLOW_HD static void evaluate(int i, Own& a, const VectorField<System>& field,
                                        const Frame<Real>& frame) {
        Real speed(0.0);
        if constexpr (in_registers)
            field.evaluate(a.next, a.evaluation, frame, a.stages[i], speed);
        else
            field(a.next, a.evaluation, frame, a.stages[i], speed);
        if (i != last) a.arc = fma(Real(Scheme::a(last, i)), speed, a.arc);
    }

    /// next = x + h sum_j a_ij k_j
    template <int I>
    SOFTMAXFLOW_HD static void place(Own& a, const System& system, const State& x, Real h) {
        for_each_entry(system, [&](auto at) SOFTMAXFLOW_INLINE {
            if (order > 3 && I == last) at(a.before) = at(a.next);
            const Real slope = weigh_stages<Scheme, I, 0>(
                Real(0.0), [&](int j) SOFTMAXFLOW_INLINE { return at(a.stages[j]); });
            at(a.next) = fma(h, slope, at(x));
        });
    }

    template <class At, class Weights>
    SOFTMAXFLOW_HD static Real weigh_error(const Own& a, At at, Weights weights) {
        Real total(0.0);
        SOFTMAXFLOW_UNROLL_FIXED(System::Slots > 0 ? Scheme::stages : 0)
        for (int i = 0; i < Scheme::stages; ++i)
            if (weights(i) != 0.0) total = fma(Real(weights(i)), at(a.stages[i]), total);
        return total;
    }

    SOFTMAXFLOW_HD static void estimate_error(Own& a, const VectorField<System>& field,
                                              const Tolerance<Real>& tolerance, const State& x,
                                              Real h) {
        const auto norm = [&](auto weights) SOFTMAXFLOW_INLINE {
            return root_mean(field.system, a.evaluation, [&](auto at) SOFTMAXFLOW_INLINE {
                const Real ratio = weigh_error(a, at, weights) / tolerance(at(x), at(a.next));
                return ratio * ratio;
            });
        };
        const Real size = norm([](int i) { return Scheme::error(i); });
        a.error = h * size;
        if constexpr (order == 8) {
            // Hairer, Norsett and Wanner 1993, II.10: the estimate of order 3 guards that of 5.
            const Real other = norm([](int i) { return Scheme::error_3(i); });
            const Real both = fma(Real(0.01) * other, other, size * size);
            a.error = select(both > Real(0.0), h * size * size / sqrt(both), Real(0.0));
            a.error = select(both == both, a.error, both);
        }
        estimate_stiffness(a, field, h);
    }

    /// The last two stages stand at the same clock: the slope of the field between their states
    /// is about its largest eigenvalue once steps are limited by it.
    SOFTMAXFLOW_HD static void estimate_stiffness(Own& a, const VectorField<System>& field,
                                                  Real h) {
        if constexpr (order == 3) return;
        const auto distance = [&](const State& one, const State& other) SOFTMAXFLOW_INLINE {
            return root_mean(field.system, a.evaluation, [&](auto at) SOFTMAXFLOW_INLINE {
                const Real gap = at(one) - at(other);
                return gap * gap;
            });
        };
        const Real slope = distance(a.stages[last], a.stages[last - 1]);
        const Real gap = distance(a.next, a.before);
        a.stiffness = select(gap > Real(0.0), h * slope / gap, Real(0.0)) *
                      Real(1.0 / Scheme::real_stability);
    }

    Own own_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
