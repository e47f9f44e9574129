#pragma once
/// The kernels of few tokens, on two vectors at a time.

#include "backend/cpu/run.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {

/// Two vectors in flight hide the latency of the chain exp - sum - reciprocal - output - residual;
/// with more tokens one vector has enough to do, and fits the first cache.
template <class T, int N>
constexpr Kernel logistic =
    kernel<model::Flow<model::Softmax, model::Logistic, Vectors<T, 2>, model::Solo, N, 1>,
           model::GradientDescent>;

template <class T>
Kernel few_tokens(int tokens) {
    switch (tokens) {
        case 4:
            return logistic<T, 4>;
        case 8:
            return logistic<T, 8>;
        case 16:
            return logistic<T, 16>;
        default:
            return {};
    }
}

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
