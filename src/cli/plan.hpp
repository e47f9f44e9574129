#pragma once
/// From what the command line says to a problem ready to run.

#include <memory>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "output/results.hpp"
#include "softmaxflow/backend.hpp"

namespace softmaxflow::cli {

/// A checked config, its problem and the backend for it. Nothing has been computed or written.
struct Plan {
    std::string path;         ///< of the config
    std::string name;         ///< its file name without .toml
    Problem problem;          ///< problem.config is the resolved config, with its seed
    bool seed_drawn = false;  ///< the config had none
    std::unique_ptr<Backend> backend;
    int threads = 1;              ///< of the CPU; 0 resolved
    std::string instruction_set;  ///< of the CPU; "" resolved

    /// "cpu, 2 threads, avx512", or "cuda, <device>".
    [[nodiscard]] std::string where() const;
    /// Replicas that keep all of the backend busy.
    [[nodiscard]] std::int64_t full_round() const;
    [[nodiscard]] std::int64_t replicas() const { return problem.config.ensemble.replicas; }
    [[nodiscard]] bool flow() const { return is_flow(problem.config); }
    /// Iterations of this run of descent: a restart leaves out those behind its states.
    [[nodiscard]] std::int64_t iterations() const {
        return static_cast<std::int64_t>(problem.checkpoints.back() - problem.checkpoints.front());
    }
    /// What a backend tells of its progress: replica-steps of descent, replicas of a flow, whose
    /// steps nobody knows beforehand. A double: the largest ensemble times the longest run does not
    /// fit an integer.
    [[nodiscard]] double work() const {
        return static_cast<double>(replicas()) * (flow() ? 1.0 : static_cast<double>(iterations()));
    }
    [[nodiscard]] const char* work_unit() const { return flow() ? "replicas" : "replica-steps"; }
};

/// The CPU instead, whatever the config says.
void use_cpu(Plan& plan);

/// Throws Error(usage) for a config or a combination that cannot run, Error(file) for files that
/// cannot be read.
Plan make_plan(const RunOptions& options);

/// What a run of that config, seed included, leaves behind besides its results.
RunInfo run_info(const Config& config);

/// The file that CONFIG means: a path, or the name of a shipped example.
std::string find_config(const std::string& config);
/// Names of the shipped examples, sorted.
std::vector<std::string> example_names();

}  // namespace softmaxflow::cli
