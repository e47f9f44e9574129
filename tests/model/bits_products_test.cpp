// Equal bits: scalar, packs of every width, emulated teams of every size, choices made by the
// compiler and at run time. Zero unequal words. bits_test.cpp has a representative of each.

#include <gtest/gtest.h>

#include "cases.hpp"

using namespace fixture;

namespace {

constexpr int replicas = 19;  // the last pack of every width is only partly filled

// Steps in f32 are compared by the same rules among themselves.
using FloatPack = model::Pack<4, 3, float>;

template <class Real>
void expect_equal(const Case& c, const Words& scalar, const std::string& what) {
    EXPECT_EQ(0, unequal_words(scalar, run_any<Real>(c, replicas)))
        << c.combination.name() << ", " << what << ", width " << model::width_of<Real>;
}

// The packs of every instruction set are compared in tests/backend, on whole runs; here, widths
// that no instruction set has. Each Real and each Team compiles the whole model again, so they are
// few.
TEST(BitsProducts, PacksEqualScalar) {
    for_each_combination([](Combination combination) {
        Case c(combination);
        c.parameters.ranked = true;
        expect_equal<model::Pack<4, 3>>(c, run_any<double>(c, replicas), "plain");
        expect_equal<FloatPack>(c, run_any<float>(c, replicas), "f32");
    });
}

TEST(BitsProducts, PacksEqualScalarInEveryCase) {
    for_each_pair([](Combination combination) {
        if ((combination.map + combination.loss) % 2 != 0) return;
        for (const auto& [name, c] : every_case(combination, replicas)) {
            expect_equal<model::Pack<4, 3>>(c, run_any<double>(c, replicas), name);
            expect_equal<FloatPack>(c, run_any<float>(c, replicas), name + ", f32");
        }
    });
}

TEST(BitsProducts, PacksOfOtherWidthsEqualScalar) {
    for_each_pair([](Combination combination) {
        const Case c(combination);
        expect_equal<model::Pack<2, 1>>(c, run_any<double>(c, replicas), "plain");
    });
}

template <class Map, class Loss, class Method, class Real, int N, int M>
void expect_fixed_equals_any() {
    const Combination combination = combination_of<Map, Loss, Method>();
    for (const auto& [name, c] : every_case(combination, replicas)) {
        const bool fits =
            (N == 0 || c.parameters.tokens == N) && (M == 0 || c.parameters.outputs == M);
        if (!fits) continue;
        const Words fixed = run_solo<Map, Loss, Method, Real, N, M>(c, replicas);
        EXPECT_EQ(0, unequal_words(fixed, run_any<model::ScalarOf<Real>>(c, replicas)))
            << combination.name() << ", " << name;
    }
}

TEST(BitsProducts, WhatTheCompilerKnowsChangesNothing) {
    using namespace model;
    expect_fixed_equals_any<Softmax, Logistic, GradientDescent, double, 11, 1>();
    expect_fixed_equals_any<Softmax, Logistic, GradientDescent, Pack<8, 2>, 11, 1>();
    expect_fixed_equals_any<Sum, CrossEntropy, Adam, double, 11, 5>();
    expect_fixed_equals_any<L1, Classification, Momentum, double, 0, 0>();
    expect_fixed_equals_any<Softmax, Logistic, GradientDescent, Pack<8, 2, float>, 11, 1>();
}

template <int Size>
void expect_team_equal(const Case& c, const std::string& what) {
    const Words scalar = run_any<double>(c, 1);
    EXPECT_EQ(0, unequal_words(scalar, run_team<AnyMap, AnyLoss, AnyMethod, Size>(c, 1)))
        << c.combination.name() << ", " << what << ", " << Size << " lanes";
}

// Threads that meet at a barrier are slow, so the larger teams run fewer steps.
TEST(BitsProducts, TeamsEqualScalar) {
    for_each_combination([](Combination combination) {
        Case c(combination);
        c.parameters.ranked = true;
        c.checkpoints = {0, 4};
        expect_team_equal<2>(c, "plain");
    });
    for_each_pair([](Combination combination) {
        Case c(combination);
        c.parameters.ranked = true;
        c.checkpoints = {0, 2};
        expect_team_equal<4>(c, "plain");
        expect_team_equal<8>(c, "plain");
        if (combination.map == combination.loss) expect_team_equal<32>(c, "plain");
    });
}

TEST(BitsProducts, TeamsEqualScalarInEveryCase) {
    for_each_pair([](Combination combination) {
        if ((combination.map + 2 * combination.loss) % 3 != 0) return;
        for (auto& [name, c] : every_case(combination, 1)) {
            Case few_steps = c;
            few_steps.checkpoints = {0, 2};
            expect_team_equal<4>(few_steps, name);
        }
    });
}

/// What a run that went on from checkpoint 1 of another wrote from there on.
template <class Real, class Pack>
void expect_continues(const Case& c, const std::string& what) {
    const Words whole = run_any<Real>(c, replicas);
    const Words rest = run_any<Pack>(continued(c, whole, 1, replicas), replicas);
    const int all = static_cast<int>(c.checkpoints.size());
    int unequal = 0;
    const auto compare = [&](double a, double b) {
        unequal += model::to_bits(a) != model::to_bits(b);
    };
    const std::size_t skipped = std::size_t(whole.curve_count) * replicas;
    ASSERT_EQ(whole.curves.size(), rest.curves.size() + skipped);
    for (std::size_t i = 0; i < rest.curves.size(); ++i)
        compare(whole.curves[i + skipped], rest.curves[i]);
    const auto compare_states = [&](const auto& of_whole, const auto& of_rest, int size) {
        ASSERT_EQ(of_rest.size(), std::size_t(replicas) * (all - 1) * size);
        for (int r = 0; r < replicas; ++r)
            for (int i = 0; i < (all - 1) * size; ++i)
                compare(of_whole[(r * all + 1) * size + i], of_rest[r * (all - 1) * size + i]);
    };
    const auto compare_all = [&](const auto& a, const auto& b) {
        ASSERT_EQ(a.size(), b.size());
        for (std::size_t i = 0; i < a.size(); ++i) compare(a[i], b[i]);
    };
    for (int i = 0; i < model::state_column::count; ++i) {
        const auto size = whole.state[i].size() / std::size_t(replicas);
        if (model::state_columns[i].when == model::When::checkpoint)
            compare_states(whole.state[i], rest.state[i], static_cast<int>(size) / all);
        else
            compare_all(whole.state[i], rest.state[i]);
    }
    for (const int i : {model::replica_column::initial_leader, model::replica_column::winner})
        compare_all(whole.replica[i], rest.replica[i]);
    EXPECT_EQ(unequal, 0) << c.combination.name() << ", " << what;
}

TEST(BitsProducts, RestartGoesOnAsIfNeverInterrupted) {
    for_each_combination([](Combination combination) {
        Case c(combination);
        c.parameters.ranked = true;
        expect_continues<double, model::Pack<4, 3>>(c, "plain");
        expect_continues<float, FloatPack>(c, "f32");
    });
    for_each_pair([](Combination combination) {
        if (combination.map != combination.loss) return;
        for (const auto& [name, c] : every_case(combination, replicas)) {
            if (name == "strange logits") continue;
            expect_continues<double, model::Pack<4, 3>>(c, name);
            expect_continues<float, FloatPack>(c, name + ", f32");
        }
    });
}

TEST(BitsProducts, FlowOfPacksEqualsScalar) {
    for_each_flow([](const Case& c) {
        const Words packs = run_flow<model::Pack<4, 3>>(c, replicas);
        EXPECT_EQ(0, unequal_words(run_flow<double>(c, replicas), packs)) << c.combination.name();
    });
}

// More replicas than lanes, so that lanes take the next; other numbers of replicas seat them
// elsewhere, beside others.
TEST(BitsProducts, FlowDoesNotDependOnItsNeighbours) {
    for_each_flow([](const Case& c) {
        if (c.combination.map > 1) return;
        const Words all = run_flow<model::Pack<2, 1>>(c, replicas),
                    few = run_flow<model::Pack<2, 1>>(c, 7);
        for (int r = 0; r < 7; ++r) {
            EXPECT_EQ(all.replica[model::replica_column::steps][r],
                      few.replica[model::replica_column::steps][r])
                << c.combination.name();
            EXPECT_EQ(model::to_bits(all.replica[model::replica_column::status][r]),
                      model::to_bits(few.replica[model::replica_column::status][r]));
        }
        const std::size_t numbers = few.state[model::state_column::logits].size();
        for (std::size_t i = 0; i < numbers; ++i)
            EXPECT_EQ(model::to_bits(all.state[model::state_column::logits][i]),
                      model::to_bits(few.state[model::state_column::logits][i]))
                << c.combination.name();
    });
}

void expect_teams_equal_scalar(const Case& c) {
    const Words scalar = run_flow<double>(c, 2);
    EXPECT_EQ(0, unequal_words(scalar, run_flow_team<4>(c, 2))) << c.combination.name();
    if ((c.combination.map + c.combination.loss) % 5 != 0) return;
    EXPECT_EQ(0, unequal_words(scalar, run_flow_team<16>(c, 2))) << c.combination.name();
}
TEST(BitsProducts, FlowOfTeamsEqualsScalar) { for_each_flow(expect_teams_equal_scalar); }

}  // namespace
