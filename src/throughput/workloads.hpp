#pragma once
/// What `softmaxflow bench` times when it is given no config.

#include <string>
#include <vector>

#include "throughput/case.hpp"

namespace softmaxflow::throughput {

/// The cost of a step and of the start of a replica, from runs of two lengths.
struct DimCase {
    std::int64_t dim = 0;
    Case shorter, longer;
};

struct Workloads {
    std::vector<Case> throughput;  ///< P1, P2, P3; or the config
    std::vector<Case> statistics;  ///< P5: with all checkpoints, then with two; or none
    std::vector<Case> flows;       ///< P4: whole flows to two achieved errors; or none
    std::vector<DimCase> dims;     ///< P7, from the smallest dim up; or none

    /// In the order in which they take turns.
    [[nodiscard]] std::vector<Case*> all();
    [[nodiscard]] std::vector<const Case*> all() const;
};

/// The names of all: P1-4, ..., P7.
std::vector<std::string> workload_names();

/// Those wanted; a name without its number ("P1") means all of that kind, no names mean all.
/// `overrides` are "KEY=VALUE" of [backend]. Throws Error(usage) for an unknown name or value.
Workloads make_workloads(const std::vector<std::string>& wanted,
                         const std::vector<std::string>& overrides);

}  // namespace softmaxflow::throughput
