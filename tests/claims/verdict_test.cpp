// The tester tested: counts, intervals, rulings and verdicts from planted results.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <random>

#include "claims/check.hpp"
#include "claims/measured/page_trend.hpp"
#include "claims/pass.hpp"
#include "softmaxflow/model/claims/claim_list.hpp"

namespace softmaxflow::claims {

namespace replica_column = model::replica_column;
namespace state_column = model::state_column;
namespace {

Tally planted(std::int64_t tested, std::int64_t confirmed) {
    Tally tally;
    tally.draws = tested;
    tally.confirmed = confirmed;
    return tally;
}

TEST(Judgement, IntervalsCoverPlantedRates) {
    constexpr int repeats = 300, n = 2000;
    constexpr double level = 0.95;
    std::mt19937_64 generator(7);
    std::map<std::int64_t, Judgement> known;
    for (const double rate : {0.0, 1e-4, 0.01, 0.5, 1.0}) {
        int two_sided = 0, one_sided = 0;
        for (int i = 0; i < repeats; ++i) {
            const auto k = std::binomial_distribution<std::int64_t>(n, rate)(generator);
            if (!known.contains(k)) known[k] = judge(planted(n, k), level);
            const Judgement& judgement = known[k];
            two_sided += judgement.rate.low <= rate && rate <= judgement.rate.high ? 1 : 0;
            one_sided += rate <= judgement.upper_one_sided ? 1 : 0;
        }
        // Four standard deviations of the count below the nominal 95 %.
        EXPECT_GE(two_sided, 0.95 * repeats - 4 * std::sqrt(0.95 * 0.05 * repeats)) << rate;
        EXPECT_GE(one_sided, 0.95 * repeats - 4 * std::sqrt(0.95 * 0.05 * repeats)) << rate;
    }
}

TEST(Judgement, NoneAndAllHaveClosedForms) {
    const double alpha = 1.0 - corrected_level(0.95, 14);
    EXPECT_NEAR(alpha, 0.05 / 14, 1e-15);
    const Judgement none = judge(planted(1000, 0), 1.0 - alpha);
    EXPECT_EQ(none.verdict, Verdict::not_refuted);
    EXPECT_EQ(none.rate.low, 0.0);
    EXPECT_NEAR(none.rate.high, 1.0 - std::pow(alpha / 2, 1e-3), 1e-15);
    EXPECT_NEAR(none.upper_one_sided, 1.0 - std::pow(0.05, 1e-3), 1e-15);
    const Judgement all = judge(planted(1000, 1000), 1.0 - alpha);
    EXPECT_EQ(all.verdict, Verdict::refuted);
    EXPECT_NEAR(all.rate.low, std::pow(alpha / 2, 1e-3), 1e-15);
    EXPECT_EQ(all.rate.high, 1.0);
    EXPECT_EQ(all.upper_one_sided, 1.0);
}

TEST(Judgement, NothingTestedIsVacuous) {
    Tally tally;
    EXPECT_EQ(judge(tally, 0.95).verdict, Verdict::vacuous);
    tally.draws = 10;
    tally.excluded = 7;
    tally.failed = 3;
    EXPECT_EQ(tally.tested(), 0);
    EXPECT_EQ(judge(tally, 0.95).verdict, Verdict::vacuous);
}

TEST(Judgement, WorstCaseCountsUndecidedAndFailed) {
    Tally tally = planted(100, 0);
    tally.draws = 110;
    tally.failed = 10;
    tally.undecided = 5;
    const Judgement judgement = judge(tally, 0.95);
    EXPECT_EQ(judgement.verdict, Verdict::undecided);
    EXPECT_EQ(judgement.rate.k, 0);
    EXPECT_EQ(judgement.rate.low, 0.0);
    EXPECT_EQ(judgement.worst.k, 15);
    EXPECT_EQ(judgement.worst.n, 110);
}

/// Also where violations were confirmed and others left: as a check of many candidates leaves them.
TEST(Judgement, UpperBoundsCountWhatIsUndecided) {
    Tally tally = planted(100, 4);
    const Proportion four = judge(tally, 0.95).rate;
    tally.undecided = 96;
    const Judgement judgement = judge(tally, 0.95);
    EXPECT_EQ(judgement.verdict, Verdict::refuted);
    EXPECT_EQ(judgement.rate.low, four.low);
    EXPECT_EQ(judgement.rate.high, 1.0);
    EXPECT_EQ(judgement.upper_one_sided, 1.0);
    EXPECT_LT(four.high, 0.2);
}

/// 0.99 of a rate of 0.5 % in 1000 draws is seen at least once.
TEST(Judgement, HasThePowerThatTheNumberOfDrawsGives) {
    constexpr int repeats = 400;
    std::mt19937_64 generator(3);
    std::map<std::int64_t, Verdict> known;
    int seen = 0;
    for (int i = 0; i < repeats; ++i) {
        const auto k = std::binomial_distribution<std::int64_t>(1000, 0.005)(generator);
        if (!known.contains(k)) known[k] = judge(planted(1000, k), 0.95).verdict;
        seen += known[k] == Verdict::refuted ? 1 : 0;
    }
    const double power = 1.0 - std::pow(1.0 - 0.005, 1000);
    EXPECT_NEAR(seen, power * repeats, 4 * std::sqrt(power * (1 - power) * repeats));
}

Trial trial(Precision precision, double margin) {
    Trial trial;
    trial.precision = precision;
    trial.margin = margin;
    return trial;
}
Adjudication ruled(double quad, double hundred) {
    return rule({trial(Precision::f64, -1e-15), trial(Precision::f64, -1e-15),
                 trial(Precision::f113, quad), trial(Precision::d100, hundred)},
                8.0);
}

TEST(Adjudication, LastTwoStagesDecide) {
    EXPECT_EQ(ruled(-1e-3, -1e-3), Adjudication::confirmed);
    EXPECT_EQ(ruled(1e-17, 1e-17), Adjudication::dismissed);
    EXPECT_EQ(ruled(0.0, 0.0), Adjudication::dismissed);
    EXPECT_EQ(ruled(-1e-40, -1e-110), Adjudication::dismissed);  // rounding of either format
    EXPECT_EQ(ruled(-1e-20, 1e-20), Adjudication::undecided);
    EXPECT_EQ(ruled(1e-20, -1e-20), Adjudication::undecided);
    EXPECT_EQ(ruled(-1e-20, -1.2e-20), Adjudication::undecided);  // not ten times the difference
    EXPECT_EQ(ruled(-1e-20, -1.05e-20), Adjudication::confirmed);
}

/// Delivers blocks with margins, traits and states that the test chose.
class PlantedBackend : public Backend {
public:
    std::function<void(BlockResult&, std::int64_t replica)> plant;

