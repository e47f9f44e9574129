#pragma once
/// What the compiler made of the loop of steps of a problem.

#include <optional>

#include "softmaxflow/problem.hpp"

namespace softmaxflow::cuda {

struct KernelReport {
    bool specialised = false;  ///< compiled for the shape at hand
    int lanes = 1, threads = 128;
    int registers = 0, local_bytes = 0, shared_bytes = 0;
    int warps_per_multiprocessor = 0;
};

/// On the first device; nothing where there is none. Of a flow, its explicit steps.
std::optional<KernelReport> describe_kernel(const Problem& problem);

}  // namespace softmaxflow::cuda
