#include "cli/bench_device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backend/cuda/report.hpp"
#include "cli/terminal.hpp"
#include "output/build_info.hpp"
#include "throughput/device_bound.hpp"
#include "throughput/figures.hpp"

namespace softmaxflow::cli {

using namespace throughput;
namespace {

using Json = nlohmann::ordered_json;

struct MethodSettings {
    double median, best, worst;  // replica-steps per second
};
MethodSettings rates_of(const Case& c) {
    const auto [shortest, longest] = std::minmax_element(c.seconds.begin(), c.seconds.end());
    return {c.replica_steps() / median(c.seconds), c.replica_steps() / *shortest,
            c.replica_steps() / *longest};
}

/// The share of the steps of all lanes that were those of a replica.
double busy_lanes(const Case& c) {
    return static_cast<double>(c.useful_steps) /
           static_cast<double>(std::max<std::int64_t>(c.issued_steps, 1));
}

Json kernel_json(const Problem& problem) {
    const auto kernel = cuda::describe_kernel(problem);
    if (!kernel) return nullptr;
    return {{"specialised", kernel->specialised},
            {"lanes_per_replica", kernel->lanes},
            {"threads_per_block", kernel->threads},
            {"registers", kernel->registers},
            {"local_bytes", kernel->local_bytes},
            {"shared_bytes", kernel->shared_bytes},
            {"warps_per_multiprocessor", kernel->warps_per_multiprocessor}};
}

std::string kernel_text(const Problem& problem) {
    const auto kernel = cuda::describe_kernel(problem);
    if (!kernel) return "";
    return fmt::format("{:>8}{:>11}{:>8}{:>8}", kernel->lanes, kernel->registers,
                       kernel->local_bytes, kernel->warps_per_multiprocessor);
}

/// Of all devices together; null where it is not known.
Json bound_json(const Case& c, const std::optional<cuda::PipeRates>& pipes, std::size_t devices) {
    const auto operations = pipe_operations(c.problem);
    if (!pipes || !operations) return nullptr;
    const PipeBound bound = bound_of(*operations, *pipes);
    const double all = bound.replica_steps_per_second * static_cast<double>(devices);
    return {{"pipe", bound.pipe},
            {"replica_steps_per_second", all},
            {"share_median", rates_of(c).median / all}};
}

}  // namespace

Json device_json(const BenchReport& report, const Backend& backend) {
    Json json = {{"version", build_info().version},
                 {"git", build_info().git},
                 {"backend", "cuda"},
                 {"devices", Json::array()},
                 {"numerics", report.numerics},
                 {"precision", report.precision},
                 {"repeats", report.repeats},
                 {"workloads", Json::array()}};
    for (const Device& device : backend.devices()) json["devices"].push_back(device.name);
    const auto pipes = cuda::measure_pipes();
    json["pipes"] = nullptr;
    if (pipes)
        json["pipes"] = {{"f64_per_second", pipes->f64},
                         {"f32_per_second", pipes->f32},
                         {"special_per_second", pipes->special}};
    for (const Case& c : report.workloads.throughput) {
        const MethodSettings rates = rates_of(c);
        json["workloads"].push_back(
            {{"name", c.name},
             {"title", c.title},
             {"replicas", c.replicas},
             {"iterations", c.iterations},
             {"seconds", c.seconds},
             {"replica_steps_per_second",
              {{"median", rates.median}, {"best", rates.best}, {"worst", rates.worst}}},
             {"bound", bound_json(c, pipes, json["devices"].size())},
             {"kernel", kernel_json(c.problem)}});
    }
    for (const Case& c : report.workloads.flows) {
        const MethodSettings starts = rates_of(c);  // a flow is one step of a bench
        json["flows"].push_back(
            {{"name", c.name},
             {"title", c.title},
             {"replicas", c.replicas},
             {"seconds", c.seconds},
             {"starts_per_second",
              {{"median", starts.median}, {"best", starts.best}, {"worst", starts.worst}}},
             {"busy_lanes", busy_lanes(c)},
             {"kernel", kernel_json(c.problem)}});
    }
    if (const auto& cases = report.workloads.statistics; !cases.empty())
        json["P5"] = {{"cost_of_statistics", statistics_cost(cases[0], cases[1]).median}};
    if (const auto& dims = report.workloads.dims; !dims.empty())
        json["P7"] = {{"largest_dim_over_smallest",
                       dim_figures(dims.back(), dims.front(), 1).relative.median}};
    return json;
}

std::string device_text(const BenchReport& report, const Backend& backend) {
    std::string out = "\n";
    for (const Device& device : backend.devices()) out += "  " + device.name + "\n";
    out += fmt::format("  {}, {} numerics\n\n  {:12}{:>16}{:>16}{:>8}{:>11}{:>8}{:>8}\n",
                       report.precision, report.numerics, "workload", "replica-steps/s",
                       "of the bound", "lanes", "registers", "local", "warps");
    const auto pipes = cuda::measure_pipes();
    for (const Case& c : report.workloads.throughput) {
        const Json bound = bound_json(c, pipes, backend.devices().size());
        out += fmt::format(
            "  {:12}{:>16.3g}{:>16}", c.name, rates_of(c).median,
            bound.is_null() ? "-"
                            : fmt::format("{:.1f} % {}", 100 * bound["share_median"].get<double>(),
                                          bound["pipe"].get<std::string>()));
        out += kernel_text(c.problem) + "\n";
    }
    if (report.workloads.flows.empty()) return out;
    out += fmt::format("\n  {:12}{:>16}{:>16}{:>8}{:>11}{:>8}{:>8}\n", "workload", "starts/s",
                       "busy lanes", "lanes", "registers", "local", "warps");
    for (const Case& c : report.workloads.flows)
        out += fmt::format("  {:12}{:>16.3g}{:>15.1f}%", c.name, rates_of(c).median,
                           100.0 * busy_lanes(c)) +
               kernel_text(c.problem) + "\n";
    return out;
}

}  // namespace softmaxflow::cli
