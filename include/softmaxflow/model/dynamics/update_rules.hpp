#pragma once
/// Descent in the canonical variables (Z, a). Each step updates both from the same evaluation.
///
/// A method offers `memories`, how many states it remembers from step to step (a velocity,
/// moments), and step(system, evaluation, x, memory, settings); `counts_steps` if its settings
/// depend on the number of the step. For the host (traits.hpp) it says
///   memory                            the name of each memory and its rule, as in states.nc
///   entrywise                         whether it acts entry by entry, and so on G in
///                                     Z = Z(0) + K G, where V has no decay to follow
///   gradient                          whether a step is eta dx/dt: what claims about gradient
///                                     descent are about, and what replays in high precision take
///   fast_numerics                     whether it can carry exponentials along
///   keys                              config keys that other methods do not look at

#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/model/dynamics/value_softmax.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

inline constexpr int most_memories = 2;

/// A memory of a method in states.nc: the prefix of its variables, and what happens to it.
struct MemoryText {
    const char *name, *rule;
};

/// What most methods are.
struct MethodDefaults {
    static constexpr MemoryText memory_texts[most_memories] = {};
    static constexpr bool entrywise = false, gradient = false, fast_numerics = false;
    static constexpr const char* keys[4] = {};
};

/// beta^t of adam's step t, by repeated multiplication.
template <class Scalar>
class Power {
public:
    SOFTMAXFLOW_HD explicit Power(double beta) : beta_(beta) {}
    /// t -> t + 1. Below 1e-20 it no longer counts in 1 - beta^t.
    SOFTMAXFLOW_HD void advance() {
        if (power_ > Scalar(1e-20)) power_ *= beta_;
    }
    SOFTMAXFLOW_HD Scalar complement() const { return Scalar(1) - power_; }

private:
    Scalar beta_, power_ = Scalar(1);
};
/// 1 - beta^t itself, by x -> beta x + (1 - beta): 1 - beta would lose three of the seven digits of
/// f32 in the subtraction.
template <>
class Power<float> {
public:
    SOFTMAXFLOW_HD explicit Power(double beta) : beta_(float(beta)), rest_(float(1.0 - beta)) {}
    SOFTMAXFLOW_HD void advance() { complement_ = fma(beta_, complement_, rest_); }
    SOFTMAXFLOW_HD float complement() const { return complement_; }

private:
    float beta_, rest_, complement_ = 0.0F;
};

/// The settings of a method, in the format of its steps; those of adam depend on the number of the
/// step.
template <class Scalar>
struct MethodSettings {
    Scalar eta, rho, logit;           // step, speed of the logits, eta rho
    Scalar momentum;                  // mu
    Scalar beta1, beta2, epsilon;     // adam
    Scalar rest1, rest2;              // 1 - beta
    Scalar value_decay, logit_decay;  // lambda_v, lambda_a
    bool decays;                      // either is not 0
    Scalar keep_value, keep_logit;    // 1 - eta lambda
    Power<Scalar> power1, power2;     // beta^t

    SOFTMAXFLOW_HD explicit MethodSettings(const Parameters& p)
        : eta(Scalar(p.learning_rate)),
          rho(Scalar(p.logit_rate)),
          logit(Scalar(p.learning_rate * p.logit_rate)),
          momentum(Scalar(p.momentum)),
          beta1(Scalar(p.adam_beta1)),
          beta2(Scalar(p.adam_beta2)),
          epsilon(Scalar(p.adam_epsilon)),
          rest1(Scalar(1.0 - p.adam_beta1)),
          rest2(Scalar(1.0 - p.adam_beta2)),
          value_decay(Scalar(p.value_decay)),
          logit_decay(Scalar(p.logit_decay)),
          decays(value_decay != Scalar(0) || logit_decay != Scalar(0)),
          keep_value(Scalar(1.0 - p.learning_rate * p.value_decay)),
          keep_logit(Scalar(1.0 - p.learning_rate * p.logit_decay)),
          power1(p.adam_beta1),
          power2(p.adam_beta2) {}

    /// At the step of the other, with equal settings. Doubles remain what a kernel's parameters
    /// are, operands without a register, but for what would be decided anew at every step; floats
    /// would be converted anew.
    SOFTMAXFLOW_HD void go_on_from(const MethodSettings& other) {
        if constexpr (is_wide<Scalar>) {
            decays = other.decays;
            power1 = other.power1;
            power2 = other.power2;
        } else {
            *this = other;
        }
    }
    /// To the next step, t -> t + 1.
    SOFTMAXFLOW_HD void advance() {
        power1.advance();
        power2.advance();
    }
};
template <class System>
using MethodSettingsOf = MethodSettings<ScalarOf<typename System::Real>>;

