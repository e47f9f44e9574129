// The vector field: finite differences of each map, of each loss and of the whole objective; the
// canonical form (Z, a) against the full system (V, a), for every method.

#include <gtest/gtest.h>

#include "model/sample.hpp"

using namespace fixture;

namespace {

/// Calls f for every map with every loss.
template <class F>
void for_each_objective(F f) {
    for (int map = 0; map < model::Maps::size; ++map)
        for (int loss = 0; loss < model::Losses::size; ++loss) f(Combination{map, loss, 0});
}

/// Logits well inside the domain of every map: sum divides by their sum.
Case mild(Combination combination) {
    Case c(combination);
    c.parameters.logit_mean = 1.0;
    c.parameters.logit_scale = 0.4;
    return c;
}

/// s for n = 3, and the same in 113 bits.
template <class Real>
void expect_softmax(const std::vector<double>& a, double tolerance) {
    model::Storage<Real, 3> logits, numerators, scratch;
    std::vector<Quad> exact;
    Quad total = 0;
    for (int i = 0; i < 3; ++i) {
        logits[i] = Real(a[i]);
        exact.push_back(exp(Quad(logits[i]) - Quad(*std::max_element(a.begin(), a.end()))));
        total += exact[i];
    }
    const auto scales =
        model::Softmax::weights(model::Tokens<model::Solo, 3>({}, 3), logits, numerators, scratch);
    for (int i = 0; i < 3; ++i)
        EXPECT_NEAR(double(scales.weight * numerators[i]), double(exact[i] / total), tolerance)
            << a[0] << ' ' << a[1] << ' ' << a[2];
}

TEST(VectorField, SoftmaxOfAnyLogits) {
    for (const std::vector<double>& a : {std::vector{0.5, -1.0, 2.0},
                                         {-709.0, 0.0, 0.25},
                                         {0.0, 0.5, -1e30},
                                         {708.5, 0.0, 708.0},
                                         {-900.0, -901.0, -1200.0},
                                         {-700.0, -699.0, -698.0},
                                         {1e30, 0.0, -1e300},
                                         {-1e308, -1e308, -1e308}})
        expect_softmax<double>(a, 1e-15);
    for (const std::vector<double>& a : {std::vector{0.5, -1.0, 2.0},
                                         {-88.0, 0.0, 0.25},
                                         {88.5, 0.0, 88.0},
                                         {-90.0, -91.0, -1e30}})
        expect_softmax<float>(a, 1e-6);
    model::Storage<double, 3> logits, numerators, scratch;
    for (int i = 0; i < 3; ++i) logits[i] = i == 1 ? model::not_a_number() : 1e3;
    const auto scales =
        model::Softmax::weights(model::Tokens<model::Solo, 3>({}, 3), logits, numerators, scratch);
    EXPECT_TRUE(std::isnan(scales.weight));
}

TEST(VectorField, MapsAgainstFiniteDifferences) {
    const Quad h = ldexp(Quad(1), -37);
    for (int map = 0; map < model::Maps::size; ++map)
        for (int replica = 0; replica < 10; ++replica) {
            // Logits of both signs, for relu and l1; square has one output, so that Z is free.
            const Case c(Combination{map, 2, 0});
            ASSERT_STREQ(c.combination.loss_name(), "square");
            const Sample sample(c, replica);
            const full_path::Map<Quad> reference{c.combination.map_name()};
            const QuadVector a = sample.full_state().a, s = reference.weights(a);
            Quad total = 0;
            for (const Quad& share : s) total += share;
            // The sum of signed logits may be small; errors grow by what it cancels.
            const double amplified =
                1.0 + 11.0 / std::fabs(static_cast<double>(map == 2 ? reference.denominator(a)
                                                                    : Quad(11)));
            for (int j = 0; j < 11; ++j) {
                EXPECT_LT(relative(sample.e.weight(j), s[j], 0.0), 3e-16 * amplified)
                    << c.combination.map_name();
                EXPECT_LT(relative(sample.e.share(j), s[j] / total, 0.0), 5e-16 * amplified)
                    << c.combination.map_name();
            }
            const double logit_force_scale = sample.system.logit_force_scale(sample.e);
            sample.system.for_each_drive(
                sample.x, sample.e, [&](int j, double slope, double centred) {
                    QuadVector up = a, down = a;
                    up[j] += h;
                    down[j] -= h;
                    const QuadVector s_up = reference.weights(up), s_down = reference.weights(down);
                    Quad product = 0;  // (J^T w)_j, w = Z q
                    for (int i = 0; i < 11; ++i)
                        product += (s_up[i] - s_down[i]) / (2 * h) *
                                   (Quad(sample.x.value(0, i)) * sample.e.residual[0]);
                    EXPECT_LT(relative(logit_force_scale * slope * centred, product, 0.1),
                              1e-15 * amplified)
                        << c.combination.map_name();
                });
        }
}

TEST(VectorField, LossesAndResidualsAgainstFiniteDifferences) {
    for (int index = 0; index < model::Losses::size; ++index)
        for (int replica = 0; replica < 20; ++replica) {
            const Combination combination{0, index, 0};
            const Sample sample(Case(combination), replica);
            const std::string name = combination.loss_name();
            const auto reference = reference_loss(name, sample.response(), sample.p.loss_constant);
            QuadVector z;
            for (int k = 0; k < sample.p.outputs; ++k) z.push_back(sample.e.output[k]);
            const auto& objective = sample.system.objective;
            double value = 0.0;
            visit(sample.system.loss, [&](auto loss) {
                value = loss.value(objective, sample.system.outputs, sample.e.output);
            });
            EXPECT_LT(relative(value - objective.floor, reference.value(z), 1.0), 1e-15) << name;
            const QuadVector gradient = reference.gradient(z);
            for (int k = 0; k < sample.p.outputs; ++k)
                EXPECT_LT(relative(sample.e.residual[k], -gradient[k], 0.1), 1e-14) << name;
        }
}

TEST(VectorField, VelocityIsTheGradientOfTheObjective) {
    const Quad h = ldexp(Quad(1), -37);
    for_each_objective([&](Combination combination) {
        const Sample sample(mild(combination), combination.loss % 2);
        const auto system = sample.full_system();
        const auto state = sample.full_state();
        const auto slope = [&](auto part, int i) {
            auto up = state, down = state;
            part(up)[i] += h;
            part(down)[i] -= h;
            return Quad((system.value(up) - system.value(down)) / (2 * h));
        };
        const double logit_force_scale = sample.system.logit_force_scale(sample.e);
        sample.system.for_each_drive(sample.x, sample.e, [&](int j, double f, double centred) {
            const Quad expected = -slope(
                [](auto& y) -> auto& { return y.a; }, j);
            EXPECT_LT(relative(logit_force_scale * f * centred, expected, 0.1), 1e-13)
                << combination.name();
        });
        // dZ/dt = W dV/dt.
        QuadVector v_slope;
        for (std::size_t i = 0; i < state.v.size(); ++i)
            v_slope.push_back(-slope(
                [](auto& y) -> auto& { return y.v; }, int(i)));
        const QuadVector expected = system.project(v_slope);
        for (int k = 0; k < sample.p.outputs; ++k)
            for (int j = 0; j < sample.p.tokens; ++j)
                EXPECT_LT(relative(sample.system.value_drive(sample.e, k) * sample.e.weight(j),
                                   expected[k * sample.p.tokens + j], 0.1),
                          1e-13)
                    << combination.name();
    });
}

/// Canonical against full, step by step, from one start.
double largest_deviation(const Case& c, int replica) {
    const Sample start(c, replica);
    const model::Parameters p = c.bound();
    const auto system = start.full_system();
    full_path::Descent<Quad> descent(system, start.full_state(), c.combination.method_name(),
                                     {p.learning_rate, p.logit_rate, p.momentum, p.adam_beta1,
                                      p.adam_beta2, p.adam_epsilon, p.value_decay, p.logit_decay});

    const Words words = run_any<double>(c, replica + 1);
    double worst = 0.0;
    double iteration = 0;
    for (int checkpoint = 0; checkpoint < p.checkpoint_count; ++checkpoint) {
        for (; iteration < p.checkpoints[checkpoint]; ++iteration) descent.step();
        const QuadVector z = system.project(descent.x.v);
        const std::size_t row = replica * p.checkpoint_count + checkpoint;
        for (int i = 0; i < p.outputs * p.tokens; ++i)
            worst = std::max(worst, relative(words.state[model::state_column::projected_values]
                                                        [row * p.outputs * p.tokens + i],
                                             z[i], 1.0));
        for (int j = 0; j < p.tokens; ++j)
            worst = std::max(worst,
                             relative(words.state[model::state_column::logits][row * p.tokens + j],
                                      descent.x.a[j], 1.0));
    }
    return worst;
}

// 16 steps of double against 113 bits: roundings of relative size 1e-16, amplified by at most 100
// over so short a run; by more in adam, whose step divides gradients by their own size.
constexpr double largest_roundings = 1e-13;

void expect_full_path(Combination combination) {
    EXPECT_LT(largest_deviation(mild(combination), 0), largest_roundings) << combination.name();
}
TEST(VectorField, CanonicalEqualsFullPath) { for_each_pair(expect_full_path); }
TEST(FieldLong, CanonicalEqualsFullPath) { for_each_combination(expect_full_path); }

void expect_full_path_with_decay(Combination combination) {
    Case c = mild(combination);
    // In G, on which adam and sign_descent act, V has no decay.
    if (combination.method < 2) c.parameters.value_decay = 0.3;
    c.parameters.logit_decay = 0.2;
    EXPECT_LT(largest_deviation(c, 1), largest_roundings) << combination.name();
}
TEST(VectorField, CanonicalEqualsFullPathWithDecay) { for_each_pair(expect_full_path_with_decay); }
TEST(FieldLong, CanonicalEqualsFullPathWithDecay) {
    for_each_combination(expect_full_path_with_decay);
}

TEST(VectorField, SumOfLogitsIsConserved) {
    for (int loss = 0; loss < model::Losses::size; ++loss)
        for (const int method : {0, 1}) {
            const Case c(Combination{0, loss, method});
            const Words w = run_any<double>(c, 1);
            const auto sum_at = [&](int checkpoint) {
                double total = 0.0;
                for (int j = 0; j < 11; ++j)
                    total += w.state[model::state_column::logits][checkpoint * 11 + j];
                return total;
            };
            EXPECT_NEAR(sum_at(3), sum_at(0), 1e-13) << c.combination.name();
            EXPECT_NE(w.state[model::state_column::logits][0],
                      w.state[model::state_column::logits][3 * 11])
                << c.combination.name();
        }
}

}  // namespace
