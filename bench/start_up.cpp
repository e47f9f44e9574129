// Start-up of the command without work: what every call pays.
//
//   bench_start_up --benchmark_repetitions=20

#include <benchmark/benchmark.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

namespace {

/// `softmaxflow info`, its output thrown away; false if it failed.
bool call_info() {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0);
    std::string program = SOFTMAXFLOW_PROGRAM, verb = "info";
    const std::array<char*, 3> arguments{program.data(), verb.data(), nullptr};
    pid_t child = 0;
    const bool started =
        posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    int status = 1;
    return started && waitpid(child, &status, 0) == child && status == 0;
}

void start_up(benchmark::State& state) {
    for (auto _ : state)
        if (!call_info()) {
            state.SkipWithError("softmaxflow info failed");
            break;
        }
}
BENCHMARK(start_up)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