template <class M>
concept HasMemories = requires {
    { M::name } -> Same<const char* const&>;
    { M::memories } -> Same<const int&>;
    requires(M::memories >= 0 && M::memories <= most_memories);
};
template <class M, class SystemType = ValueSoftmax<Softmax, Logistic, double, Solo, 0, 0>>
concept HasStep = requires(const SystemType& system, typename SystemType::Evaluation& e,
                           typename SystemType::State& x,
                           const MethodSettingsOf<SystemType>& settings) {
    M::step(system, e, x, &x, settings);
};
template <class M>
concept UpdateRule = HasMemories<M> && HasStep<M>;

template <class M>
struct CheckUpdateRule {
    static_assert(HasMemories<M>,
                  "a method needs a name and the int memories, at most most_memories: see "
                  "update_rules.hpp");
    static_assert(HasStep<M>,
                  "a method needs step(system, evaluation, x, memory, settings): see "
                  "update_rules.hpp");
    static constexpr bool kept = UpdateRule<M>;
};

/// x <- x + eta dx/dt
struct GradientDescent : MethodDefaults {
    static constexpr const char* name = "gradient_descent";
    static constexpr int memories = 0;
    static constexpr bool gradient = true, fast_numerics = true;

    template <class System>
    SOFTMAXFLOW_HD static void step(const System& system, typename System::Evaluation& e,
                                    typename System::State& x, typename System::State*,
                                    const MethodSettingsOf<System>& settings) {
        if (!settings.decays)
            descend(system, e, x, settings,
                    [](auto entry, auto) SOFTMAXFLOW_INLINE { return entry; });
        else
            descend(system, e, x, settings, [](auto entry, auto keep) SOFTMAXFLOW_INLINE {
                return decltype(entry)(keep) * entry;
            });
    }

private:
    template <class System, class Keep>
    SOFTMAXFLOW_HD static void descend(const System& system, const typename System::Evaluation& e,
                                       typename System::State& x,
                                       const MethodSettingsOf<System>& settings, Keep keep) {
        using Real = typename System::Real;
        const Real logit_rate = Real(settings.logit) * system.logit_force_scale(e);
        const Real value_rate = Real(settings.eta) * e.scales.weight;
        // A single row goes along with the logits, so that a token is loaded once.
        const Real rate_0 = value_rate * system.value_drive(e, 0);
        const bool single = system.output_count() == 1;
        system.for_each_drive(x, e, [&](int j, Real slope, Real centred) SOFTMAXFLOW_INLINE {
            x.logits[j] = fma(logit_rate * slope, centred, keep(x.logits[j], settings.keep_logit));
            if (single)
                x.value(0, j) =
                    fma(rate_0, e.numerators[j], keep(x.value(0, j), settings.keep_value));
        });
        SOFTMAXFLOW_UNROLL_FIXED(System::Outputs)
        for (int k = 0; !single && k < system.output_count(); ++k) {
            const Real rate = value_rate * system.value_drive(e, k);
            in_blocks<System::Slots>(system.slots(), [&](int first, auto count) SOFTMAXFLOW_INLINE {
                for (int j = first; j < first + count.value; ++j)
                    x.value(k, j) =
                        fma(rate, e.numerators[j], keep(x.value(k, j), settings.keep_value));
            });
        }
    }
};

/// Heavy ball: v <- mu v + gradient, x <- x - eta v.
struct Momentum : MethodDefaults {
    static constexpr const char* name = "momentum";
    static constexpr int memories = 1;
    static constexpr MemoryText memory_texts[most_memories] = {
        {"velocity", "velocity <- momentum * velocity + gradient, by which the parameters step"}};
    static constexpr const char* keys[4] = {"dynamics.momentum"};

    template <class System>
    SOFTMAXFLOW_HD static void step(const System& system, typename System::Evaluation& e,
                                    typename System::State& x, typename System::State* memory,
                                    const MethodSettingsOf<System>& settings) {
        using Real = typename System::Real;
        auto& v = memory[0];
        const Real mu(settings.momentum), eta(-settings.eta);
        const Real logit_factor = Real(-settings.rho) * system.logit_force_scale(e);
        system.for_each_drive(x, e, [&](int j, Real slope, Real centred) SOFTMAXFLOW_INLINE {
            const Real decay = Real(settings.logit_decay) * x.logits[j];
            v.logits[j] = fma(mu, v.logits[j], fma(logit_factor * slope, centred, decay));
            x.logits[j] = fma(eta, v.logits[j], x.logits[j]);
        });
        SOFTMAXFLOW_UNROLL_FIXED(System::Outputs)
        for (int k = 0; k < system.output_count(); ++k) {
            const Real factor = -(system.value_drive(e, k) * e.scales.weight);
            SOFTMAXFLOW_UNROLL_FIXED(System::Slots)
            for (int j = 0; j < system.slots(); ++j) {
                const Real decay = Real(settings.value_decay) * x.value(k, j);
                v.value(k, j) = fma(mu, v.value(k, j), fma(factor, e.numerators[j], decay));
                x.value(k, j) = fma(eta, v.value(k, j), x.value(k, j));
            }
        }
    }
};

