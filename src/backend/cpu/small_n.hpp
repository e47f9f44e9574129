#pragma once
/// The kernels of few tokens, on two vectors at a time.

#include "backend/cpu/pack_kernel.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {

/// Two vectors in flight hide the latency of the chain exp - sum - reciprocal - output - residual;
/// with more tokens one vector has enough to do, and fits the first cache.
template <class T, int N>
constexpr Kernel logistic =
    kernel<model::ValueSoftmax<model::Softmax, model::Logistic, Vectors<T, 2>, model::Solo, N, 1>,
           model::GradientDescent>;

/// Without fma there is no speed to gain: one number format is enough to test these shapes.
#if defined(__AVX2__)
template <class T>
inline constexpr bool has_small_n = true;
#else
template <class T>
inline constexpr bool has_small_n = sizeof(T) == sizeof(double);
#endif

template <class T>
Kernel small_n([[maybe_unused]] int tokens) {
    if constexpr (has_small_n<T>) {
        if (tokens == 4) return logistic<T, 4>;
        if (tokens == 8) return logistic<T, 8>;
        if (tokens == 16) return logistic<T, 16>;
    }
    return {};
}

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
