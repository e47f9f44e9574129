#pragma once
/// What the build puts into the program: compiled kernels, and the text of those that are compiled
/// when it runs.

#include <vector>

namespace softmaxflow::cuda {

/// Kernels compiled for several architectures (fatbins), by kernels::Image. Empty where the build
/// left them out (SOFTMAXFLOW_CUDA_KERNELS=OFF).
const std::vector<const char*>& images();

/// A file as an #include names it.
struct Source {
    const char* name;
    const char* text;
};

/// kernels/advance.cu, integrate.cu, throughput/pipe_kernels.cu and everything that they include.
const std::vector<Source>& sources();

}  // namespace softmaxflow::cuda
