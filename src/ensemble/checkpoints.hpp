#pragma once
/// Where a run is recorded.

#include <vector>

#include "softmaxflow/config.hpp"

namespace softmaxflow {

/// Iterations, or values of the clock, at which a run of `config` that starts at `start` is
/// recorded: increasing, from `start` to the end of the run. Those of a run that goes on from a
/// restart are the ones that the whole run would have had from there on, so that both can be
/// compared. Throws Error(usage) for [record] that makes no sense.
std::vector<double> checkpoints_of(const Config& config, double start);

}  // namespace softmaxflow
