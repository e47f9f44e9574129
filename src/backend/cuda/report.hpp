#pragma once
/// What `bench` wants to know of a device: what the compiler made of the loop of steps of a
/// problem, and how fast the pipes are that bound it.

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

/// Operations per second of the first device, by kernels/rates.cu.
struct PipeRates {
    double f64 = 0.0, f32 = 0.0;  ///< fused multiply-adds
    double special = 0.0;         ///< base-2 exponentials of the special-function unit
};
/// Nothing where there is no device, or no NVRTC.
std::optional<PipeRates> measure_pipes();

}  // namespace softmaxflow::cuda
