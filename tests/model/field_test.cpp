// The vector field: finite differences of each loss, of the map and of the whole objective; the
// canonical form (Z, a) against the full system (V, a), for descent and momentum.

#include <gtest/gtest.h>

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <random>

#include "fixture.hpp"
#include "full_path.hpp"

using namespace fixture;
using Quad = boost::multiprecision::cpp_bin_float_quad;

namespace {

using QuadVector = full_path::Vector<Quad>;

/// The losses of model/loss.hpp again, in 113-bit arithmetic.
full_path::Loss<Quad> reference_loss(const std::string& name, const QuadVector& response,
                                     const Quad& constant) {
    const auto central = [](const auto& value) {
        // The gradient by central differences of order 2 with h = 2^-37: error about 1e-22.
        return [value](const QuadVector& z) {
            QuadVector gradient;
            const Quad h = ldexp(Quad(1), -37);
            for (std::size_t k = 0; k < z.size(); ++k) {
                QuadVector up = z, down = z;
                up[k] += h;
                down[k] -= h;
                gradient.push_back((value(up) - value(down)) / (2 * h));
            }
            return gradient;
        };
    };
    std::function<Quad(const QuadVector&)> value;
    if (name == "logistic") value = [](const QuadVector& z) { return Quad(log(1 + exp(-z[0]))); };
    if (name == "exponential") value = [](const QuadVector& z) { return Quad(exp(-z[0])); };
    if (name == "square")
        value = [=](const QuadVector& z) {
            return Quad((response[0] - z[0]) * (response[0] - z[0]) / 2);
        };
    if (name == "regression")
        value = [=](const QuadVector& z) {
            Quad total = 0;
            for (std::size_t k = 0; k < z.size(); ++k)
                total += constant * (response[k] - z[k]) * (response[k] - z[k]);
            return total;
        };
    if (name == "cross_entropy")
        value = [=](const QuadVector& z) {
            const QuadVector s = full_path::softmax(z);
            Quad total = 0;
            for (std::size_t k = 0; k < z.size(); ++k) total -= response[k] * log(s[k]);
            return total;
        };
    return {value, central(value)};
}

double relative(double found, const Quad& expected, double scale) {
    return std::fabs(static_cast<double>(Quad(found) - expected)) /
           std::max(std::fabs(static_cast<double>(expected)), scale);
}

/// One evaluated state of a flow over double, from the drawn start of a case.
template <class Loss>
struct Sample {
    using Flow = model::Flow<model::Softmax, Loss, double, model::Solo, 0, Loss::outputs>;
    Memory memory;
    model::Arena arena{memory.aligned()};
    model::Parameters p;
    Flow flow;
    typename Flow::State x;
    typename Flow::Evaluation e;

    Sample(const Case& c, int replica)
        : p(c.bound()),
          flow(arena, model::Solo{}, p.tokens, p.outputs),
          x(arena, p.tokens, p.outputs),
          e(arena, p.tokens, p.outputs) {
        model::Start<Flow>(p, model::Bits(replica), model::Bits(replica))(flow, x);
        flow.evaluate(x, e);
    }

