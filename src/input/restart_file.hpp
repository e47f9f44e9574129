#pragma once
/// A states.nc of ours as a start: the run goes on from one of its checkpoints to the same bits.

#include <optional>
#include <string>
#include <vector>

#include "input/netcdf_input.hpp"
#include "softmaxflow/problem.hpp"

namespace softmaxflow {

/// What a method remembers from step to step: the prefixes of its pair of variables in states.nc
/// (velocity_logits, velocity_projected_values); at most two, none for a method without memory.
std::vector<std::string> memory_names(const std::string& method);

/// The states at init.checkpoint; nullopt if the file is not a states.nc (it has no variable
/// projected_values). `objective` is what objective.file gave, which must be what the states have.
/// The memory of the method may be missing: then it starts from rest.
/// Throws Error(usage), naming file and variable, for everything that does not belong together.
std::optional<RestartData> read_restart(const NetcdfInput& file, const Config& config,
                                        const ObjectiveData& objective);

}  // namespace softmaxflow
