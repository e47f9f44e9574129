// The CUDA backend on a host that plays the device: the same kernels, the same words as the CPU's.

#include <atomic>

#include "backend/cuda/rtc.hpp"
#include "backend/host/make_parameters.hpp"
#include "conformance.hpp"
#include "fake_device.hpp"
#include "softmaxflow/model/claims/claim_list.hpp"
#include "softmaxflow/model/numerics/merged_moments.hpp"
#include "stats/exact_sum.hpp"

using namespace conformance;

namespace {

/// The words of every block but its counts and moments, and those of all blocks together: a
/// backend may count several blocks at once.
struct Outcome {
    Blocks blocks;
    std::vector<std::uint64_t> counts, moments;
    bool operator==(const Outcome&) const = default;
};

std::vector<std::uint64_t> own_words(BlockResult block) {
    block.counts.clear();
    block.moments.clear();
    return words(block);
}

/// Exact sums of all blocks at one place, whether a block has moments or several together.
class Place {
public:
    void add(const BlockResult& block, std::size_t place) {
        if (!block.moments.empty()) model::merge(model::Solo{}, all_, block.moments[place]);
        if (block.merged_moments.empty()) return;
        const MergedMoments& m = block.merged_moments[place];
        sum_.add(m.sum);
        squares_.add(m.sum_of_squares);
        all_.min = std::min(all_.min, m.min);
        all_.max = std::max(all_.max, m.max);
        all_.finite += m.finite;
    }
    void append_to(std::vector<std::uint64_t>& words) {
        sum_.add(all_.sum);
        squares_.add(all_.sum_of_squares);
        for (const ExactSum* sum : {&sum_, &squares_})
            for (const auto digit : sum->magnitude().digits) words.push_back(digit);
        for (const auto x : {all_.min, all_.max, all_.finite})
            words.push_back(static_cast<std::uint64_t>(x));
    }

private:
    ExactSum sum_, squares_;
    MergedMoments all_ = model::no_moments();
};

Outcome outcome(const Problem& problem, Backend& backend) {
    Outcome all;
    std::vector<Place> places(static_cast<std::size_t>(problem.curves()) *
                              problem.checkpoints.size());
    for (auto& [first, block] : results(problem, backend)) {
        all.counts.resize(std::max(all.counts.size(), block.counts.size()));
        for (std::size_t i = 0; i < block.counts.size(); ++i) all.counts[i] += block.counts[i];
        for (std::size_t i = 0; i < places.size(); ++i) places[i].add(block, i);
        all.blocks[first] = own_words(block);
    }
    for (Place& place : places) place.append_to(all.moments);
    return all;
}

Problem problem_of(const Config& config) { return make_problem(config, {}, {}, 42); }

std::unique_ptr<Backend> cpu_backend() { return make_cpu_backend({1, ""}); }

Config flow_config(const std::string& loss) {
    Config config = small_config("softmax", loss, "flow");
    config.dynamics.horizon = 30.0;
    config.dynamics.rtol = 1e-6;
    config.dynamics.atol = 1e-9;
    config.record.first = 0.0;
    return config;
}

TEST(Cuda, GivesTheWordsOfTheCpu) {
    for (const char* map : {"softmax", "sigmoid", "sum", "l2"})
        for (const char* loss : {"logistic", "regression", "classification", "cross_entropy"}) {
            const char* method = std::string(map) == "softmax" ? "adam" : "momentum";
            const Problem problem = problem_of(small_config(map, loss, method));
            const auto device = std::make_shared<fake::Device>();
            EXPECT_EQ(outcome(problem, *cpu_backend()), outcome(problem, *fake::backend(device)))
                << map << " " << loss;
            EXPECT_EQ(device->behaviour.used, 0U);
        }
}

TEST(Cuda, FixedShapesAndLanesGiveTheSameWords) {
    const Problem problem = problem_of(small_config("logistic", "gradient_descent"));
    const Outcome expected = outcome(problem, *cpu_backend());
    for (const int lanes : {0, 1, 2}) {
        const auto device = std::make_shared<fake::Device>();
        EXPECT_EQ(expected, outcome(problem, *fake::backend(device, lanes))) << lanes;
    }
    // More tokens than one lane should have: a team.
    Config config = small_config("cross_entropy", "gradient_descent");
    config.model.tokens = 100;
    config.ensemble.replicas = 5;
    config.record.states = 2;
    const Problem wide = problem_of(config);
    EXPECT_EQ(outcome(wide, *cpu_backend()),
              outcome(wide, *fake::backend(std::make_shared<fake::Device>())));
}

/// More than a warp should have: a block.
TEST(Cuda, ABlockForAReplicaGivesTheSameWords) {
    for (const char* precision : {"f64", "f32"}) {
        Config config = small_config("logistic", "gradient_descent");
        config.backend.precision = precision;
        config.model.tokens = 2100;
        config.dynamics.iterations = 4;
        config.record.checkpoint_count = 2;
        config.ensemble.replicas = config.record.states = 2;
        const Problem problem = problem_of(config);
        EXPECT_EQ(cuda::lanes_of_any(problem, host::make_kernel_key(problem)), 256);
        EXPECT_EQ(outcome(problem, *cpu_backend()),
                  outcome(problem, *fake::backend(std::make_shared<fake::Device>())));
    }
}

TEST(Cuda, TheShapeIsAsWideAsAReplicaNeeds) {
    const struct {
        std::int64_t tokens;
        int lanes, threads;
    } cases[] = {{8, 1, 128}, {32, 2, 128}, {512, 32, 128}, {1000, 64, 64}, {4000, 256, 256}};
    for (const auto& c : cases) {
        Config config = small_config("logistic", "gradient_descent");
        config.model.tokens = c.tokens;
        const Problem problem = problem_of(config);
        const auto specialisation =
            cuda::specialisation_of(problem, host::make_kernel_key(problem));
        ASSERT_TRUE(specialisation) << c.tokens;
        EXPECT_EQ(specialisation->lanes, c.lanes) << c.tokens;
        EXPECT_EQ(specialisation->threads, c.threads) << c.tokens;
        // All blocks that should fit a multiprocessor leave every thread registers for its numbers.
        EXPECT_GE(65536 / (specialisation->blocks * specialisation->threads), 2 * 48) << c.tokens;
    }
    Config config = small_config("logistic", "gradient_descent");
    config.model.tokens = 100'000;
    const Problem problem = problem_of(config);
    EXPECT_FALSE(cuda::specialisation_of(problem, host::make_kernel_key(problem)));
}

/// All claims at once, and the wrong dynamics of their tests.
Problem monitored(const Config& config, model::Mutant mutant) {
    Problem problem = problem_of(config);
    problem.monitor.claims = (std::uint64_t{1} << model::MonitoredClaims::size) - 1;
    problem.monitor.sorted = true;
    problem.monitor.mutant = static_cast<int>(mutant);
    return problem;
}

TEST(Cuda, MarginsOfClaimsAlongAFlowAreThoseOfTheCpu) {
    for (const char* loss : {"logistic", "regression"})
        for (const char* stiff : {"off", "auto"}) {
            Config config = flow_config(loss);
            config.dynamics.clock = "arc";
            config.dynamics.stiff = stiff;
            const Problem problem = monitored(config, model::Mutant::none);
            const Outcome expected = outcome(problem, *cpu_backend());
            EXPECT_EQ(expected, outcome(problem, *fake::backend(std::make_shared<fake::Device>())))
                << loss << " " << stiff;
            EXPECT_NE(expected, outcome(monitored(config, model::Mutant::reversed), *cpu_backend()))
                << loss;
        }
}

TEST(Cuda, MarginsOfClaimsAlongDescentAreThoseOfTheCpu) {
    for (const char* method : {"gradient_descent", "adam"})
        for (const auto mutant : {model::Mutant::none, model::Mutant::swapped}) {
            Config config = small_config("logistic", method);
            config.dynamics.iterations = 1500;  // several launches
            const Problem problem = monitored(config, mutant);
            EXPECT_EQ(outcome(problem, *cpu_backend()),
                      outcome(problem, *fake::backend(std::make_shared<fake::Device>())))
                << method;
        }
}

TEST(Cuda, StepsInF32GiveTheWordsOfTheCpu) {
    for (const char* loss : {"logistic", "classification"}) {
        Config config = small_config("sum", loss, "adam");
        config.backend.precision = "f32";
        config.dynamics.iterations = 1500;  // several launches
        const Problem problem = problem_of(config);
        EXPECT_EQ(outcome(problem, *cpu_backend()),
                  outcome(problem, *fake::backend(std::make_shared<fake::Device>())))
            << loss;
    }
}

TEST(Cuda, FlowGivesTheWordsOfTheCpu) {
    // Of 35 tokens and more a replica with one output has a team.
    const struct {
        const char *loss, *clock, *stiff;
        int order, tokens, lanes;
    } cases[] = {
        {"logistic", "arc", "auto", 5, 8, 1},       {"logistic", "time", "auto", 8, 8, 1},
        {"cross_entropy", "time", "auto", 5, 8, 1}, {"cross_entropy", "arc", "on", 3, 8, 1},
        {"logistic", "arc", "auto", 5, 35, 32},     {"square", "time", "auto", 8, 35, 32},
        {"logistic", "time", "on", 3, 35, 32},      {"regression", "time", "off", 3, 35, 1}};
    for (const auto& c : cases) {
        Config config = flow_config(c.loss);
        config.model.tokens = c.tokens;
        if (c.lanes > 1) {
            config.dynamics.horizon = 3.0;
            config.ensemble.replicas = 9;
            config.record.states = 3;
        }
        config.dynamics.clock = c.clock;
        config.dynamics.stiff = c.stiff;
        config.dynamics.order = c.order;
        const Problem problem = problem_of(config);
        EXPECT_EQ(cuda::lanes_of_flow(problem, host::make_kernel_key(problem)), c.lanes);
        EXPECT_EQ(outcome(problem, *cpu_backend()),
                  outcome(problem, *fake::backend(std::make_shared<fake::Device>())))
            << c.loss << " " << c.clock << " " << c.order << " " << c.tokens;
    }
}

TEST(Cuda, FlowInF32GivesTheWordsOfTheCpu) {
    for (const int tokens : {8, 35}) {
        Config config = flow_config(tokens == 8 ? "classification" : "logistic");
        config.model.tokens = tokens;
        config.ensemble.replicas = tokens == 8 ? block_size + 3 : 9;
        config.record.states = 3;
        config.backend.precision = "f32";
        config.dynamics.rtol = 1e-4;
        config.dynamics.atol = 1e-5;
        const Problem problem = problem_of(config);
        EXPECT_EQ(outcome(problem, *cpu_backend()),
                  outcome(problem, *fake::backend(std::make_shared<fake::Device>())))
            << tokens;
    }
}

/// Steps compiled for the shape, by one lane and by a team, between initializations and records
/// that are not; some replicas go on with the implicit method, which is not either.
TEST(Cuda, FixedShapesOfAFlowGiveTheSameWords) {
    for (const char* clock : {"arc", "time"}) {
        Config config = flow_config("logistic");
        config.dynamics.clock = clock;
        config.dynamics.rtol = 1e-3;
        if (config.dynamics.clock == "time") config.dynamics.value_decay = 1.0;
        config.dynamics.horizon = config.dynamics.clock == "time" ? 3000.0 : 30.0;
        const Problem problem = problem_of(config);
        const auto specialisation =
            cuda::specialisation_of(problem, host::make_kernel_key(problem));
        ASSERT_TRUE(specialisation && specialisation->flow && specialisation->lanes == 2 &&
                    specialisation->method == "Tsitouras");
        const Outcome expected = outcome(problem, *cpu_backend());
        for (const int lanes : {0, 1, 4})
            EXPECT_EQ(expected,
                      outcome(problem, *fake::backend(std::make_shared<fake::Device>(), lanes)))
                << clock << " " << lanes;
        config.dynamics.stiff = "off";
        if (config.dynamics.clock == "arc") continue;
        EXPECT_NE(expected, outcome(problem_of(config), *cpu_backend())) << "none was left";
    }
}

/// Teams take replicas from one queue, leave stiff ones to the other method, and find them there.
TEST(Cuda, TeamsShareTheQueuesOfAFlow) {
    Config config = flow_config("square");
    config.model.tokens = 35;
    config.ensemble.replicas = block_size + 9;
    config.record.states = 0;
    config.dynamics.rtol = 1e-3;
    config.dynamics.atol = 1e-4;
    config.dynamics.clock = "time";
    config.dynamics.horizon = 3000.0;
    config.dynamics.value_decay = 1.0;  // stiff beside so long a run
    const Problem problem = problem_of(config);
    const Outcome expected = outcome(problem, *cpu_backend());
    config.dynamics.stiff = "off";
    EXPECT_NE(expected, outcome(problem_of(config), *cpu_backend())) << "none was left";
    EXPECT_EQ(expected, outcome(problem, *fake::backend(std::make_shared<fake::Device>())));
}

TEST(Cuda, TwoDevicesShareARun) {
    Config config = small_config("logistic", "gradient_descent");
    config.ensemble.replicas = 9 * block_size + 5;
    const Problem problem = problem_of(config);
    const auto one = std::make_shared<fake::Device>(), other = std::make_shared<fake::Device>();
    for (const auto& device : {one, other}) device->behaviour.largest = 400 << 10;  // small batches
    EXPECT_EQ(outcome(problem, *cpu_backend()),
              outcome(problem, *cuda::make_backend({one, other}, fake::specialise(1))));
    EXPECT_GT(one->behaviour.launches, 0);
    EXPECT_GT(other->behaviour.launches, 0);
}

TEST(Cuda, HalvesBatchesThatDoNotFit) {
    Config config = small_config("logistic", "gradient_descent");
    config.ensemble.replicas = 40 * block_size;
    config.record.states = 0;
    const Problem problem = problem_of(config);
    const auto device = std::make_shared<fake::Device>();
    device->behaviour.memory = 4 << 20;
    device->behaviour.largest = std::size_t{1} << 30;  // others take the memory meanwhile
    EXPECT_EQ(outcome(problem, *cpu_backend()), outcome(problem, *fake::backend(device, 1)));
    EXPECT_GT(device->behaviour.out_of_memory, 0);
    EXPECT_EQ(device->behaviour.used, 0U);
}

TEST(Cuda, SaysWhenNotEvenABlockFits) {
    const auto device = std::make_shared<fake::Device>();
    device->behaviour.memory = 1 << 10;
    try {
        outcome(problem_of(small_config("logistic", "gradient_descent")), *fake::backend(device));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.status(), Exit::device);
        EXPECT_NE(std::string(error.what()).find("does not fit"), std::string::npos);
    }
}

