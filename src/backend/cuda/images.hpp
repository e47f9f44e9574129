#pragma once
/// What the build puts into the program: compiled kernels, and the text of those that are compiled
/// when it runs.

#include <string>
#include <vector>

namespace softmaxflow::cuda {

struct Entry {
    std::string name;
    int lanes = 1;
};

/// Kernels compiled for several architectures (a fatbin).
struct Image {
    const char* data = nullptr;
    std::vector<Entry> entries;
};

/// Empty where the build left them out (SOFTMAXFLOW_CUDA_KERNELS=OFF).
const std::vector<Image>& images();

/// A file as an #include names it.
struct Source {
    const char* name;
    const char* text;
};

/// kernels/advance.cu, integrate.cu, throughput/pipe_kernels.cu and everything that they include.
const std::vector<Source>& sources();

}  // namespace softmaxflow::cuda
