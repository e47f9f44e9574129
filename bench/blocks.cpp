// One block of replicas through the CPU backend, as a run does it: draws, 1000 steps, checkpoints,
// block statistics; one thread. Rates are in replica-steps per second.
//
//   bench_blocks --benchmark_filter=avx512

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>

#include "softmaxflow/ensemble.hpp"

using namespace softmaxflow;

namespace {

constexpr std::int64_t iterations = 1000;

Problem block_problem(std::int64_t tokens, std::int64_t dim, const std::string& loss,
                      std::int64_t checkpoints) {
    Config config;
    config.model.tokens = tokens;
    config.model.dim = dim;
    config.objective.loss = loss;
    config.dynamics.iterations = iterations;
    config.ensemble.replicas = block_size;
    config.ensemble.seed = 1;
    config.record.checkpoint_count = checkpoints;
    return make_problem(config, {}, {}, 1);
}

void block(benchmark::State& state, const Problem& problem, const std::string& instruction_set) {
    const auto backend = make_cpu_backend({1, instruction_set});
    for (auto _ : state)
        backend->run(problem, {0, block_size},
                     [](BlockResult&& result) { benchmark::DoNotOptimize(result.moments.data()); },
                     {});
    state.SetItemsProcessed(state.iterations() * block_size * iterations);
}

void add(const std::string& what, const Problem& problem) {
    for (const std::string& set : usable_instruction_sets())
        benchmark::RegisterBenchmark(fmt::format("{}/{}", set, what).c_str(), block, problem, set);
}

}  // namespace

int main(int argc, char** argv) {
    for (const std::int64_t tokens : {4, 8, 16, 32, 64})
        add(fmt::format("logistic/n:{}", tokens), block_problem(tokens, 8, "logistic", 2));
    add("logistic/n:9", block_problem(9, 8, "logistic", 2));  // size known at run time only
    add("logistic/n:8/d:4096", block_problem(8, 4096, "logistic", 2));
    add("logistic/n:8/checkpoints:64", block_problem(8, 8, "logistic", 64));
    add("cross_entropy/n:10/k:10", block_problem(10, 10, "cross_entropy", 2));
    add("regression/n:20/N:20", block_problem(20, 20, "regression", 2));
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
}
