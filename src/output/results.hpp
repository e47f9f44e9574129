#pragma once
/// The files that users open, as datasets: statistics, the table of replicas, recorded states.
/// They hold nothing that depends on where or when a run was done.

#include <cstdint>
#include <string>

#include "output/dataset.hpp"
#include "softmaxflow/problem.hpp"
#include "softmaxflow/result.hpp"

namespace softmaxflow {

/// Version of names and shapes in the files.
inline constexpr std::int32_t schema = 1;
/// Version of the strict bits: raised by every change that alters results of the same config.
inline constexpr std::int32_t numerics_version = 2;

/// What a run leaves behind besides its results.
struct RunInfo {
    std::string version;      ///< "0.1.0"
    std::string git;          ///< git describe, or "unknown"
    std::string config;       ///< canonical text of the resolved config, without the machine: goes
                              ///< into every data file
    std::string config_file;  ///< the whole resolved config: config.toml
    std::uint64_t seed = 0;   ///< as given or drawn
};

/// results.nc. `problem` and `result` must belong together.
Dataset results_dataset(const Problem& problem, const CellResult& result, const RunInfo& info);
/// replicas.nc, for record.replica_table = true.
Dataset replicas_dataset(const Problem& problem, const CellResult& result, const RunInfo& info);
/// states.nc, for record.states > 0.
Dataset states_dataset(const Problem& problem, const CellResult& result, const RunInfo& info);

}  // namespace softmaxflow
