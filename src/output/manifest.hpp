#pragma once
/// Everything a finished run leaves in its directory. Data files first, manifest.json last: a
/// directory with a manifest is complete.

#include <filesystem>
#include <string>

#include "output/build_info.hpp"
#include "output/results.hpp"

namespace softmaxflow {

/// manifest.json: what the run was, so that it can be recognised and repeated.
std::string manifest_json(const CellResult& result, const RunInfo& info, const BuildInfo& build,
                          const RunTiming& timing, const WrittenFiles& files);

/// events.jsonl: one JSON object a line, in order of time.
std::string events_jsonl(const CellResult& result, const RunTiming& timing);

/// Writes config.toml, results.nc, replicas.nc (record.replica_table), states.nc (record.states),
/// events.jsonl and manifest.json into `directory`, each whole or not at all. Throws Error(file).
WrittenFiles write_run(const std::filesystem::path& directory, const Problem& problem,
                       const CellResult& result, const RunInfo& info, const RunTiming& timing);

}  // namespace softmaxflow
