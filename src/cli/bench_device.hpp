#pragma once
/// What `bench` says of a CUDA device: throughput, and what the compiler made of each kernel.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/bench_report.hpp"

namespace softmaxflow::cli {

nlohmann::ordered_json device_json(const BenchReport& report, const Backend& backend);
std::string device_text(const BenchReport& report, const Backend& backend);

}  // namespace softmaxflow::cli
