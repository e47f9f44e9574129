#include <H5public.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netcdf.h>
#include <toml++/toml.h>
#include <xxhash.h>
#include <boost/version.hpp>

#include <CLI/Version.hpp>
#include <Eigen/Core>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "output/build_info.hpp"
#include "softmaxflow/backend.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dotted(unsigned major, unsigned minor, unsigned patch) {
    return fmt::format("{}.{}.{}", major, minor, patch);
}

std::string hdf5_version() {
    unsigned major = 0, minor = 0, patch = 0;
    H5get_libversion(&major, &minor, &patch);
    return dotted(major, minor, patch);
}

/// As loaded where a library can tell, else as compiled with.
Json libraries() {
    const std::string netcdf = nc_inq_libvers();
    const unsigned xxhash = XXH_versionNumber();
    return {
        {"netCDF", netcdf.substr(0, netcdf.find(' '))},
        {"HDF5", hdf5_version()},
        {"xxHash", dotted(xxhash / 10000, xxhash / 100 % 100, xxhash % 100)},
        {"Boost", dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
        {"Eigen", dotted(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION)},
        {"toml++", dotted(TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH)},
        {"fmt", dotted(FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
        {"nlohmann-json", dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                 NLOHMANN_JSON_VERSION_PATCH)},
        {"CLI11", CLI11_VERSION}};
}

Json describe(const Backend& backend) {
    Json devices = Json::array();
    for (const Device& device : backend.devices())
        devices.push_back(
            {{"name", device.name}, {"usable", device.usable}, {"reason", device.reason}});
    return {{"name", backend.name()}, {"usable", true}, {"reason", ""}, {"devices", devices}};
}

Json backends() {
    Json all = {describe(*make_cpu_backend({}))};
    if (const std::string reason = why_no_cuda(); reason.empty())
        all.push_back(describe(*make_cuda_backend({})));
    else
        all.push_back(
            {{"name", "cuda"}, {"usable", false}, {"reason", reason}, {"devices", Json::array()}});
    return all;
}

Json info() {
    const BuildInfo build = build_info();
    return {{"version", build.version},
            {"git", build.git},
            {"compiler", build.compiler},
            {"build_type", build.build_type},
            {"flags", build.flags},
            {"hardware_threads", std::thread::hardware_concurrency()},
            {"backends", backends()},
            {"instruction_sets",
             {{"compiled", instruction_sets()},
              {"usable", usable_instruction_sets()},
              {"chosen", usable_instruction_sets().front()}}},
            {"libraries", libraries()}};
}

/// "name      text", wrapped to 80 columns.
std::string item(const std::string& name, const std::string& text) {
    constexpr std::size_t indent = 13;
    return fmt::format("  {}{}\n", left(name, indent - 2), wrapped(text, 80, indent));
}

std::string joined(const Json& list) {
    return fmt::format("{}", fmt::join(list.get<std::vector<std::string>>(), ", "));
}

std::string as_text(const Json& info) {
    const auto text = [](const Json& json) { return json.get<std::string>(); };
    std::string out =
        fmt::format("softmaxflow {} ({})\n\n", text(info["version"]), text(info["git"]));
    out += item("build", text(info["compiler"]) + ", " + text(info["build_type"]));
    out += item("flags", text(info["flags"]));
    for (const Json& backend : info["backends"]) {
        for (const Json& device : backend["devices"])
            out += item(text(backend["name"]), text(device["name"]));
        if (!backend["usable"].get<bool>())
            out += item(text(backend["name"]), "not used: " + text(backend["reason"]));
    }
    const Json& sets = info["instruction_sets"];
    out += item("vectors",
                fmt::format("{} here, of {} compiled in; chosen: {}", joined(sets["usable"]),
                            joined(sets["compiled"]), text(sets["chosen"])));
    std::vector<std::string> list;
    for (const auto& [name, version] : info["libraries"].items())
        list.push_back(name + " " + text(version));
    return out + item("libraries", fmt::format("{}", fmt::join(list, ", ")));
}

}  // namespace

int info_command(const Common& common) {
    const Json json = info();
    if (common.json)
        write_json(json);
    else if (common.quiet)
        write_out(json["version"].get<std::string>() + "\n");
    else
        write_out(as_text(json));
    return static_cast<int>(Exit::done);
}

}  // namespace softmaxflow::cli
