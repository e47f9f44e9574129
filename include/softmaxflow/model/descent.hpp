#pragma once
/// Descent in the canonical variables (Z, a). Each step updates both from the same evaluation.
///
/// A method offers `has_velocity` and step(flow, evaluation, x, velocity, rates).

#include "softmaxflow/model/flow.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct Rates {
    double value;     // eta
    double logit;     // eta rho
    double momentum;  // mu
};

/// x <- x + eta dx/dt
struct GradientDescent {
    static constexpr const char* name = "gradient_descent";
    static constexpr bool has_velocity = false;

    template <class Flow>
    SOFTMAXFLOW_HD static void step(const Flow& flow, const typename Flow::Evaluation& e,
                                    typename Flow::State& x, typename Flow::State&,
                                    const Rates& rates) {
        using Real = typename Flow::Real;
        const Real mean = flow.mean_projected_value(e);
        for (int j = 0; j < flow.slots(); ++j)
            x.logits[j] = fma(Real(rates.logit), flow.logit_drive(x, e, mean, j), x.logits[j]);
        for (int k = 0; k < flow.output_count(); ++k) {
            const Real rate = Real(rates.value) * flow.value_drive(e, k);
            for (int j = 0; j < flow.slots(); ++j)
                x.value(k, j) = fma(rate, e.weights[j], x.value(k, j));
        }
    }
};

/// Heavy ball: v <- mu v - dx/dt, x <- x - eta v. v is of the gradient of the loss; rho enters
/// through the rate of a.
struct Momentum {
    static constexpr const char* name = "momentum";
    static constexpr bool has_velocity = true;

    template <class Flow>
    SOFTMAXFLOW_HD static void step(const Flow& flow, const typename Flow::Evaluation& e,
                                    typename Flow::State& x, typename Flow::State& v,
                                    const Rates& rates) {
        using Real = typename Flow::Real;
        const Real mu(rates.momentum);
        const Real mean = flow.mean_projected_value(e);
        for (int j = 0; j < flow.slots(); ++j) {
            v.logits[j] = fma(mu, v.logits[j], -flow.logit_drive(x, e, mean, j));
            x.logits[j] = fma(Real(-rates.logit), v.logits[j], x.logits[j]);
        }
        for (int k = 0; k < flow.output_count(); ++k) {
            const Real drive = -flow.value_drive(e, k);
            for (int j = 0; j < flow.slots(); ++j) {
                v.value(k, j) = fma(mu, v.value(k, j), drive * e.weights[j]);
                x.value(k, j) = fma(Real(-rates.value), v.value(k, j), x.value(k, j));
            }
        }
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
