#pragma once
/// The netCDF files that a config names: starts, or states to go on from (`init.file`), and
/// objectives (`objective.file`).
///
/// Throws Error(file) for a file that cannot be opened and Error(usage) for what is wrong inside:
/// not netCDF, a variable that is unknown or has other dimensions, another type than double or
/// float, packed, missing or non-finite values, sizes that disagree with the config.

#include <string>
#include <vector>

#include "softmaxflow/problem.hpp"

namespace softmaxflow {

/// values(replica, dim, token), logits(replica, token), target(replica, dim): each optional, at
/// least one. What the file gives replaces the laws of [init] and objective.target; the number of
/// replicas is that of the file.
StartData read_starts(const std::string& path, const Config& config);

/// regression: design(sample, dim), response(sample), either optional, decomposed into the singular
/// basis; classification: the same two, as they are, with labels +1 or -1; cross_entropy:
/// distribution(class).
ObjectiveData read_objective(const std::string& path, const Config& config);

/// XXH3-128 of the content of a file, 32 hexadecimal digits.
std::string file_digest(const std::string& path);

/// Everything that a config reads from files.
struct Inputs {
    StartData starts;
    RestartData restart;  ///< if init.file is a states.nc; then there are no starts
    ObjectiveData objective;
    std::vector<std::string> digests;  ///< of objective.file, then of init.file: for cell_key
};

/// Reads the files named in the config, if any, and sets config.ensemble.replicas to the number of
/// starts, or of states.
Inputs read_inputs(Config& config);

}  // namespace softmaxflow
