#pragma once
/// What `softmaxflow bench` has to say, for people and for scripts.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/terminal.hpp"
#include "throughput/machine.hpp"
#include "throughput/workloads.hpp"

namespace softmaxflow::cli {

struct BenchReport {
    std::string processor;  ///< as the operating system names it
    std::string instruction_set, numerics, precision;
    int threads = 1, repeats = 0;
    double seconds = 0.0;  ///< asked for per measurement
    std::string config;    ///< path of the config; empty: workloads
    std::int64_t config_iterations = 0, config_replicas = 0;  ///< before they were cut
    throughput::Costs costs;
    throughput::Workloads workloads;
};

/// At most 80 columns wide but for paths; ends with a line end.
std::string bench_text(const BenchReport& report, const Style& style);
/// Keys are stable: they are only ever added.
nlohmann::ordered_json bench_json(const BenchReport& report);

}  // namespace softmaxflow::cli
