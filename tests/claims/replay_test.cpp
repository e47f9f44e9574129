// Replays in more digits: their arithmetic, their integrator, and that they repeat a run.
#include <gtest/gtest.h>

#include <cmath>

#include "claims/big.hpp"
#include "claims/pass.hpp"
#include "claims/replay.hpp"
#include "ensemble/derived_problem.hpp"
#include "softmaxflow/ensemble.hpp"

namespace softmaxflow::claims {
namespace {

template <class Real>
class BigNumbers : public ::testing::Test {};
using Formats = ::testing::Types<model::Quad, model::Hundred>;
TYPED_TEST_SUITE(BigNumbers, Formats);

TYPED_TEST(BigNumbers, ExponentialIsGoodToItsFormat) {
    using Number = typename TypeParam::Number;
    // 2^-8 of the bits of the shorter format are lost to squarings, 2^-14 of the longer.
    const Number bound = boost::multiprecision::ldexp(std::numeric_limits<Number>::epsilon(), 18);
    for (double x = -700.3; x < 700; x += 37.17) {
        const Number exact = boost::multiprecision::exp(Number(x));
        const Number got = model::exp(TypeParam(x)).v;
        EXPECT_LT(boost::multiprecision::abs(got / exact - 1), bound) << x;
    }
    EXPECT_EQ(static_cast<double>(model::exp(TypeParam(0.0))), 1.0);
    EXPECT_EQ(static_cast<double>(model::exp(TypeParam(-1e30))), 0.0);
}

Problem small_flow() {
    Config config;
    config.model.tokens = 4;
    config.model.dim = 4;
    config.dynamics.method = "flow";
    config.dynamics.clock = "arc";
    config.dynamics.horizon = 30.0;
    config.ensemble.replicas = 20;
    config.ensemble.seed = 5;
    return make_problem(config, {}, {}, 0);
}

class Replay : public ::testing::Test {
protected:
    Replay() : backend(make_cpu_backend({1, ""})) {}

    Problem replica(const Claim& claim, std::int64_t r) {
        const Problem monitored = monitored_problem(small_flow(), {&claim}, 30.0, false);
        return one_replica(monitored, start_of(monitored, *backend, r));
    }

    std::unique_ptr<Backend> backend;
};

TEST_F(Replay, RepeatsTheBitsOfTheRun) {
    const Claim& claim = find_claim("majorization");
    const Problem monitored = monitored_problem(small_flow(), {&claim}, 30.0, false);
    std::vector<double> margins, clocks;
    backend->run(
        monitored, {0, 20},
        [&](BlockResult&& block) {
            for (std::int64_t i = 0; i < 20; ++i) {
                margins.push_back(
                    claims::monitored(block, i, claim, model::replica_column::margin));
                clocks.push_back(
                    claims::monitored(block, i, claim, model::replica_column::margin_clock));
            }
        },
        nullptr);
    for (const std::int64_t r : {0, 7, 19}) {
        const Trial trial = first_trial(replica(claim, r), claim, *backend);
        EXPECT_EQ(trial.margin, margins[r]);
        EXPECT_EQ(trial.clock, clocks[r]);
    }
}

TEST_F(Replay, MarginsAgreeAcrossPrecisions) {
    const Claim& claim = find_claim("leader_gap_grows");
    const Problem one = replica(claim, 3);
    const Trial first = first_trial(one, claim, *backend);
    const Trial half = replay_margin(one, claim, first.clock, Precision::f64, 1e-12);
    const Trial quad = replay_margin(one, claim, first.clock, Precision::f113, 1e-20);
    const Trial last = replay_margin(one, claim, first.clock, Precision::d100, 1e-30);
    EXPECT_NEAR(first.margin, last.margin, 1e-7);
    EXPECT_NEAR(half.margin, last.margin, 1e-9);
    EXPECT_NEAR(quad.margin, last.margin, 1e-15);
    EXPECT_NE(quad.digits, last.digits);
}

/// Item 1 of the exact results: the sum of u grows by kappa_t tau, that of a not at all.
TEST_F(Replay, KeepsTheSumsToManyDigits) {
    const Claim& claim = find_claim("order_preserved");
    Problem one = replica(claim, 0);
    one.checkpoints = {0.0, 30.0};
    const StateRecord state = replay_states(one, Precision::f113, 1e-20);
    double before = 0, after = 0, logits = 0;
    for (int j = 0; j < 4; ++j) {
        before += state.columns[model::state_column::projected_values][j];
        after += state.columns[model::state_column::projected_values][4 + j];
        logits += state.columns[model::state_column::logits][4 + j];
    }
    EXPECT_NEAR(after - before, 30.0, 1e-13);
    EXPECT_NEAR(logits, 0.0, 1e-14);
}

TEST_F(Replay, IntegratorConvergesWithItsTolerance) {
    const Claim& claim = find_claim("value_gaps_grow");
    const Problem one = replica(claim, 1);
    const auto margin = [&](double rtol) {
        return replay_margin(one, claim, 20.0, Precision::f113, rtol).margin;
    };
    const double exact = replay_margin(one, claim, 20.0, Precision::f113, 1e-24).margin;
    EXPECT_LT(std::abs(margin(1e-6) - exact), 1e-5);
    EXPECT_LT(std::abs(margin(1e-12) - exact), 1e-11);
}

}  // namespace
}  // namespace softmaxflow::claims
