#pragma once
/// From a problem to the statistics of its cell: run every block, merge exactly.

#include "softmaxflow/backend.hpp"

namespace softmaxflow {

/// Number m of projected outputs z = W beta. Throws Error(usage) for an unknown objective.loss.
std::int64_t output_count(const Config& config);

/// Resolves a config into a problem: number of outputs, random key, checkpoints, edges.
/// `cell_key` identifies [model], [objective], [init] and their files (see config/config_file.hpp).
/// With a `restart`, the run goes on from its states. Throws Error(usage) for combinations that
/// make no sense.
Problem make_problem(const Config& config, StartData starts, ObjectiveData objective,
                     std::uint64_t cell_key, RestartData restart = {});

/// Runs all replicas of `problem` and merges them. The result is the same to the bit whatever the
/// backend, its threads and the order in which blocks finish.
CellResult run_ensemble(const Problem& problem, Backend& backend, const Progress& progress);

}  // namespace softmaxflow
