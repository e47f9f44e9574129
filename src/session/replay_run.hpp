#pragma once
/// One replica again: of a run, or of a counterexample.

#include <filesystem>
#include <string>

#include "claims/replay.hpp"
#include "output/check_file.hpp"
#include "softmaxflow/run.hpp"

namespace softmaxflow {

/// "f64", "f113" or "d100".
claims::Precision precision_of(const std::string& name);

/// The problem of replica `replica` of a run, from its start. Throws Error(usage) if there is no
/// such replica, or if its method has no steps in that precision.
Problem replica_problem(const Session& session, std::int64_t replica, claims::Precision precision);

/// The trial of that precision that a counterexample records. Throws Error(usage) if it has none.
const claims::Trial& recorded_trial(const Counterexample& example, claims::Precision precision,
                                    const std::filesystem::path& path);

/// The same trial made again: the same digits, if nothing has changed.
claims::Trial replay_trial(const Counterexample& example, const claims::Trial& recorded,
                           Backend& backend);

/// The replica of a counterexample from its start to `end`, recorded log-spaced as a run would be.
Problem trajectory_problem(const Counterexample& example, double end);

/// Writes states.nc of the one replica of `problem`, along its checkpoints, into a new directory;
/// there it is called `replica`.
void write_trajectory(const std::filesystem::path& directory, const Problem& problem,
                      claims::Precision precision, std::int64_t replica, Backend& backend);

}  // namespace softmaxflow
