// Where the build has no CUDA toolkit.

#include "backend/cuda/report.hpp"
#include "softmaxflow/backend.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {

std::string why_no_cuda() {
    return "this program was built without the CUDA toolkit (SOFTMAXFLOW_CUDA)";
}

std::unique_ptr<Backend> make_cuda_backend(const BackendOptions&) {
    throw Error(Exit::device, "the CUDA backend cannot be used: " + why_no_cuda());
}

}  // namespace softmaxflow

std::optional<softmaxflow::cuda::KernelReport> softmaxflow::cuda::describe_kernel(const Problem&) {
    return std::nullopt;
}
