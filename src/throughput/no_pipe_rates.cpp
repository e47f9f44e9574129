// Where the build has no CUDA toolkit.

#include "throughput/pipe_rates.hpp"

std::optional<softmaxflow::cuda::PipeRates> softmaxflow::cuda::measure_pipes() {
    return std::nullopt;
}