    [[nodiscard]] QuadVector response() const {
        QuadVector y;
        for (int k = 0; k < p.outputs; ++k) y.push_back(flow.objective.response[k]);
        return y;
    }
    /// The full system of which (Z, a) is the canonical form: d = m, W = sqrt(K), V = W^-1 Z.
    [[nodiscard]] full_path::System<Quad> system() const {
        full_path::System<Quad> s{p.tokens, p.outputs, p.outputs,
                                  QuadVector(p.outputs * p.outputs, Quad(0)),
                                  reference_loss(Loss::name, response(), p.loss_constant)};
        for (int k = 0; k < p.outputs; ++k)
            s.w[k * p.outputs + k] = sqrt(Quad(flow.objective.metric[k]));
        return s;
    }
    [[nodiscard]] typename full_path::System<Quad>::State full_state() const {
        typename full_path::System<Quad>::State y;
        for (int k = 0; k < p.outputs; ++k)
            for (int j = 0; j < p.tokens; ++j)
                y.v.push_back(x.value(k, j) / sqrt(Quad(flow.objective.metric[k])));
        for (int j = 0; j < p.tokens; ++j) y.a.push_back(x.logits[j]);
        return y;
    }
};

TEST(Field, LossesAndResidualsAgainstFiniteDifferences) {
    for_each_loss([]<class Loss>(Loss) {
        for (int replica = 0; replica < 20; ++replica) {
            const Sample<Loss> sample(Case(Loss::outputs == 1), replica);
            const auto loss = reference_loss(Loss::name, sample.response(), sample.p.loss_constant);
            QuadVector z;
            for (int k = 0; k < sample.p.outputs; ++k) z.push_back(sample.e.output[k]);
            EXPECT_LT(
                relative(Loss::value(sample.flow.objective, sample.flow.outputs, sample.e.output) -
                             sample.flow.objective.floor,
                         loss.value(z), 1.0),
                1e-15)
                << Loss::name;
            const QuadVector gradient = loss.gradient(z);
            for (int k = 0; k < sample.p.outputs; ++k)
                EXPECT_LT(relative(sample.e.residual[k], -gradient[k], 0.1), 1e-14) << Loss::name;
        }
    });
}

TEST(Field, VelocityIsTheGradientOfTheObjective) {
    for_each_loss([]<class Loss>(Loss) {
        for (int replica = 0; replica < 5; ++replica) {
            const Sample<Loss> sample(Case(Loss::outputs == 1), replica);
            const auto system = sample.system();
            const auto state = sample.full_state();
            const Quad h = ldexp(Quad(1), -37);
            const double mean = sample.flow.mean_projected_value(sample.e);
            for (int j = 0; j < sample.p.tokens; ++j) {
                auto up = state, down = state;
                up.a[j] += h;
                down.a[j] -= h;
                const Quad slope = (system.value(up) - system.value(down)) / (2 * h);
                EXPECT_LT(
                    relative(sample.flow.logit_drive(sample.x, sample.e, mean, j), -slope, 0.1),
                    1e-13)
                    << Loss::name;
            }
            for (int k = 0; k < sample.p.outputs; ++k)
                for (int j = 0; j < sample.p.tokens; ++j) {
                    auto up = state, down = state;
                    up.v[k * sample.p.tokens + j] += h;
                    down.v[k * sample.p.tokens + j] -= h;
                    // dV/dt = W^T q s^T, so dZ/dt = sqrt(K) dV/dt.
                    const Quad slope = (system.value(up) - system.value(down)) / (2 * h) *
                                       sqrt(Quad(sample.flow.objective.metric[k]));
                    EXPECT_LT(relative(sample.flow.value_drive(sample.e, k) * sample.e.weights[j],
                                       -slope, 0.1),
                              1e-13)
                        << Loss::name;
                }
        }
    });
}

TEST(Field, ExtremeLogitsLoseNothing) {
    for (const double range : {1e2, 1e3, 1e4}) {
        Case c(true, 4);
        Sample<model::Logistic> sample(c, 0);
        for (const double shift : {0.0, -0.7 * range, 3 * range}) {
            for (int j = 0; j < 4; ++j) sample.x.logits[j] = shift + range * j / 3.0;
            sample.flow.evaluate(sample.x, sample.e);
            QuadVector a;
            for (int j = 0; j < 4; ++j) a.push_back(sample.x.logits[j]);
            const QuadVector s = full_path::softmax(a);
            for (int j = 0; j < 4; ++j) {
                // Weights below 1e-150 may be flushed to zero.
                const double expected = static_cast<double>(s[j]);
                if (expected > 1e-150)
                    EXPECT_LT(relative(sample.e.weights[j], s[j], 0.0), 1e-15) << range;
                else
                    EXPECT_LE(sample.e.weights[j], 1e-150);
            }
            double out[model::observable_count];
            model::observe(sample.flow, sample.x, sample.e, 0.0, 0.0, 1.0, 1.0, out);
            // log10 of the others' share, leader last.
            Quad others = 0;
            for (int j = 0; j < 3; ++j) others += exp(a[j] - a[3]);
            const Quad deficit = log10(others / (1 + others));
            EXPECT_LT(relative(out[int(model::Observable::log10_deficit)], deficit, 0.0), 1e-13);
        }
    }
}

/// Canonical against full, step by step, from one start.
template <class Loss, class Method>
double largest_deviation(const Case& c, int replica) {
    const Sample<Loss> start(c, replica);
    const auto system = start.system();
    auto x = start.full_state();
    auto v = system.velocity(x);  // shape only
    for (Quad& entry : v.v) entry = 0;
    for (Quad& entry : v.a) entry = 0;

    const Words words = run_solo<model::Softmax, Loss, Method, double>(c, replica + 1);
    const model::Parameters p = c.bound();
    const Quad mu = Method::has_velocity ? Quad(p.momentum) : Quad(0);
    double worst = 0.0;
    long long iteration = 0;
    for (int checkpoint = 0; checkpoint < p.checkpoint_count; ++checkpoint) {
        for (; iteration < p.checkpoints[checkpoint]; ++iteration) {
            const auto velocity = system.velocity(x);
            for (std::size_t i = 0; i < x.v.size(); ++i) {
                v.v[i] = mu * v.v[i] + velocity.v[i];
                x.v[i] += p.learning_rate * v.v[i];
            }
            for (std::size_t j = 0; j < x.a.size(); ++j) {
                v.a[j] = mu * v.a[j] + velocity.a[j];
                x.a[j] += Quad(p.learning_rate) * p.logit_rate * v.a[j];
            }
        }
        const QuadVector z = system.project(x.v);
        const std::size_t row = replica * p.checkpoint_count + checkpoint;
        for (int i = 0; i < p.outputs * p.tokens; ++i)
            worst =
                std::max(worst, relative(words.values[row * p.outputs * p.tokens + i], z[i], 1.0));
        for (int j = 0; j < p.tokens; ++j)
            worst = std::max(worst, relative(words.logits[row * p.tokens + j], x.a[j], 1.0));
    }
    return worst;
}

TEST(Field, CanonicalEqualsFullPath) {
    for_each_loss([]<class Loss>(Loss) {
        for_each_method([]<class Method>(Method) {
            for (int replica = 0; replica < 3; ++replica)
                // 40 steps of double against 113 bits: 40 roundings of relative size 1e-16,
                // amplified by at most 10 over so short a run.
                EXPECT_LT((largest_deviation<Loss, Method>(Case(Loss::outputs == 1), replica)),
                          5e-14)
                    << Loss::name << " " << Method::name;
        });
    });
}

TEST(Field, SumOfLogitsIsConserved) {
    for_each_loss([]<class Loss>(Loss) {
        for_each_method([]<class Method>(Method) {
            const Case c(Loss::outputs == 1);
            const Words w = run_solo<model::Softmax, Loss, Method, double>(c, 1);
            const auto sum_at = [&](int checkpoint) {
                double total = 0.0;
                for (int j = 0; j < 11; ++j) total += w.logits[checkpoint * 11 + j];
                return total;
            };
            EXPECT_NEAR(sum_at(3), sum_at(0), 1e-13) << Loss::name << " " << Method::name;
        });
    });
}

}  // namespace
