#pragma once
/// A Kernel of one flow and method: the replicas of a block on SIMD packs. Included by the files
/// that are compiled once per instruction set; SOFTMAXFLOW_TARGET names it.

#include "backend/cpu/kernel.hpp"
#include "softmaxflow/model/fast.hpp"
#include "softmaxflow/model/pack.hpp"
#include "softmaxflow/model/replica.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {

#if defined(__AVX512F__)
inline constexpr int width = 8;
#elif defined(__AVX2__)
inline constexpr int width = 4;
#else
inline constexpr int width = 2;
#endif

template <class Flow, class Method, class Watcher>
bool run(const Choice& choice, const model::Parameters& parameters, const model::Record& record,
         long long first, long long count, char* memory) {
    using Map = typename Flow::Map;
    using Loss = typename Flow::Loss;
    constexpr int step = model::width_of<typename Flow::Real>;
    for (long long done = 0; done < count; done += step) {
        model::Arena arena(memory);
        const int live = count - done < step ? static_cast<int>(count - done) : step;
        model::Replicas<Flow, Method, Watcher> replicas(
            parameters, record, model::Solo{}, arena, first + done, live,
            model::chosen<Map>(choice.map), model::chosen<Loss>(choice.loss),
            model::chosen<Method>(choice.method));
        if (!replicas.run()) return false;
    }
    return true;
}

template <class Flow, class Method, class Watcher>
unsigned long memory(const Choice& choice, const model::Parameters& parameters) {
    model::Arena counter(nullptr);
    const model::Replicas<Flow, Method, Watcher> probe(
        parameters, model::Record{}, model::Solo{}, counter, 0, 0,
        model::chosen<typename Flow::Map>(choice.map),
        model::chosen<typename Flow::Loss>(choice.loss), model::chosen<Method>(choice.method));
    return counter.used();
}

template <class Flow, class Method, class Watcher = model::Unwatched>
constexpr Kernel kernel{run<Flow, Method, Watcher>, memory<Flow, Method, Watcher>};

/// Softmax and gradient descent; strict, and with carried exponentials.
template <class Loss, class Real, int N, int M>
constexpr Kernel descent =
    kernel<model::Flow<model::Softmax, Loss, Real, model::Solo, N, M>, model::GradientDescent>;
template <class Loss, class Real, int N, int M>
constexpr Kernel carried = kernel<model::CarriedFlow<Loss, Real, N, M>, model::CarriedDescent>;

/// Gradient flow of any map, loss and size, or of what flow_kernel.cpp is specialised to.
Kernel flow_kernel(const Choice& choice, int tokens, int outputs);

/// Descent by any map, loss, method and size that claims are watched along: watched_kernel.cpp.
Kernel watched_kernel();

/// Logistic loss, 4, 8 or 16 tokens: few_tokens.cpp. No kernel for other numbers.
Kernel few_tokens(int tokens);

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
