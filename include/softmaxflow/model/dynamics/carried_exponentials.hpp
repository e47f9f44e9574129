#pragma once
/// numerics = "fast": softmax and gradient descent with exponentials that are carried along instead
/// of computed afresh. When a_j moves by d, e^(a_j) becomes e^(a_j) e^d, and for small d a short
/// series gives e^d. Rounding errors pile up by an ulp or so a step, hence everything is computed
/// afresh every 64 steps, and whenever a step was too long for the series.
///
/// That rule looks at all replicas of a Real at once, so the bits depend on how many there are:
/// this is what strict numerics never does.

#include "softmaxflow/model/dynamics/update_rules.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

inline constexpr int steps_carried = 64;
/// Up to here the series of degree 5 is exact to d^6/720 < 3.2e-16.
inline constexpr double longest_carried = 0x1p-7;

template <class LossType, class RealType, int N, int M>
struct CarriedValueSoftmax : ValueSoftmax<Softmax, LossType, RealType, Solo, N, M> {
    using Base = ValueSoftmax<Softmax, LossType, RealType, Solo, N, M>;
    using Real = RealType;
    using Base::Base;

    SOFTMAXFLOW_HD void evaluate(const typename Base::State& x,
                                 typename Base::Evaluation& e) const {
        if (e.age > 0) {
            const Real total = sum(this->tokens, e.token_scratch,
                                   [&](int j) SOFTMAXFLOW_INLINE { return e.numerators[j]; });
            if (any(!Softmax::usable(total))) e.age = 0;
            e.scales.weight = e.scales.share = Real(1.0) / total;
        }
        if (e.age == 0)
            e.scales = Softmax::weights(this->tokens, x.logits, e.numerators, e.token_scratch);
        this->evaluate_outputs(x, e);
    }
};

template <class LossType, class Real, int N, int M>
struct SystemFamily<CarriedValueSoftmax<LossType, Real, N, M>>
    : SystemFamily<ValueSoftmax<Softmax, LossType, Real, Solo, N, M>> {};

/// Gradient descent without decay that carries the exponentials.
struct CarriedDescent {
    static constexpr const char* name = "gradient_descent";
    static constexpr int memories = 0;

    template <class System>
    SOFTMAXFLOW_HD static void step(const System& system, typename System::Evaluation& e,
                                    typename System::State& x, typename System::State*,
                                    const MethodSettingsOf<System>& settings) {
        using Real = typename System::Real;
        const Real logit_rate = Real(settings.logit) * system.logit_force_scale(e);
        const Real value_rate = Real(settings.eta) * e.scales.weight;
        const Real rate_0 = value_rate * system.value_drive(e, 0);
        const bool single = system.output_count() == 1;
        for (int k = 0; !single && k < system.output_count(); ++k)
            e.output_scratch[k] = value_rate * system.value_drive(e, k);
        LargestMagnitude<Real> longest;
        system.for_each_drive(x, e, [&](int j, Real f, Real centred) SOFTMAXFLOW_INLINE {
            const Real change = logit_rate * f * centred;
            const Real series = polynomial(change, 1.0, 0.5, 0.16666666666666666,
                                           0.041666666666666664, 0.008333333333333333);
            x.logits[j] = x.logits[j] + change;
            if (single) x.value(0, j) = fma(rate_0, f, x.value(0, j));
            for (int k = 0; !single && k < system.output_count(); ++k)
                x.value(k, j) = fma(e.output_scratch[k], f, x.value(k, j));
            e.numerators[j] = fma(f, change * series, f);
            longest.add(change);
        });
        e.age = any(!longest.below(Real(longest_carried))) ? 0 : (e.age + 1) % steps_carried;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