TEST(Cuda, NothingOfABatchIsDeliveredWhenTheDeviceIsLost) {
    Config config = small_config("logistic", "gradient_descent");
    config.ensemble.replicas = 12 * block_size;
    config.record.states = 0;
    const Problem problem = problem_of(config);
    const Outcome expected = outcome(problem, *cpu_backend());
    for (const int launches : {0, 1, 3, 9, 20}) {
        const auto device = std::make_shared<fake::Device>();
        device->behaviour.largest = 3 << 20;
        device->behaviour.launches_until_error = launches;
        Blocks delivered;
        try {
            fake::backend(device, 1)->run(
                problem, {0, config.ensemble.replicas},
                [&](BlockResult&& block) { delivered[block.first] = own_words(block); },
                [](std::int64_t) { return true; });
            ADD_FAILURE() << launches;
        } catch (const Error& error) {
            EXPECT_EQ(error.status(), Exit::device);
            // Either stream may be the first to notice: the call that failed, or one after it.
            EXPECT_NE(std::string(error.what()).find("fake device: cu"), std::string::npos)
                << error.what();
        }
        // What did get out is whole and right.
        for (const auto& [first, block] : delivered)
            EXPECT_EQ(block, expected.blocks.at(first)) << launches;
        EXPECT_LT(delivered.size(), expected.blocks.size());
        EXPECT_EQ(device->behaviour.used, 0U);
    }
}

