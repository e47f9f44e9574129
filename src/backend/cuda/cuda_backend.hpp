#pragma once
/// The CUDA backend over any devices, so that tests can hand it some that play a part.

#include <functional>
#include <optional>

#include "backend/cuda/device.hpp"
#include "backend/cuda/specialisation.hpp"
#include "softmaxflow/backend.hpp"

namespace softmaxflow::cuda {

/// The loop of steps compiled for a shape, or none: then the kernel that knows sizes at run time
/// does it, with the same bits.
using Specialiser = std::function<std::optional<Kernel>(Device&, const Specialisation&)>;

std::unique_ptr<Backend> make_backend(Devices devices, Specialiser specialise);

/// By NVRTC, with or without the cache of compiled kernels.
Specialiser run_time_compiler(bool kernel_cache);

}  // namespace softmaxflow::cuda
