// Equal bits: scalar, packs of every width, emulated teams of every size. Zero unequal words.

#include <gtest/gtest.h>

#include "fixture.hpp"

using namespace fixture;

namespace {

constexpr int replicas = 19;  // the last pack of every width is only partly filled

template <class Loss>
std::vector<Case> cases() {
    Case plain(Loss::outputs == 1), extreme(Loss::outputs == 1), few(Loss::outputs == 1, 2);
    extreme.with_extreme_logits();
    return {plain, extreme, few};
}

template <class Loss, class Method, class Real, int N = 0>
void expect_equal(const Case& c, const Words& scalar) {
    EXPECT_EQ(0,
              unequal_words(scalar, run_solo<model::Softmax, Loss, Method, Real, N>(c, replicas)))
        << Loss::name << " " << Method::name << " width " << model::width_of<Real>;
}

// The packs of every instruction set are compared in tests/backend, on whole runs.
TEST(Bits, PacksEqualScalar) {
    for_each_loss([]<class Loss>(Loss) {
        for_each_method([]<class Method>(Method) {
            for (const Case& c : cases<Loss>()) {
                const Words scalar = run_solo<model::Softmax, Loss, Method, double>(c, replicas);
                expect_equal<Loss, Method, model::Pack<4, 1>>(c, scalar);
            }
        });
    });
}

TEST(Bits, PacksOfEveryWidthEqualScalar) {
    const Case c(true);
    using Method = model::GradientDescent;
    const Words scalar = run_solo<model::Softmax, model::Logistic, Method, double>(c, replicas);
    expect_equal<model::Logistic, Method, model::Pack<1, 1>>(c, scalar);
    expect_equal<model::Logistic, Method, model::Pack<2, 1>>(c, scalar);
    expect_equal<model::Logistic, Method, model::Pack<4, 3>>(c, scalar);
    expect_equal<model::Logistic, Method, model::Pack<8, 1>>(c, scalar);
    expect_equal<model::Logistic, Method, model::Pack<16, 1>>(c, scalar);
}

TEST(Bits, SizesKnownToTheCompilerChangeNothing) {
    for_each_loss([]<class Loss>(Loss) {
        const Case c(Loss::outputs == 1);
        using Method = model::GradientDescent;
        const Words scalar = run_solo<model::Softmax, Loss, Method, double>(c, replicas);
        if constexpr (Loss::outputs == 1) {
            expect_equal<Loss, Method, double, 11>(c, scalar);
            expect_equal<Loss, Method, model::Pack<8, 2>, 11>(c, scalar);
        }
    });
}

template <class Map, class Loss, class Method, int... Sizes>
int unequal_over_team_sizes(const Case& c, int count) {
    const Words scalar = run_solo<Map, Loss, Method, double>(c, count);
    return (unequal_words(scalar, run_team<Map, Loss, Method, Sizes>(c, count)) + ...);
}

template <class Loss, class Method, int... Sizes>
void expect_teams_equal() {
    for (Case c : cases<Loss>()) {
        c.checkpoints = {0, 1, 12};  // 32 threads meeting at a barrier are slow
        EXPECT_EQ(0, (unequal_over_team_sizes<model::Softmax, Loss, Method, Sizes...>(c, 1)))
            << Loss::name << " " << Method::name;
    }
}

TEST(Bits, TeamsEqualScalar) {
    for_each_loss([]<class Loss>(Loss) {
        expect_teams_equal<Loss, model::GradientDescent, 2, 8, 32>();
        expect_teams_equal<Loss, model::Momentum, 4>();
    });
    expect_teams_equal<model::Logistic, model::GradientDescent, 4, 16>();
}

TEST(Bits, TeamsEqualScalarWithSizeKnownToTheCompiler) {
    const Case c(true);
    using Method = model::GradientDescent;
    const Words scalar = run_solo<model::Softmax, model::Logistic, Method, double>(c, 2);
    EXPECT_EQ(
        0, unequal_words(scalar, run_team<model::Softmax, model::Logistic, Method, 4, 11>(c, 2)));
}

/// Sums the tokens of a lane in order, then the lanes: a different order for every team size.
struct OrderDependentSoftmax : model::Softmax {
    template <class Tokens, class Logits, class Weights>
    static void weights(const Tokens& tokens, const Logits& a, Weights& s, Weights&) {
        double total = 0.0;
        for (int k = 0; k < tokens.slots(); ++k) {
            s[k] = tokens.valid(k) ? model::exp(a[k]) : 0.0;
            total += s[k];
        }
        for (int d = decltype(tokens.team)::size / 2; d > 0; d /= 2)
            total += tokens.team.exchange(total, d);
        for (int k = 0; k < tokens.slots(); ++k) s[k] = s[k] / total;
    }
};

TEST(Bits, PlantedOrderDependentSumIsFound) {
    const Case c(true);
    EXPECT_LT(0, (unequal_over_team_sizes<OrderDependentSoftmax, model::Logistic,
                                          model::GradientDescent, 2, 4, 8, 16, 32>(c, 1)));
}

}  // namespace
