#pragma once
/// What the kernels of pipe_kernels.cu work on.

namespace softmaxflow::kernels {

struct PipeArguments {
    int rounds = 0;
    double a = 0.0, b = 0.0;  // x <- a x + b
    double* out = nullptr;
};

/// Operations that a thread does in a round: so many chains, side by side, of so many each.
inline constexpr int rate_chains = 8, rate_length = 8;

}  // namespace softmaxflow::kernels
