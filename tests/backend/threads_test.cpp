// The CPU backend on several threads: every instruction set and thread count gives the same words,
// and a run ends in order when it is stopped or its sink fails.

#include <atomic>

#include "conformance.hpp"

using namespace conformance;

namespace {

std::unique_ptr<Backend> backend(const std::string& set, int threads) {
    return make_cpu_backend({threads, set});
}

void expect_same_words(const std::string& map, const std::string& loss, const std::string& method) {
    for (const char* precision : {"f64", "f32"}) {
        Config config = small_config(map, loss, method);
        config.backend.precision = precision;
        const Blocks expected = run(config, *backend("generic", 1));
        EXPECT_EQ(expected.size(), 2U);
        const std::string what = map + " " + loss + " " + method + " " + precision;
        EXPECT_EQ(expected, run(config, *backend("", 1))) << what;
        for (const std::string& set : usable_instruction_sets())
            EXPECT_EQ(expected, run(config, *backend(set, 2))) << what << " " << set;
    }
}
TEST(Threads, InstructionSetsAndThreadsGiveTheSameWords) { for_each_pair(expect_same_words); }
TEST(ThreadsLong, InstructionSetsAndThreadsGiveTheSameWords) {
    for_each_problem(expect_same_words);
}

TEST(Threads, MoreReplicasNeverChangeEarlierOnes) {
    Config config = small_config("cross_entropy", "gradient_descent");
    config.record.states = 0;
    const Blocks many = run(config, *backend("", 2));
    config.ensemble.replicas = block_size;
    const Blocks few = run(config, *backend("", 1));
    ASSERT_EQ(few.size(), 1U);
    EXPECT_EQ(few.at(0), many.at(0));
}

TEST(Threads, StopsWhenAsked) {
    const Config config = small_config("logistic", "gradient_descent");
    const Problem problem = make_problem(config, {}, {}, 42);
    int delivered = 0;
    std::atomic<int> ticks{0};
    backend("", 2)->run(
        problem, {0, config.ensemble.replicas}, [&](BlockResult&&) { ++delivered; },
        [&](std::int64_t) { return ++ticks < 5; });
    EXPECT_LT(delivered, 3);
}

TEST(Threads, ErrorsInTheSinkReachTheCaller) {
    const Config config = small_config("logistic", "gradient_descent");
    const Problem problem = make_problem(config, {}, {}, 42);
    EXPECT_THROW(backend("", 2)->run(
                     problem, {0, config.ensemble.replicas},
                     [](BlockResult&&) { throw std::runtime_error("sink"); },
                     [](std::int64_t) { return true; }),
                 std::runtime_error);
}

TEST(Threads, ReportsReplicaSteps) {
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

}  // namespace
