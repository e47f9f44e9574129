#pragma once
/// The kernels of descent, but those of small_n.hpp.

#include "backend/cpu/pack_kernel.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {

/// Softmax and gradient descent; strict, and with carried exponentials.
template <class Loss, class Real, int N, int M>
constexpr Kernel descent =
    kernel<model::ValueSoftmax<model::Softmax, Loss, Real, model::Solo, N, M>,
           model::GradientDescent>;
template <class Loss, class Real, int N, int M>
constexpr Kernel carried =
    kernel<model::CarriedValueSoftmax<Loss, Real, N, M>, model::CarriedDescent>;

/// Every map, loss, method and size: the same arithmetic with loops of run-time length and branches
/// on map, loss and method.
template <class T>
constexpr Kernel anything =
    kernel<model::AnyValueSoftmax<Vectors<T, 1>, model::Solo>, model::Any<model::Methods>>;

template <class Loss>
constexpr int place = model::index_of<model::Losses>(Loss::name);

/// A shape that the compiler gets to know: the benchmark's and the paper's.
struct Special {
    int loss;
    int tokens, outputs;
    Kernel strict, fast;
};

/// Fast numerics takes the strict kernel where that is the faster one: in f32, where an exponential
/// costs little more than carrying one, everywhere.
template <class T, class Loss, int N>
constexpr Kernel fast_if_it_pays() {
    if constexpr (sizeof(T) < sizeof(double))
        return descent<Loss, Vectors<T, 1>, N, 1>;
    else
        return carried<Loss, Vectors<T, 1>, N, 1>;
}

#if defined(__AVX2__)
template <class T>
constexpr Special specials[] = {
    {place<model::Logistic>, 32, 1, descent<model::Logistic, Vectors<T, 1>, 32, 1>,
     fast_if_it_pays<T, model::Logistic, 32>()},
    {place<model::Logistic>, 64, 1, descent<model::Logistic, Vectors<T, 1>, 64, 1>,
     fast_if_it_pays<T, model::Logistic, 64>()},
    {place<model::CrossEntropy>, 10, 10, descent<model::CrossEntropy, Vectors<T, 1>, 10, 10>,
     descent<model::CrossEntropy, Vectors<T, 1>, 10, 10>},
    {place<model::Regression>, 20, 20, descent<model::Regression, Vectors<T, 1>, 20, 20>,
     descent<model::Regression, Vectors<T, 1>, 20, 20>},
};
#endif

/// No kernel where the shape is not special.
template <class T>
Kernel find_special(const KernelKey& key, int tokens, [[maybe_unused]] int outputs) {
    const bool plain = key.map == model::index_of<model::Maps>(model::Softmax::name) &&
                       key.method == model::index_of<model::Methods>(model::GradientDescent::name);
    if (!plain) return {};
#if defined(__AVX2__)
    for (const Special& s : specials<T>)
        if (s.loss == key.loss && s.tokens == tokens && s.outputs == outputs)
            return key.fast ? s.fast : s.strict;
#endif
    return key.loss == place<model::Logistic> ? small_n<T>(tokens) : Kernel{};
}

template <class T>
Kernel descent_kernel(const KernelKey& key, int tokens, int outputs) {
    const Kernel special = find_special<T>(key, tokens, outputs);
    if (special.run != nullptr) return special;
    if constexpr (sizeof(T) == sizeof(double))
        if (key.fast) return carried<model::Any<model::Losses>, Vectors<T, 1>, 0, 0>;
    return anything<T>;
}

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
