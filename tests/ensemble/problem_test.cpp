#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "ensemble/random_key.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow {

namespace state_column = model::state_column;
namespace {

Config seeded() {
    Config config;
    config.ensemble.seed = 7;
    return config;
}

Problem problem_of(const Config& config, std::uint64_t cell_key = 1) {
    return make_problem(config, {}, {}, cell_key);
}

// The message of the usage error that make_problem throws; "" if it throws none.
std::string refusal(const Config& config, StartData starts = {}, ObjectiveData objective = {}) {
    try {
        make_problem(config, std::move(starts), std::move(objective), 1);
    } catch (const Error& error) {
        EXPECT_EQ(error.status(), Exit::usage);
        return error.what();
    }
    return "";
}

void expect_mention(const std::string& message, const std::string& what) {
    EXPECT_NE(message.find(what), std::string::npos) << message;
}

TEST(RandomKey, IsSplitmix64) {  // first output of the generator of that name, seed 0
    EXPECT_EQ(scramble(0x9e3779b97f4a7c15), 0xe220a8397b1dcdaf);
}

TEST(RandomKey, DoesNotCollide) {
    std::vector<std::uint64_t> keys;
    for (std::uint64_t seed = 0; seed < 1000; ++seed)
        for (std::uint64_t cell = 0; cell < 1000; ++cell) keys.push_back(random_key(seed, cell));
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

// Flipping one input bit flips about 32 of the 64 output bits: a mean of 10 000 has a standard
// error of 0.04, and fewer than 8 flips have a probability of 1e-10 each.
TEST(RandomKey, ForgetsWhatSeedsHaveInCommon) {
    double flips = 0.0;
    int least = 64;
    for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
        const auto cell = scramble(~seed);
        for (const auto other : {random_key(seed + 1, cell), random_key(seed, cell + 1)}) {
            const int changed = std::popcount(random_key(seed, cell) ^ other);
            flips += changed;
            least = std::min(least, changed);
        }
    }
    EXPECT_NEAR(flips / 20'000, 32.0, 0.2);
    EXPECT_GE(least, 8);
}

TEST(MakeProblem, MixesSeedAndCellUnlessNumbersAreCommon) {
    Config config = seeded();
    EXPECT_EQ(problem_of(config, 3).random_key, random_key(7, 3));
    EXPECT_NE(problem_of(config, 3).random_key, problem_of(config, 4).random_key);
    config.ensemble.common_random_numbers = true;
    EXPECT_EQ(problem_of(config, 3).random_key, problem_of(config, 4).random_key);
    config.ensemble.seed = 8;
    EXPECT_NE(problem_of(config, 3).random_key, random_key(7, 0));
}

TEST(MakeProblem, CountsOutputs) {
    Config config = seeded();
    config.model.dim = 6;
    for (const char* loss : {"logistic", "exponential", "square"}) {
        config.objective.loss = loss;
        EXPECT_EQ(problem_of(config).outputs, 1);
    }
    config.objective.loss = "cross_entropy";
    EXPECT_EQ(problem_of(config).outputs, 6);
    config.objective.loss = "regression";
    config.objective.samples = 20;
    EXPECT_EQ(problem_of(config).outputs, 6);
    config.objective.samples = 4;
    EXPECT_EQ(problem_of(config).outputs, 4);
    config.objective.loss = "classification";
    EXPECT_EQ(problem_of(config).outputs, 4);
    EXPECT_EQ(output_count(config), 4);
}

TEST(MakeProblem, CountsCurves) {
    Config config = seeded();
    config.model.tokens = 5;
    EXPECT_EQ(problem_of(config).curves(), int{model::observable_count});
    config.record.ranked = true;
    EXPECT_EQ(problem_of(config).curves(), model::observable_count + 3 * 5);
}

TEST(MakeProblem, PutsCheckpointsOnALogarithmicGrid) {
    Config config = seeded();
    config.dynamics.iterations = 1'000'000;
    config.record.checkpoint_count = 8;
    const std::vector<double> decades = {0, 1, 10, 100, 1000, 10'000, 100'000, 1'000'000};
    EXPECT_EQ(problem_of(config).checkpoints, decades);

    for (const std::int64_t iterations : {1, 2, 3, 10, 63, 64, 65, 300'000, 1'000'000'000})
        for (const std::int64_t count : {2, 3, 4, 64, 1000}) {
            config.dynamics.iterations = iterations;
            config.record.checkpoint_count = count;
            const auto points = problem_of(config).checkpoints;
            EXPECT_EQ(points.front(), 0);
            EXPECT_EQ(points.back(), iterations);
            EXPECT_LE(static_cast<std::int64_t>(points.size()), std::min(count, iterations + 1));
            EXPECT_TRUE(std::is_sorted(points.begin(), points.end(), std::less_equal<>()));
        }
}

TEST(MakeProblem, StartsTheLogarithmicGridLater) {
    Config config = seeded();
    config.dynamics.iterations = 1'000'000;
    config.record.checkpoint_count = 6;
    config.record.first = 100;
    const std::vector<double> decades = {0, 100, 1000, 10'000, 100'000, 1'000'000};
    EXPECT_EQ(problem_of(config).checkpoints, decades);
    config.record.checkpoint_count = 2;
    EXPECT_EQ(problem_of(config).checkpoints, (std::vector<double>{0, 1'000'000}));
    config.record.checkpoint_count = 64;
    config.record.first = 1'000'000;
    EXPECT_EQ(problem_of(config).checkpoints, (std::vector<double>{0, 1'000'000}));
    for (const double wrong : {1'000'001.0, 2.5, std::numeric_limits<double>::quiet_NaN()}) {
        config.record.first = wrong;
        expect_mention(refusal(config), "record.first");
    }
}

TEST(MakeProblem, PutsCheckpointsOnALinearGrid) {
    Config config = seeded();
    config.dynamics.iterations = 1000;
    config.record.spacing = "linear";
    config.record.checkpoint_count = 5;
    EXPECT_EQ(problem_of(config).checkpoints, (std::vector<double>{0, 250, 500, 750, 1000}));
    config.dynamics.iterations = 3;
    config.record.checkpoint_count = 64;
    EXPECT_EQ(problem_of(config).checkpoints, (std::vector<double>{0, 1, 2, 3}));
}

TEST(MakeProblem, TakesCheckpointsFromAList) {
    Config config = seeded();
    config.dynamics.iterations = 1000;
    config.record.checkpoint_list = {100, 5, 100};
    EXPECT_EQ(problem_of(config).checkpoints, (std::vector<double>{0, 5, 100, 1000}));
    config.record.checkpoint_list = {0, 1000};
    EXPECT_EQ(problem_of(config).checkpoints, (std::vector<double>{0, 1000}));
    for (const double wrong : {-1.0, 0.5, 1001.0, std::numeric_limits<double>::quiet_NaN()}) {
        config.record.checkpoint_list = {wrong};
        expect_mention(refusal(config), "record.checkpoints");
    }
}

Config flow() {
    Config config = seeded();
    config.dynamics.method = "flow";
    config.dynamics.horizon = 1000.0;
    return config;
}

// No rounding to integers, no dependence on `iterations`.
TEST(MakeProblem, PutsCheckpointsOnTheClockOfAFlow) {
    Config config = flow();
    config.dynamics.iterations = 5;
    config.record.checkpoint_count = 11;
    const auto points = problem_of(config).checkpoints;
    ASSERT_EQ(points.size(), 11u);
    EXPECT_EQ(points.front(), 0.0);
    EXPECT_EQ(points[1], 1e-3);  // horizon / 1e6
    EXPECT_EQ(points.back(), 1000.0);
    for (std::size_t i = 2; i < points.size(); ++i)
        EXPECT_NEAR(points[i] / points[i - 1], std::pow(10.0, 6.0 / 9), 1e-13);

    config.record.first = 0.25;
    EXPECT_EQ(problem_of(config).checkpoints[1], 0.25);
    config.record.checkpoint_count = 2;
    EXPECT_EQ(problem_of(config).checkpoints, (std::vector<double>{0, 1000}));
    config.record.checkpoint_count = 5;
    config.record.spacing = "linear";
    config.dynamics.horizon = 0.5;
    EXPECT_EQ(problem_of(config).checkpoints, (std::vector<double>{0, 0.125, 0.25, 0.375, 0.5}));
    config.record.checkpoint_list = {0.3, 1e-5, 0.3};
    EXPECT_EQ(problem_of(config).checkpoints, (std::vector<double>{0, 1e-5, 0.3, 0.5}));
    config.record.checkpoint_list = {0.6};
    expect_mention(refusal(config), "dynamics.horizon = 0.5");
}

TEST(MakeProblem, SpansAnyHorizon) {
    Config config = flow();
    for (const char* clock : {"time", "arc"})
        for (const double horizon : {1e-100, 1e-3, 1.0, 1e6, 1e300}) {
            config.dynamics.clock = clock;
            config.dynamics.horizon = horizon;
            const Problem problem = problem_of(config);
            EXPECT_EQ(problem.checkpoints.size(), 64u) << horizon;
            EXPECT_EQ(problem.checkpoints.back(), horizon);
            EXPECT_TRUE(std::is_sorted(problem.checkpoints.begin(), problem.checkpoints.end(),
                                       std::less_equal<>()));
            for (const double edge : problem.edges) EXPECT_TRUE(std::isfinite(edge)) << horizon;
        }
    for (const double wrong : {0.0, -1.0, std::numeric_limits<double>::infinity()}) {
        config.dynamics.horizon = wrong;
        expect_mention(refusal(config), "dynamics.horizon");
    }
}

TEST(MakeProblem, RefusesWhatMakesNoSense) {
    const auto with = [](auto change) {
        Config config = seeded();
        change(config);
        return refusal(config);
    };
    EXPECT_EQ(refusal(seeded()), "");
    expect_mention(with([](Config& c) { c.model.tokens = 0; }), "model.tokens = 0");
    expect_mention(with([](Config& c) { c.model.dim = -2; }), "model.dim = -2");
    expect_mention(with([](Config& c) { c.dynamics.iterations = 0; }), "dynamics.iterations");
    expect_mention(with([](Config& c) { c.ensemble.replicas = 0; }), "ensemble.replicas");
    expect_mention(with([](Config& c) { c.record.bins = 0; }), "record.bins");
    expect_mention(with([](Config& c) { c.record.checkpoint_count = 1; }), "record.checkpoints");
    expect_mention(with([](Config& c) { c.ensemble.seed.reset(); }), "ensemble.seed");
    expect_mention(with([](Config& c) { c.objective.loss = "hinge"; }), "logistic");
}

TEST(MakeProblem, RefusesFilesOfOtherShapes) {
    Config config = seeded();
    config.model.tokens = 3;
    config.model.dim = 2;
    config.ensemble.replicas = 5;
    StartData starts;
    starts.replicas = 5;
    starts.values.resize(30);
    starts.logits.resize(15);
    starts.target.resize(10);
    EXPECT_EQ(refusal(config, starts), "");
    auto wrong = starts;
    wrong.values.pop_back();
    expect_mention(refusal(config, wrong), "values holds 29 numbers");
    wrong = starts;
    wrong.replicas = 4;
    expect_mention(refusal(config, wrong), "ensemble.replicas = 5");

    config.objective.loss = "cross_entropy";
    ObjectiveData objective;
    objective.distribution = {0.5, 0.25, 0.25};
    expect_mention(refusal(config, {}, objective), "distribution holds 3");
    objective.distribution = {0.5, 0.5};
    EXPECT_EQ(refusal(config, {}, objective), "");
}

// Of 2 states with 3 tokens and 1 output.
RestartData restart_at(double checkpoint) {
    RestartData restart;
    restart.replicas = 2;
    restart.checkpoint = checkpoint;
    restart.columns[state_column::logits].resize(6);
    restart.columns[state_column::projected_values].resize(6);
    restart.columns[state_column::metric].resize(2);
    restart.columns[state_column::response].resize(2);
    restart.columns[state_column::loss_floor].resize(2);
    restart.columns[state_column::target].resize(4);
    restart.columns[state_column::arc].resize(2);
    restart.columns[state_column::initial_leader].resize(2);
    restart.columns[state_column::rank].resize(6);
    return restart;
}

Config restarted() {
    Config config = seeded();
    config.model.tokens = 3;
    config.model.dim = 2;
    config.ensemble.replicas = 2;
    config.dynamics.iterations = 10'000;
    config.record.checkpoint_count = 20;
    return config;
}

// The restart records where the whole run does, so that the two can be compared.
TEST(MakeProblem, GoesOnAtTheCheckpointsOfTheWholeRun) {
    Config config = restarted();
    for (const char* kind : {"log", "linear", "list"}) {
        config.record.spacing = kind == std::string("linear") ? kind : "log";
        if (kind == std::string("list")) config.record.checkpoint_list = {3, 50, 777, 9000};
        const auto whole = problem_of(config).checkpoints;
        for (const double start : {0.0, 1.0, whole[2], whole[3] + 1, 9999.0}) {
            const Problem problem = make_problem(config, {}, {}, 1, restart_at(start));
            std::vector<double> expected = {start};
            for (const double iteration : whole)
                if (iteration > start) expected.push_back(iteration);
            EXPECT_EQ(problem.checkpoints, expected) << kind << ' ' << start;
            EXPECT_EQ(problem.restart.checkpoint, start);
        }
    }
    for (const double late : {10'000.0, 10'001.0}) {
        try {
            make_problem(config, {}, {}, 1, restart_at(late));
            ADD_FAILURE() << "no error";
        } catch (const Error& error) {
            EXPECT_EQ(error.status(), Exit::usage);
            expect_mention(error.what(), "dynamics.iterations = 10000, but init.file holds states");
        }
    }
}

TEST(MakeProblem, GoesOnWithAFlow) {
    Config config = restarted();
    config.dynamics.method = "flow";
    config.dynamics.horizon = 10.0;
    config.record.checkpoint_list = {0.5, 2.5, 7.25};
    RestartData restart = restart_at(2.5);
    restart.columns[state_column::clock] = {2.5, 1.75};  // the second had converged
    restart.columns[state_column::log_time] = {0.9, 0.5};
    restart.columns[state_column::step_size] = {0.1, 0.2};
    restart.columns[state_column::controller] = {1, 0, 1, 0};
    EXPECT_EQ(make_problem(config, {}, {}, 1, restart).checkpoints,
              (std::vector<double>{2.5, 7.25, 10}));
    const auto refused = [&](RestartData data) -> std::string {
        try {
            make_problem(config, {}, {}, 1, std::move(data));
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    RestartData wrong = restart;
    wrong.columns[state_column::step_size].clear();
    expect_mention(refused(wrong), "step_size is missing");
    wrong = restart;
    wrong.columns[state_column::controller].pop_back();
    expect_mention(refused(wrong), "controller holds 3 numbers");
    wrong = restart;
    wrong.checkpoint = 10.0;
    expect_mention(refused(wrong),
                   "dynamics.horizon = 10, but init.file holds states at the clock");
}

TEST(MakeProblem, RefusesStatesOfOtherShapes) {
    const auto with = [](auto change) -> std::string {
        RestartData restart = restart_at(5);
        change(restart);
        try {
            make_problem(restarted(), {}, {}, 1, restart);
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(with([](RestartData&) {}), "");
    expect_mention(with([](RestartData& r) { r.replicas = 3; }), "init.file holds 3 starts");
    expect_mention(with([](RestartData& r) { r.columns[state_column::logits].pop_back(); }),
                   "logits holds 5 numbers");
    expect_mention(with([](RestartData& r) { r.columns[state_column::metric].resize(3); }),
                   "metric holds 3 numbers");
    expect_mention(with([](RestartData& r) { r.columns[state_column::rank].clear(); }),
                   "rank is missing");
    expect_mention(with([](RestartData& r) {
                       r.columns[state_column::memory(state_column::memory_logits, 1)].resize(7);
                   }),
                   "memory of the method holds 7 numbers");
}

}  // namespace
}  // namespace softmaxflow