TEST(Cuda, StopsWhenAsked) {
    Config config = small_config("logistic", "gradient_descent");
    config.dynamics.iterations = 5000;
    for (const Config& each : {config, flow_config("logistic")}) {
        std::atomic<int> ticks{0};
        int delivered = 0;
        fake::backend(std::make_shared<fake::Device>())
            ->run(
                problem_of(each), {0, each.ensemble.replicas}, [&](BlockResult&&) { ++delivered; },
                [&](std::int64_t) { return ++ticks < 1; });
        EXPECT_EQ(delivered, 0);
    }
}

TEST(Cuda, ReportsReplicaSteps) {
    const Config config = small_config("square", "momentum");
    std::atomic<std::int64_t> steps{0};
    fake::backend(std::make_shared<fake::Device>())
        ->run(
            problem_of(config), {0, config.ensemble.replicas}, [](BlockResult&&) {},
            [&](std::int64_t s) {
                steps += s;
                return true;
            });
    EXPECT_EQ(steps, config.ensemble.replicas * config.dynamics.iterations);
}

TEST(Cuda, RestartGivesTheWordsOfTheCpu) {
    Config config = small_config("regression", "adam");
    config.ensemble.replicas = config.record.states = 19;
    const Problem problem = problem_of(config);
    const RestartData restart = restart_from(results(problem, *cpu_backend()), problem, 2);
    const Problem rest = make_problem(config, {}, {}, 42, restart);
    EXPECT_EQ(outcome(rest, *cpu_backend()),
              outcome(rest, *fake::backend(std::make_shared<fake::Device>())));
}

