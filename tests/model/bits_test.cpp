// Equal bits of scalars, packs and teams: a representative of each; the products of all maps,
// losses, methods, widths and team sizes are in bits_products_test.cpp. Each Real and each Team
// compiles the whole model again, so they are few.

#include <gtest/gtest.h>

#include "cases.hpp"

using namespace fixture;

namespace {

constexpr int replicas = 19;  // the last pack is only partly filled

using FourTimesThree = model::Pack<4, 3>;

TEST(Bits, PacksEqualScalar) {
    for_each_pair([](Combination combination) {
        Case c(combination);
        c.parameters.ranked = true;
        EXPECT_EQ(0,
                  unequal_words(run_any<double>(c, replicas), run_any<FourTimesThree>(c, replicas)))
            << combination.name();
    });
}

TEST(Bits, PacksEqualScalarInEveryCase) {
    const Combination combination =
        combination_of<model::Softmax, model::Regression, model::Adam>();
    for (const auto& [name, c] : every_case(combination, replicas))
        EXPECT_EQ(0,
                  unequal_words(run_any<double>(c, replicas), run_any<FourTimesThree>(c, replicas)))
            << combination.name() << ", " << name;
}

TEST(Bits, WhatTheCompilerKnowsChangesNothing) {
    using namespace model;
    const Case c(combination_of<Softmax, Logistic, GradientDescent>());
    const Words known =
        run_solo<Softmax, Logistic, GradientDescent, Pack<8, 2>, 11, 1>(c, replicas);
    EXPECT_EQ(0, unequal_words(run_any<double>(c, replicas), known));
}

TEST(Bits, TeamsEqualScalarWithSizesKnownToTheCompiler) {
    using namespace model;
    const Case c(combination_of<Softmax, Logistic, GradientDescent>());
    const Words team = run_team<Softmax, Logistic, GradientDescent, 4, 11, 1>(c, 2);
    EXPECT_EQ(0, unequal_words(run_any<double>(c, 2), team));
    const Words in_f32 = run_team<Softmax, Logistic, GradientDescent, 4, 11, 1, float>(c, 2);
    const Words scalar_in_f32 = run_solo<Softmax, Logistic, GradientDescent, float, 11, 1>(c, 2);
    EXPECT_EQ(0, unequal_words(scalar_in_f32, in_f32));
    EXPECT_LT(0, unequal_words(team, in_f32));
}

/// The arc of 2 10^5 equal steps, so short that the state stands still in f32 and moves q by less
/// than 1e-4 in f64: a running sum in f32, whose roundings go one way for long, is off by 4e-4 to
/// 1.4e-3.
TEST(Bits, ArcOfManyStepsInSinglePrecisionGrowsToTheEnd) {
    using namespace model;
    Case c(combination_of<Softmax, Logistic, GradientDescent>());
    c.parameters.learning_rate = 1e-9;
    c.checkpoints = {0, 77, 200'000};
    const Words exact = run_solo<Softmax, Logistic, GradientDescent, double, 11, 1>(c, 1);
    const Words rounded = run_solo<Softmax, Logistic, GradientDescent, float, 11, 1>(c, 1);
    const double arc = exact.observable(Observable::arc, 2, 0, 1);
    EXPECT_NEAR(rounded.observable(Observable::arc, 2, 0, 1), arc, 1e-4 * arc);
}

/// Sums the tokens of a lane in order, then the lanes: a different order for every team size.
struct OrderDependentSoftmax : model::Softmax {
    template <class Tokens, class Logits, class Numerators>
    static auto weights(const Tokens& tokens, const Logits& a, Numerators& f, Numerators&) {
        double total = 0.0;
        for (int k = 0; k < tokens.slots(); ++k) {
            f[k] = tokens.valid(k) ? model::exp(a[k]) : 0.0;
            total += f[k];
        }
        for (int d = decltype(tokens.team)::size / 2; d > 0; d /= 2)
            total += tokens.team.exchange(total, d);
        return model::Scales<double>{1.0 / total, 1.0 / total};
    }
};

TEST(Bits, PlantedOrderDependentSumIsFound) {
    using namespace model;
    const Case c(combination_of<Softmax, Logistic, GradientDescent>());
    using Wrong = OrderDependentSoftmax;
    const Words scalar = run_solo<Wrong, Logistic, GradientDescent, double, 11, 1>(c, 1);
    const Words team = run_team<Wrong, Logistic, GradientDescent, 4, 11, 1>(c, 1);
    EXPECT_LT(0, unequal_words(scalar, team));
}

}  // namespace