/// Methods that act entry by entry do not close in Z. Here they act on a and on the entries of G,
/// where Z = Z(0) + K G and the gradient of G_kj is -q_k s_j: the entrywise rule on V exactly when
/// W = I. rule(memory, g) gives the change of an entry of gradient g.
template <class System, class Rule>
SOFTMAXFLOW_HD void move_entries(const System& system, typename System::Evaluation& e,
                                 typename System::State& x, typename System::State* memory,
                                 const MethodSettingsOf<System>& settings, Rule rule) {
    using Real = typename System::Real;
    const int m = system.output_count();
    const Real factor = Real(-settings.rho) * system.logit_force_scale(e);
    system.for_each_drive(x, e, [&](int j, Real slope, Real centred) SOFTMAXFLOW_INLINE {
        const Real decay = Real(settings.logit_decay) * x.logits[j];
        const Real gradient = fma(factor * slope, centred, decay);
        const auto at = [&](int i) SOFTMAXFLOW_INLINE -> Real& { return memory[i].logits[j]; };
        x.logits[j] = x.logits[j] + rule(at, gradient);
    });
    SOFTMAXFLOW_UNROLL_FIXED(System::Slots)
    for (int j = 0; j < system.slots(); ++j) {
        const Real minus_weight = -e.weight(j);
        SOFTMAXFLOW_UNROLL_FIXED(System::Outputs)
        for (int k = 0; k < m; ++k) {
            const auto at = [&](int i)
                                SOFTMAXFLOW_INLINE -> Real& { return memory[i].value(k, j); };
            e.output_scratch[k] = rule(at, e.residual[k] * minus_weight);
        }
        SOFTMAXFLOW_UNROLL_FIXED(System::Outputs)
        for (int k = 0; k < m; ++k)
            x.value(k, j) = x.value(k, j) + system.objective.metric_times(e.output_scratch, k, m);
    }
}

/// Kingma and Ba 2015, bias-corrected, epsilon outside the root.
struct Adam : MethodDefaults {
    static constexpr const char* name = "adam";
    static constexpr int memories = 2;
    static constexpr MemoryText memory_texts[most_memories] = {
        {"moment1", "moment <- beta * moment + (1 - beta) * gradient, not corrected for bias"},
        {"moment2", "moment <- beta * moment + (1 - beta) * gradient^2, not corrected for bias"}};
    static constexpr bool counts_steps = true, entrywise = true;
    static constexpr const char* keys[4] = {"dynamics.adam_beta1", "dynamics.adam_beta2",
                                            "dynamics.adam_epsilon"};

    template <class System>
    SOFTMAXFLOW_HD static void step(const System& system, typename System::Evaluation& e,
                                    typename System::State& x, typename System::State* memory,
                                    const MethodSettingsOf<System>& settings) {
        using Real = typename System::Real;
        using Scalar = ScalarOf<Real>;
        const Real correct1(Scalar(1) / settings.power1.complement());
        const Real correct2(Scalar(1) / settings.power2.complement());
        move_entries(system, e, x, memory, settings, [&](auto at, Real g) SOFTMAXFLOW_INLINE {
            Real &m = at(0), &v = at(1);
            m = fma(Real(settings.beta1), m, Real(settings.rest1) * g);
            v = fma(Real(settings.beta2), v, Real(settings.rest2) * g * g);
            return Real(-settings.eta) * (m * correct1) /
                   (sqrt(v * correct2) + Real(settings.epsilon));
        });
    }
};

/// x <- x - eta sign(gradient), sign(0) = 0.
struct SignDescent : MethodDefaults {
    static constexpr const char* name = "sign_descent";
    static constexpr int memories = 0;
    static constexpr bool entrywise = true;

    template <class System>
    SOFTMAXFLOW_HD static void step(const System& system, typename System::Evaluation& e,
                                    typename System::State& x, typename System::State* memory,
                                    const MethodSettingsOf<System>& settings) {
        using Real = typename System::Real;
        move_entries(system, e, x, memory, settings, [&](auto, Real g) SOFTMAXFLOW_INLINE {
            const Real zero(0.0), eta(settings.eta);
            return select(g > zero, -eta, select(g < zero, eta, zero));
        });
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
