#pragma once
/// What the command line asks for, as plain data.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace softmaxflow::cli {

/// Options that every command has.
struct Common {
    bool json = false;
    bool quiet = false;
    bool verbose = false;
};

struct RunOptions {
    std::string config;            ///< a path, or the name of a shipped example
    std::string output;            ///< empty: runs/<config-name>-<n>
    std::vector<std::string> set;  ///< "KEY=VALUE"
    std::optional<std::string> backend;
    std::optional<std::int64_t> threads;
    std::optional<std::int64_t> seed;
    std::string instruction_set;  ///< empty: the best of this machine
    bool kernel_cache = true;     ///< keep compiled CUDA kernels
    bool fallback_cpu = false;    ///< run on the CPU where the device fails
    double max_failed = 0.01;     ///< share of failed replicas beyond which the exit status is 4
    bool dry_run = false;
};

struct ConfigOptions {
    std::string config;
    std::vector<std::string> set;
};

struct BenchOptions {
    std::string config;                  ///< empty: the workloads
    std::vector<std::string> workloads;  ///< empty: all
    std::vector<std::string> set;        ///< with a config: "KEY=VALUE"
    std::optional<std::int64_t> threads;
    std::string backend = "cpu";
    std::optional<std::string> numerics, precision;
    std::string instruction_set;  ///< empty: the best of this machine
    double seconds = 0.5;         ///< per measurement
    int repeats = 5;
};

}  // namespace softmaxflow::cli