TEST(Cuda, FastNumericsIsCompiledForItsShapeOrStrict) {
    Config config = small_config("logistic", "gradient_descent");
    const Outcome strict = outcome(problem_of(config), *cpu_backend());
    config.backend.numerics = "fast";
    const Problem problem = problem_of(config);
    EXPECT_TRUE(cuda::specialisation_of(problem, host::make_kernel_key(problem))->fast);
    EXPECT_EQ(strict, outcome(problem, *fake::backend(std::make_shared<fake::Device>())));
}

/// A device where there is one.
TEST(Cuda, ADeviceGivesTheWordsOfTheCpu) {
    if (const std::string reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
    const auto backend = make_cuda_backend({});
    for_each_problem(
        [&](const std::string& map, const std::string& loss, const std::string& method) {
            const Problem problem = problem_of(small_config(map, loss, method));
            EXPECT_EQ(outcome(problem, *cpu_backend()), outcome(problem, *backend))
                << map << " " << loss << " " << method;
        });
    // Kernels for the shape, and those of the program.
    const auto general = cuda::make_backend(cuda::find_devices(), {});
    for (const char* loss : model::Losses::names)
        for (const int tokens : {8, 35}) {
            Config config = flow_config(loss);
            config.model.tokens = tokens;
            const Problem problem = problem_of(config);
            const Outcome expected = outcome(problem, *cpu_backend());
            EXPECT_EQ(expected, outcome(problem, *backend)) << loss << " " << tokens;
            EXPECT_EQ(expected, outcome(problem, *general)) << loss << " " << tokens;
        }
}

}  // namespace
