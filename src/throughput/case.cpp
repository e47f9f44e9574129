#include "throughput/case.hpp"

#include "backend/host/column_extents.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <optional>

#include "ensemble/accumulator.hpp"
#include "ensemble/derived_problem.hpp"

namespace softmaxflow::throughput {
namespace {

/// Seconds of one run of `problem` as it stands.
double time_run(const Problem& problem, Case& c, Backend& backend) {
    using Clock = std::chrono::steady_clock;
    std::optional<CellAccumulator> statistics;
    if (c.kind == CaseKind::statistics) statistics.emplace(problem);
    c.failed = c.issued_steps = c.useful_steps = 0;
    const BlockSink take = [&](BlockResult&& block) {
        c.failed += host::failed_replicas(block);
        c.issued_steps += block.issued_steps;
        c.useful_steps += block.useful_steps;
        if (statistics) statistics->add(std::move(block));
    };
    const auto begin = Clock::now();
    backend.run(problem, {0, problem.config.ensemble.replicas}, take, {});
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Of this process so far, in seconds.
double cpu_time() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// `problem` cut to `iterations` from its start on, of descent; the checkpoints up to there stay.
Problem cut(const Problem& problem, std::int64_t replicas, std::int64_t iterations) {
    Problem result = with_replicas(problem, replicas);
    if (is_flow(problem.config)) return result;
    return until(std::move(result), problem.checkpoints.front() + static_cast<double>(iterations));
}

}  // namespace

int Case::busy_threads(int threads) const {
    const std::int64_t blocks = (replicas + block_size - 1) / block_size;
    return static_cast<int>(std::min<std::int64_t>(threads, blocks));
}

void set_size(Case& c, std::int64_t replicas, std::int64_t iterations) {
    c.problem = cut(c.problem, replicas, iterations);
    c.replicas = replicas;
    c.iterations = iterations;
}

namespace {

/// Twice as many rounds of replicas until the time stands out of the noise.
void choose_flow_size(Case& c, Backend& backend, int threads, double seconds) {
    std::int64_t replicas = threads * block_size;
    set_size(c, replicas, 1);
    time_run(c.problem, c, backend);  // compiles kernels and takes memory
    double taken = time_run(c.problem, c, backend);
    while (taken < seconds / 4) {
        replicas *= 2;
        set_size(c, replicas, 1);
        taken = time_run(c.problem, c, backend);
    }
    const auto rounds = std::llround(seconds / taken * static_cast<double>(replicas) /
                                     static_cast<double>(threads * block_size));
    set_size(c, std::max<std::int64_t>(1, rounds) * threads * block_size, 1);
}

}  // namespace

void choose_size(Case& c, Backend& backend, int threads, double seconds) {
    if (c.kind == CaseKind::flow) return choose_flow_size(c, backend, threads, seconds);
    const auto whole =
        static_cast<std::int64_t>(c.problem.checkpoints.back() - c.problem.checkpoints.front());
    const std::int64_t given = c.problem.config.ensemble.replicas;
    const std::int64_t round = threads * block_size;
    const bool limited = c.kind == CaseKind::config;
    const std::int64_t replicas = limited ? std::min(round, given) : round;
    const auto time = [&](std::int64_t iterations) {
        return time_run(cut(c.problem, replicas, iterations), c, backend);
    };

    // Twice as long until the time stands out of the noise. The first run compiles kernels and
    // takes memory.
    std::int64_t measured = std::min<std::int64_t>(whole, 64);
    time(measured);
    double taken = time(measured);
    while (taken < seconds / 4 && measured < whole) {
        measured = std::min(whole, 2 * measured);
        taken = time(measured);
    }
    const double per_iteration = std::max(taken, 1e-9) / static_cast<double>(measured);
    const std::int64_t affordable = std::llround(seconds / per_iteration);
    const std::int64_t iterations = std::clamp<std::int64_t>(affordable, 1, whole);
    const std::int64_t rounds = std::max<std::int64_t>(1, affordable / iterations);
    set_size(c, limited ? std::min(rounds * replicas, given) : rounds * replicas, iterations);
}

void sample(Case& c, Backend& backend) {
    const double before = cpu_time();
    c.seconds.push_back(time_run(c.problem, c, backend));
    c.cpu_seconds += cpu_time() - before;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    if (values.size() % 2 == 1) return values[middle];
    return (values[middle - 1] + values[middle]) / 2;
}

}  // namespace softmaxflow::throughput
