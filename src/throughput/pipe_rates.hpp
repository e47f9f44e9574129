#pragma once
/// How fast the pipes are that bound the loop of steps on a device.

#include <optional>

namespace softmaxflow::cuda {

/// Operations per second of the first device, by throughput/pipe_kernels.cu.
struct PipeRates {
    double f64 = 0.0, f32 = 0.0;  ///< fused multiply-adds
    double special = 0.0;         ///< base-2 exponentials of the special-function unit
};
/// Nothing where there is no device, or no NVRTC.
std::optional<PipeRates> measure_pipes();

}  // namespace softmaxflow::cuda
