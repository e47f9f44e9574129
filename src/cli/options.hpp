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

struct CheckOptions {
    std::string config;
    std::vector<std::string> ids;  ///< empty: claims.ids of the config, or all that fit
    std::vector<std::string> set;
    std::optional<std::int64_t> replicas;
    std::string output;  ///< empty: nothing is written
    std::optional<std::string> backend;
    std::optional<std::int64_t> threads;
    std::optional<std::int64_t> seed;
    std::string instruction_set;
    double max_failed = 0.01;
    bool search = false;  ///< look for the start of smallest margin instead of drawing
    bool mutant = false;  ///< dynamics of a mutant: the claim must come out refuted
};

struct ClaimsOptions {
    std::string id;  ///< empty: list all
};

struct ReplayOptions {
    std::string path;  ///< a counterexample, or the directory of a run
    std::int64_t cell = 0, replica = -1;
    std::string precision = "f64";
    std::string output;  ///< new directory for states.nc
    std::string instruction_set;
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
