#include "output/manifest.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "output/atomic_file.hpp"
#include "output/netcdf_image.hpp"

namespace softmaxflow {
namespace {

using Json = nlohmann::ordered_json;
using Time = std::chrono::system_clock::time_point;

std::string iso_time(Time time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

/// Bytes that are not UTF-8 (a host name can have them) are replaced, not fatal.
std::string dump(const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string write_dataset(const std::filesystem::path& path, const Dataset& dataset) {
    write_atomically(path, netcdf_image(dataset));
    return payload_hash(dataset);
}

}  // namespace

std::string manifest_json(const CellResult& result, const RunInfo& info, const BuildInfo& build,
                          const RunTiming& timing, const WrittenFiles& files) {
    Json json;
    json["schema"] = schema;
    json["numerics_version"] = numerics_version;
    json["version"] = info.version;
    json["git"] = info.git;
    json["build"] = {
        {"compiler", build.compiler}, {"type", build.build_type}, {"flags", build.flags}};
    json["config_hash"] = text_hash(info.config);
    json["seed"] = info.seed;
    json["cells"] = Json::array(
        {{{"replicas", result.n_total}, {"n_ok", result.n_ok}, {"n_failed", result.n_failed}}});
    if (result.issued_steps > 0) {  // of a flow
        json["useful_steps"] = result.useful_steps;
        json["issued_steps"] = result.issued_steps;
    }
    json["created"] = iso_time(timing.finish);
    json["device"] = timing.device;
    json["threads"] = timing.threads;
    json["payload_hash"] = Json::object();
    const auto add_file = [&](const char* name, const std::string& hash) {
        if (!hash.empty()) json["payload_hash"][name] = hash;
    };
    add_file("results.nc", files.results_hash);
    add_file("replicas.nc", files.replicas_hash);
    add_file("states.nc", files.states_hash);
    return dump(json, 2);
}

std::string events_jsonl(const CellResult& result, const RunTiming& timing) {
    const Json start = {{"time", iso_time(timing.start)},
                        {"event", "start"},
                        {"host", timing.host},
                        {"device", timing.device},
                        {"threads", timing.threads},
                        {"instruction_set", timing.instruction_set}};
    const Json finish = {{"time", iso_time(timing.finish)},
                         {"event", "finish"},
                         {"wall_seconds", timing.wall_seconds},
                         {"n_total", result.n_total},
                         {"n_failed", result.n_failed}};
    return dump(start, -1) + dump(finish, -1);
}

WrittenFiles write_run(const std::filesystem::path& directory, const Problem& problem,
                       const CellResult& result, const RunInfo& info, const RunTiming& timing) {
    WrittenFiles files;
    write_atomically(directory / "config.toml", info.config_file);
    files.results_hash =
        write_dataset(directory / "results.nc", results_dataset(problem, result, info));
    if (problem.config.record.replica_table)
        files.replicas_hash =
            write_dataset(directory / "replicas.nc", replicas_dataset(problem, result, info));
    if (!result.states.empty())
        files.states_hash =
            write_dataset(directory / "states.nc", states_dataset(problem, result, info));
    write_atomically(directory / "events.jsonl", events_jsonl(result, timing));
    write_atomically(directory / "manifest.json",
                     manifest_json(result, info, build_info(), timing, files));
    return files;
}

}  // namespace softmaxflow
