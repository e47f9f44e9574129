#pragma once
/// From a problem to the statistics of its cell: run every block, merge exactly.

#include "softmaxflow/backend.hpp"

namespace softmaxflow {

/// Resolves a config into a problem: number of outputs, random key, checkpoints, edges.
/// `cell_key` identifies [model], [objective], [init] and their files (see io/config.hpp).
/// Throws Error(usage) for combinations that make no sense.
Problem make_problem(const Config& config, StartData starts, ObjectiveData objective,
                     std::uint64_t cell_key);

/// Runs all replicas of `problem` and merges them. The result is the same to the bit whatever the
/// backend, its threads and the order in which blocks finish.
CellResult run_ensemble(const Problem& problem, Backend& backend, const Progress& progress);

}  // namespace softmaxflow
