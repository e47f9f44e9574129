#pragma once
/// What opening a config consists of, for others who need a part of it.

#include "output/results.hpp"
#include "softmaxflow/problem.hpp"
#include "softmaxflow/run.hpp"

namespace softmaxflow {

/// Reads the files that a config names and resolves it; the config has a seed. A file of starts, or
/// of states, decides the number of replicas.
Problem problem_of(Config config);

/// What a run of that config, seed included, leaves behind besides its results.
RunInfo run_info(const Config& config);

}  // namespace softmaxflow