    [[nodiscard]] std::string name() const override { return "planted"; }
    [[nodiscard]] std::vector<Device> devices() const override { return {}; }
    [[nodiscard]] Support supports(const Problem&) const override { return {}; }
    void run(const Problem&, ReplicaRange range, const BlockSink& deliver,
             const Progress&) override {
        // The last block first: counts must not depend on the order.
        for (std::int64_t end = range.count; end > 0; end = (end - 1) / block_size * block_size) {
            BlockResult block;
            block.first = (end - 1) / block_size * block_size;
            block.count = end - block.first;
            const auto count = static_cast<std::size_t>(block.count);
            const std::size_t size = model::MonitoredClaims::size * count;
            block.replicas[replica_column::margin].assign(size, 1.0);
            block.replicas[replica_column::margin_clock].assign(size, 2.5);
            block.replicas[replica_column::increment].assign(size, 0.0);
            for (std::int64_t i = 0; i < block.count; ++i) {
                block.replicas[replica_column::status].push_back(0.0);
                block.replicas[replica_column::start_traits].push_back(model::decided_by_replica);
                plant(block, block.first + i);
            }
            deliver(std::move(block));
        }
    }
};

TEST(Pass, CountsExcludedFailedAndSuspects) {
    const Claim& claim = find_claim("value_gaps_grow");
    Problem problem;
    problem.config.ensemble.replicas = 1000;
    problem.outputs = 1;
    PlantedBackend backend;
    backend.plant = [&](BlockResult& block, std::int64_t replica) {
        const auto i = static_cast<std::size_t>(replica - block.first);
        double& margin =
            block.replicas[replica_column::margin][i * model::MonitoredClaims::size +
                                                   static_cast<std::size_t>(claim.monitored)];
        margin = 0.5;
        if (replica % 10 == 0)
            block.replicas[replica_column::start_traits][i] -=
                static_cast<unsigned>(model::no_ties);
        if (replica % 10 == 1)
            block.replicas[replica_column::status][i] = static_cast<double>(Status::step_limit);
        if (replica % 10 == 2) margin = std::numeric_limits<double>::infinity();
        if (replica % 10 == 3) margin = -1e-16;  // within the tolerance, 8 units
        if (replica % 100 == 4) margin = -1e-3 * static_cast<double>(replica);
    };
    const Tally tally = run_pass(problem, {&claim}, backend, nullptr).front();
    EXPECT_EQ(tally.draws, 1000);
    EXPECT_EQ(tally.excluded, 200);  // those of ties, and those that never took a step
    EXPECT_EQ(tally.failed, 100);
    EXPECT_EQ(tally.tested(), 700);
    ASSERT_EQ(tally.candidates.size(), 10U);
    EXPECT_EQ(tally.candidates.front().replica, 4);
    EXPECT_EQ(tally.candidates.back().replica, 904);
    EXPECT_EQ(tally.smallest_replica, 904);
    EXPECT_EQ(tally.smallest_margin, -0.904);
    EXPECT_EQ(tally.smallest_clock, 2.5);
}

TEST(Catalogue, IdsAreDistinctAndTwinsExist) {
    for (const Claim& claim : all_claims()) {
        EXPECT_EQ(&find_claim(claim.id), &claim) << claim.id;
        EXPECT_FALSE(claim.statement.empty() || claim.because.empty()) << claim.id;
        if (claim.monitored >= 0) {
            EXPECT_NE(claim.mutant, model::Mutant::none) << claim.id;
            EXPECT_GT(claim.tolerance(2, 1), 0.0) << claim.id;
        }
    }
    EXPECT_THROW((void)find_claim("value_gaps_shrink"), Error);
}

TEST(PageTrend, HasTheMomentsOfRandomRanks) {
    // All orders of three values: L has mean 12 and variance 2, exactly.
    std::vector<double> order = {1, 2, 3};
    double sum = 0, square = 0, z_square = 0;
    int count = 0;
    do {
        const PageTrend trend = page_trend({order});
        sum += trend.statistic;
        square += trend.statistic * trend.statistic;
        z_square += trend.z * trend.z;
        ++count;
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_DOUBLE_EQ(sum / count, 12.0);
    EXPECT_DOUBLE_EQ(square / count - 144.0, 2.0);
    EXPECT_NEAR(z_square / count, 1.0, 1e-12);
    EXPECT_EQ(page_trend({{1, 2, 3}, {1, 2, 3}}).statistic, 28.0);
    EXPECT_NEAR(page_trend({{5, 5, 5}}).z, 0.0, 1e-12);  // ties share their ranks
    EXPECT_LT(page_trend(std::vector<std::vector<double>>(20, {1, 2, 3})).p, 1e-8);
    EXPECT_GT(page_trend(std::vector<std::vector<double>>(20, {3, 2, 1})).p, 1 - 1e-8);
}

}  // namespace
}  // namespace softmaxflow::claims
