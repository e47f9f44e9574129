#pragma once
/// Kernels compiled when the program runs, for the shape at hand, by NVRTC: the compiler of the
/// CUDA toolkit, opened as a library where there is one.

#include <optional>
#include <string>
#include <vector>

#include "backend/cuda/specialisation.hpp"

namespace softmaxflow::cuda {

/// Compiled kernels on disk: $XDG_CACHE_HOME/softmaxflow, else ~/.cache/softmaxflow. Safe with
/// several processes: a file is written under another name and renamed. A file that is damaged is
/// as good as none.
class KernelCache {
public:
    /// An empty folder: nothing is kept.
    explicit KernelCache(std::string folder) : folder_(std::move(folder)) {}
    static std::string default_folder();

    [[nodiscard]] std::optional<std::vector<char>> find(const std::string& key) const;
    /// What cannot be written is not kept.
    void keep(const std::string& key, const std::vector<char>& image) const;

private:
    [[nodiscard]] std::string path(const std::string& key) const;
    std::string folder_;
};

/// Whether kernels can be compiled; else why not.
std::optional<std::string> why_no_compiler();

/// The name of the kernel that has the steps of a shape.
inline const char* kernel_name(const Specialisation& specialisation) {
    return specialisation.flow ? "integrate" : "advance";
}

/// That kernel, of kernels/advance.cu or integrate.cu, as a cubin. Throws DeviceError with the
/// compiler's messages if it does not compile.
std::vector<char> compile(const Specialisation& specialisation, int architecture);

/// The same from the cache, where it is there.
std::vector<char> compiled(const Specialisation& specialisation, int architecture,
                           const KernelCache& cache);

/// The kernels of throughput/pipe_kernels.cu.
std::vector<char> compile_rates(int architecture);

}  // namespace softmaxflow::cuda
