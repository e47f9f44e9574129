// The CPU backend: every instruction set and thread count gives the words of the scalar code.

#include <atomic>

#include "conformance.hpp"
#include "model/fixture.hpp"

using namespace conformance;

namespace {

std::unique_ptr<Backend> backend(const std::string& set, int threads) {
    return make_cpu_backend({threads, set});
}

TEST(Cpu, InstructionSetsAndThreadsGiveTheSameWords) {
    for_each_problem([](const std::string& loss, const std::string& method) {
        const Config config = small_config(loss, method);
        const Blocks expected = run_all(config, *backend("generic", 1));
        EXPECT_EQ(expected.size(), 3U);
        for (const std::string& set : usable_instruction_sets())
            for (const int threads : {1, 2})
                EXPECT_EQ(expected, run_all(config, *backend(set, threads)))
                    << loss << " " << method << " " << set << " " << threads;
    });
}

TEST(Cpu, SizesOutsideTheSpecialisedOnes) {
    for (const int tokens : {2, 3, 17, 100}) {
        Config config = small_config("logistic", "gradient_descent");
        config.model.tokens = tokens;
        const Blocks expected = run_all(config, *backend("generic", 1));
        for (const std::string& set : usable_instruction_sets())
            EXPECT_EQ(expected, run_all(config, *backend(set, 1))) << tokens << " " << set;
    }
}

/// The backend's words against replica.hpp on plain doubles.
TEST(Cpu, EqualsTheScalarReplica) {
    const Config config = small_config("logistic", "gradient_descent");
    const Problem problem = make_problem(config, {}, {}, 42);
    fixture::Case scalar_case(true, 8);
    scalar_case.parameters = {};
    model::Parameters& p = scalar_case.parameters;
    p.tokens = 8;
    p.outputs = 1;
    p.dim = 5;
    p.value_scale = 0.5;
    p.logit_scale = 0.4;
    p.learning_rate = 0.1;
    p.random_key = problem.random_key;
    scalar_case.checkpoints.assign(problem.checkpoints.begin(), problem.checkpoints.end());
    scalar_case.thresholds = config.record.thresholds;
    const int count = block_size;
    const fixture::Words scalar =
        fixture::run_solo<model::Softmax, model::Logistic, model::GradientDescent, double>(
            scalar_case, count);

    backend("", 1)->run(
        problem, {0, count},
        [&](BlockResult&& block) {
            ASSERT_EQ(block.states.size(), block_size);
            const std::size_t size = block.states[0].logits.size();
            int unequal = 0;
            for (int r = 0; r < count; ++r)
                for (std::size_t i = 0; i < size; ++i)
                    unequal += block.states[r].logits[i] != scalar.logits[r * size + i] ||
                               block.states[r].projected_values[i] != scalar.values[r * size + i];
            EXPECT_EQ(unequal, 0);
        },
        [](std::int64_t) { return true; });
}

TEST(Cpu, MoreReplicasNeverChangeEarlierOnes) {
    Config config = small_config("cross_entropy", "gradient_descent");
    config.record.states = 0;
    const Blocks many = run_all(config, *backend("", 2));
    config.ensemble.replicas = block_size;
    const Blocks few = run_all(config, *backend("", 1));
    ASSERT_EQ(few.size(), 1U);
    EXPECT_EQ(few.at(0), many.at(0));
}

TEST(Cpu, DynamicsNeverChangeDraws) {
    const auto start = [](auto change) {
        Config config = small_config("regression", "gradient_descent");
        change(config);
        const Problem problem = make_problem(config, {}, {}, 42);
        std::vector<double> first;
        backend("", 1)->run(
            problem, {0, block_size},
            [&](BlockResult&& block) {
                const StateRecord& s = block.states.at(3);
                first.assign(s.logits.begin(), s.logits.begin() + 8);
                first.insert(first.end(), s.projected_values.begin(),
                             s.projected_values.begin() + 8);
                first.insert(first.end(), s.response.begin(), s.response.end());
            },
            [](std::int64_t) { return true; });
        return first;
    };
    const auto base = start([](Config&) {});
    EXPECT_EQ(base, start([](Config& c) { c.dynamics.method = "momentum"; }));
    EXPECT_EQ(base, start([](Config& c) { c.dynamics.learning_rate = 1e-3; }));
    EXPECT_EQ(base, start([](Config& c) { c.dynamics.iterations = 7; }));
    EXPECT_EQ(base, start([](Config& c) { c.record.bins = 64; }));
    EXPECT_NE(base, start([](Config& c) { c.ensemble.seed = 12; }));
}

TEST(Cpu, FailedReplicasAreMarkedAndHurtNobody) {
    Config config = small_config("exponential", "gradient_descent");
    config.ensemble.replicas = 20;
    config.record.states = 0;
    StartData starts;
    starts.replicas = 20;
    for (int i = 0; i < 20 * 8; ++i) starts.logits.push_back(0.01 * i);
    const auto run_with = [&](double planted) {
        StartData s = starts;
        s.logits[5 * 8 + 3] = planted;
        std::vector<BlockResult> blocks;
        backend("", 1)->run(
            make_problem(config, s, {}, 42), {0, 20},
            [&](BlockResult&& b) { blocks.push_back(std::move(b)); },
            [](std::int64_t) { return true; });
        return blocks.at(0);
    };
    const BlockResult bad = run_with(std::numeric_limits<double>::quiet_NaN());
    const BlockResult good = run_with(1.0);
    for (int r = 0; r < 20; ++r) {
        EXPECT_EQ(bad.status[r], r == 5 ? Status::non_finite : Status::ok);
        if (r == 5) continue;
        for (int o = 0; o < model::observable_count; ++o) {
            const std::size_t i = r * model::observable_count + o;
            EXPECT_EQ(bad.final_observables[i], good.final_observables[i]);
        }
    }
    for (const Moments& m : bad.moments) EXPECT_LE(m.finite, 19);
}

TEST(Cpu, StopsWhenAsked) {
    const Config config = small_config("logistic", "gradient_descent");
    const Problem problem = make_problem(config, {}, {}, 42);
    int delivered = 0;
    std::atomic<int> ticks{0};
    backend("", 2)->run(
        problem, {0, config.ensemble.replicas}, [&](BlockResult&&) { ++delivered; },
        [&](std::int64_t) { return ++ticks < 5; });
    EXPECT_LT(delivered, 3);
}

TEST(Cpu, ErrorsInTheSinkReachTheCaller) {
    const Config config = small_config("logistic", "gradient_descent");
    const Problem problem = make_problem(config, {}, {}, 42);
    EXPECT_THROW(backend("", 2)->run(
                     problem, {0, config.ensemble.replicas},
                     [](BlockResult&&) { throw std::runtime_error("sink"); },
                     [](std::int64_t) { return true; }),
                 std::runtime_error);
}

TEST(Cpu, ReportsReplicaSteps) {
    const Config config = small_config("square", "momentum");
    std::atomic<std::int64_t> steps{0};
    backend("", 2)->run(
        make_problem(config, {}, {}, 42), {0, config.ensemble.replicas}, [](BlockResult&&) {},
        [&](std::int64_t s) {
            steps += s;
            return true;
        });
    EXPECT_EQ(steps, config.ensemble.replicas * config.dynamics.iterations);
}

TEST(Cpu, UnknownInstructionSetIsNamed) {
    try {
        backend("mmx", 1);
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("mmx"), std::string::npos);
    }
}

}  // namespace
