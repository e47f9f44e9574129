// Observables, ranks, first passages and statuses: against 113-bit arithmetic where numbers are
// ordinary, and against the rules where weights are zero, negative or undefined.

#include <gtest/gtest.h>

#include <numeric>

#include "model/sample.hpp"

using namespace fixture;
using model::Observable;
using softmaxflow::Status;

namespace {

constexpr double inf = model::infinity();

enum Map { softmax, sigmoid, sum, l1, l2, relu };
enum Loss { logistic, exponential, square, regression, classification, cross_entropy };
enum Method { gradient_descent, momentum, adam, sign_descent };

TEST(Observe, NamesOfTheTestsAreThoseOfTheCatalogue) {
    const Combination last{relu, cross_entropy, sign_descent};
    EXPECT_EQ(last.name(), "relu cross_entropy sign_descent");
    const Combination middle{sum, classification, momentum};
    EXPECT_EQ(middle.name(), "sum classification momentum");
}

/// One output, W the first unit vector: Z and a are what is given.
Case given(Combination combination, std::vector<double> z, std::vector<double> a) {
    Case c(combination, static_cast<int>(z.size()));
    c.parameters.dim = 1;
    c.parameters.target = model::Target::basis;
    c.values = std::move(z);
    c.logits = std::move(a);
    return c;
}

std::vector<double> observe(const Case& c) { return Sample(c, 0).observe(); }

double at(const std::vector<double>& observables, Observable name) {
    return observables[int(name)];
}

/// Shapes of the weights p, summing to one, and the margin of the logits.
void expect_shape(const std::vector<double>& found, const QuadVector& p, const std::string& what) {
    Quad entropy = 0, square = 0, largest = -2, second = -2;
    for (const Quad& x : p) {
        if (x > 0) entropy -= x * log(x);
        square += x * x;
        second = std::max(second, std::min(x, largest));
        largest = std::max(largest, x);
    }
    const auto near = [&](Observable name, const Quad& expected) {
        EXPECT_LT(relative(at(found, name), expected, 0.1), 1e-14)
            << what << ", " << model::observables[int(name)].name;
    };
    near(Observable::entropy, entropy);
    near(Observable::effective_tokens, exp(entropy));
    near(Observable::participation_ratio, 1 / square);
    near(Observable::max_probability, largest);
    near(Observable::margin, largest - second);
    near(Observable::log10_deficit, log10(1 - largest));
}

TEST(Observe, ShapesOfTheWeights) {
    for (const int map : {softmax, sigmoid, sum, l1, l2, relu})
        for (int replica = 0; replica < 5; ++replica) {
            Case c(Combination{map, square, 0});
            if (map == sum) c.parameters.logit_mean = 3.0;  // no negative weights
            Sample sample(c, replica);
            const full_path::Map<Quad> reference{c.combination.map_name()};
            QuadVector p = reference.weights(sample.full_state().a);
            const Quad total = std::accumulate(p.begin(), p.end(), Quad(0));
            for (Quad& x : p) x /= total;
            const auto found = sample.observe();
            expect_shape(found, p, c.combination.map_name());
            EXPECT_EQ(at(found, Observable::leader_probability), sample.e.share(0));
        }
}

TEST(Observe, NormsWithEveryMetric) {
    for (int map = 0; map < model::Maps::size; ++map)
        for (int loss = 0; loss < model::Losses::size; ++loss) {
            Case c(Combination{map, loss, 0});
            c.parameters.logit_mean = 1.0;
            Sample sample(c, 1);
            const auto state = sample.full_state();
            const auto velocity = sample.full_system().velocity(state);
            const auto norm = [](const QuadVector& x) {
                Quad square = 0;
                for (const Quad& entry : x) square += entry * entry;
                return Quad(sqrt(square));
            };
            const auto found = sample.observe();
            const auto near = [&](Observable name, const Quad& expected) {
                EXPECT_LT(relative(at(found, name), expected, 0.0), 1e-12)
                    << c.combination.name() << ", " << model::observables[int(name)].name;
            };
            near(Observable::value_norm, norm(state.v));
            near(Observable::value_gradient_norm, norm(velocity.v));
            near(Observable::logit_gradient_norm, sample.p.logit_rate * norm(velocity.a));
        }
}

TEST(Observe, ExtremeLogitsLoseNothing) {
    for (const double range : {1e2, 1e3, 1e4})
        for (const double shift : {0.0, -0.7 * range, 3 * range}) {
            std::vector<double> logits;
            QuadVector a;
            for (int j = 0; j < 4; ++j) {
                logits.push_back(shift + range * j / 3.0);
                a.push_back(logits.back());
            }
            Sample sample(given({softmax, logistic, 0}, {1.0, 2.0, 3.0, 4.0}, logits), 0);
            const QuadVector s = full_path::softmax(a);
            for (int j = 0; j < 4; ++j) {
                // Weights below 1e-150 may be larger than they are, as long as they do not matter.
                const double expected = static_cast<double>(s[j]);
                if (expected > 1e-150)
                    EXPECT_LT(relative(sample.e.weight(j), s[j], 0.0), 1e-15) << range;
                else
                    EXPECT_LE(sample.e.weight(j), 1e-150);
            }
            // log10 of the others' share, leader last.
            Quad others = 0;
            for (int j = 0; j < 3; ++j) others += exp(a[j] - a[3]);
            const Quad deficit = log10(others / (1 + others));
            EXPECT_LT(relative(at(sample.observe(), Observable::log10_deficit), deficit, 0.0),
                      1e-13);
        }
}

TEST(Observe, NegativeWeightsHaveNoEntropy) {
    const auto found = observe(given({sum, square, 0}, {1.0, 2.0, 3.0}, {2.0, -0.5, 0.5}));
    for (const Observable name :
         {Observable::entropy, Observable::effective_tokens, Observable::log10_deficit})
        EXPECT_TRUE(std::isnan(at(found, name))) << model::observables[int(name)].name;
    EXPECT_NEAR(at(found, Observable::max_probability), 1.0, 1e-9);
    EXPECT_NEAR(at(found, Observable::margin), 0.75, 1e-9);
    EXPECT_NEAR(at(found, Observable::participation_ratio), 1.0 / 1.125, 1e-9);
    EXPECT_NEAR(at(found, Observable::leader_probability), 1.0, 1e-9);
    // All negative: shares are positive again.
    const auto negative = observe(given({sum, square, 0}, {1.0, 2.0}, {-3.0, -1.0}));
    expect_shape(negative, {Quad(0.75), Quad(0.25)}, "negative sum");
}

TEST(Observe, ZeroWeightsCountAsNothing) {
    for (const int map : {relu, l1, l2, sum}) {
        const double below = map == relu ? -1.0 : 0.0;
        expect_shape(observe(given({map, square, 0}, {1.0, 2.0, 3.0}, {1.0, below, 1.0})),
                     {Quad(0.5), Quad(0), Quad(0.5)}, model::Maps::names[map]);
        const auto one_hot = observe(given({map, square, 0}, {1.0, 2.0, 3.0}, {0.0, 0.75, below}));
        EXPECT_EQ(at(one_hot, Observable::entropy), 0.0);
        EXPECT_EQ(at(one_hot, Observable::effective_tokens), 1.0);
        EXPECT_EQ(at(one_hot, Observable::max_probability), 1.0);
        EXPECT_EQ(at(one_hot, Observable::log10_deficit), -inf);
    }
}

TEST(Observe, ReluWithoutPositiveLogitsHasNoWeights) {
    Case c = given({relu, square, gradient_descent}, {1.0, 2.0, 3.0}, {-1.0, 0.0, -0.0});
    c.parameters.learning_rate = 0.25;
    const Words words = run_any<double>(c, 1);
    EXPECT_EQ(words.replica[model::replica_column::status][0], 0.0);
    EXPECT_EQ(words.replica[model::replica_column::winner][0], -1.0);
    EXPECT_EQ(words.replica[model::replica_column::initial_leader][0], 2.0);
    for (const double iteration : words.replica[model::replica_column::first_passage])
        EXPECT_TRUE(std::isnan(iteration));
    for (std::size_t checkpoint = 0; checkpoint < c.checkpoints.size(); ++checkpoint) {
        for (const Observable name :
             {Observable::entropy, Observable::effective_tokens, Observable::participation_ratio,
              Observable::max_probability, Observable::margin, Observable::log10_deficit,
              Observable::leader_probability})
            EXPECT_TRUE(std::isnan(words.observable(name, int(checkpoint), 0, 1)))
                << model::observables[int(name)].name;
        EXPECT_EQ(words.observable(Observable::output_norm, int(checkpoint), 0, 1), 0.0);
        EXPECT_EQ(words.observable(Observable::logit_range, int(checkpoint), 0, 1), 1.0);
        EXPECT_EQ(words.observable(Observable::loss, int(checkpoint), 0, 1), 0.125);
        for (int j = 0; j < 3; ++j) {
            const int place = static_cast<int>(checkpoint) * 3 + j;
            EXPECT_EQ(words.state[model::state_column::probability][place], 0.0);
            EXPECT_EQ(words.state[model::state_column::projected_values][place], c.values[j]);
            EXPECT_EQ(words.state[model::state_column::logits][place], c.logits[j]);
        }
    }
}

TEST(Observe, SlopesAtTheKinks) {
    for (const int map : {l1, relu}) {
        Sample sample(given({map, square, 0}, {1.0, 2.0, 3.0, 4.0}, {1.0, 0.0, -0.0, -2.0}), 0);
        sample.system.for_each_drive(sample.x, sample.e, [&](int j, double slope, double) {
            const double expected[] = {1.0, 0.0, 0.0, map == l1 ? -1.0 : 0.0};
            EXPECT_EQ(slope, expected[j]) << model::Maps::names[map] << " " << j;
        });
    }
}

TEST(Observe, SignDescentStaysWhereTheGradientIsZero) {
    // z = B: the residual is zero, and so is every gradient.
    Case c = given({softmax, square, sign_descent}, {0.5, 0.5, 0.5, 0.5}, {0.0, 0.0, 0.0, 0.0});
    const Words still = run_any<double>(c, 1);
    for (std::size_t i = 0; i < still.state[model::state_column::logits].size(); ++i) {
        EXPECT_EQ(still.state[model::state_column::logits][i], 0.0);
        EXPECT_EQ(still.state[model::state_column::projected_values][i], 0.5);
    }
    // Away from it every entry moves by the learning rate.
    c.values[0] = 0.25;
    const Words moved = run_any<double>(c, 1);
    for (int j = 0; j < 4; ++j) {
        EXPECT_EQ(moved.state[model::state_column::projected_values][4 + j], c.values[j] + 0.1);
        EXPECT_EQ(moved.state[model::state_column::logits][4 + j], j == 0 ? -0.1 : 0.1);
    }
}

TEST(Observe, SumOfLogitsThatVanishesIsSingular) {
    const auto status = [](const Case& c) {
        return run_any<double>(c, 1).replica[model::replica_column::status][0];
    };
    EXPECT_EQ(status(given({sum, square, 0}, {1.0, 1.0}, {1.0, -1.0})),
              double(softmaxflow::Status::map_singular));
    EXPECT_EQ(status(given({sum, square, 0}, {1.0, 1.0}, {0.0, -2e-10})),
              double(softmaxflow::Status::map_singular));
    Case frozen = given({sum, square, 0}, {1.0, 1.0}, {0.0, 1e-9});
    frozen.parameters.logit_rate = 0.0;
    EXPECT_EQ(status(frozen), 0.0);

    // With eta lambda = 1 the first step leaves a = eta rho J^T w, which sums to nearly zero; the
    // second step, far from it, no longer shows that.
    Case passing = given({sum, square, 0}, {-0.75, -0.25}, {1.0, 1.0});
    passing.parameters.learning_rate = 1.0;
    passing.parameters.logit_decay = 1.0;
    passing.checkpoints = {0, 1, 2};
    const Words words = run_any<double>(passing, 1);
    EXPECT_LT(std::fabs(words.state[model::state_column::logits][2] +
                        words.state[model::state_column::logits][3]),
              1e-10);
    EXPECT_GT(std::fabs(words.state[model::state_column::logits][4] +
                        words.state[model::state_column::logits][5]),
              1e-3);
    EXPECT_EQ(words.replica[model::replica_column::status][0],
              double(softmaxflow::Status::map_singular));
    passing.checkpoints = {0, 2};
    EXPECT_EQ(status(passing), double(softmaxflow::Status::map_singular));
}

TEST(Observe, StatesThatAreNotFiniteFail) {
    for (const int map : {softmax, sigmoid, l1, l2, relu}) {
        Case c = given({map, exponential, 0}, {-1.0, 1.0}, {0.5, 1.0});
        EXPECT_EQ(run_any<double>(c, 1).replica[model::replica_column::status][0], 0.0)
            << model::Maps::names[map];
        for (const double planted : {model::not_a_number(), inf}) {
            c.logits[1] = planted;
            EXPECT_EQ(run_any<double>(c, 1).replica[model::replica_column::status][0],
                      double(softmaxflow::Status::non_finite))
                << model::Maps::names[map] << " " << planted;
        }
    }
    Case overflowing = given({softmax, exponential, 0}, {-1.0, 1.0}, {0.5, 1.0});
    overflowing.parameters.learning_rate = -1e300;
    EXPECT_EQ(run_any<double>(overflowing, 1).replica[model::replica_column::status][0],
              double(softmaxflow::Status::non_finite));
}

TEST(Observe, RanksFollowTheProjectedValues) {
    constexpr int n = 11, count = 4;
    for (int loss = 0; loss < model::Losses::size; ++loss) {
        Case c(Combination{softmax, loss, momentum});
        c.parameters.ranked = true;
        const Words words = run_any<double>(c, count);
        const auto curve = [&](int checkpoint, int quantity, int rank, int replica) {
            const int index = model::observable_count + quantity * n + rank;
            return words.curves[(checkpoint * words.curve_count + index) * count + replica];
        };
        for (int r = 0; r < count; ++r) {
            std::vector<int> token(n, -1);
            for (int j = 0; j < n; ++j)
                token.at(std::size_t(words.state[model::state_column::rank][r * n + j])) = j;
            EXPECT_EQ(token[0], words.replica[model::replica_column::initial_leader][r]);
            for (int rank = 0; rank < n; ++rank) {
                ASSERT_GE(token[rank], 0) << "two tokens of one rank";
                EXPECT_GE(curve(0, 2, std::max(rank - 1, 0), r), curve(0, 2, rank, r));
            }
            for (int checkpoint = 0; checkpoint < 4; ++checkpoint)
                for (int rank = 0; rank < n; ++rank) {
                    const int place = (r * 4 + checkpoint) * n + token[rank];
                    EXPECT_EQ(curve(checkpoint, 0, rank, r),
                              words.state[model::state_column::probability][place]);
                    EXPECT_EQ(curve(checkpoint, 1, rank, r),
                              words.state[model::state_column::logits][place]);
                }
        }
    }
}

TEST(Observe, EqualTokensRankByIndex) {
    Case c = given({softmax, square, 0}, {1.0, 3.0, 1.0, 3.0, 2.0}, {0.0, 0.0, 0.0, 0.0, 0.0});
    c.parameters.loss_constant = 9.0;
    EXPECT_EQ(run_any<double>(c, 1).state[model::state_column::rank],
              (std::vector<double>{3.0, 0.0, 4.0, 1.0, 2.0}));
    c.parameters.loss_constant = -9.0;  // q < 0 turns the order around
    EXPECT_EQ(run_any<double>(c, 1).state[model::state_column::rank],
              (std::vector<double>{0.0, 3.0, 1.0, 4.0, 2.0}));
}

TEST(Observe, FirstPassageIsExactAndUsesShares) {
    for (const int map : {softmax, sigmoid, sum, l1, l2, relu}) {
        Case c(Combination{map, exponential, gradient_descent});
        c.parameters.logit_mean = 1.0;
        c.parameters.learning_rate = 0.5;
        c.checkpoints.clear();
        for (long long i = 0; i <= 60; ++i) c.checkpoints.push_back(double(i));
        const Words trial = run_any<double>(c, 1);
        const auto largest = [&](int i) {
            return trial.observable(Observable::max_probability, i, 0, 1);
        };
        c.thresholds = {0.5 * largest(0), largest(7), largest(37), 2.0};
        std::sort(c.thresholds.begin(), c.thresholds.end());
        const Words words = run_any<double>(c, 1);
        int reached = 0;
        for (std::size_t t = 0; t < c.thresholds.size(); ++t) {
            double expected = model::not_a_number();
            for (int i = 60; i >= 0; --i)
                if (largest(i) >= c.thresholds[t]) expected = i;
            if (std::isnan(expected)) {
                EXPECT_TRUE(std::isnan(words.replica[model::replica_column::first_passage][t]));
                continue;
            }
            EXPECT_EQ(words.replica[model::replica_column::first_passage][t], expected)
                << model::Maps::names[map];
            reached += expected > 0.0;
        }
        EXPECT_GT(reached, 0) << model::Maps::names[map];
    }
}

}  // namespace
