#pragma once
/// A Kernel of one flow and method: the replicas of a block on SIMD packs. Included by the files
/// that are compiled once per instruction set; SOFTMAXFLOW_TARGET names it.

#include "backend/cpu/kernel.hpp"
#include "backend/cpu/replicas.hpp"
#include "softmaxflow/model/dynamics/carried_exponentials.hpp"
#include "softmaxflow/model/numerics/pack.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

/// P vectors of the number format T.
template <class T, int P>
using Vectors = model::Pack<vector_bytes / static_cast<int>(sizeof(T)), P, T>;

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

/// The kernels by the number format of their steps. Those of either format are instantiated in
/// files of their own, which build side by side.

/// Descent: descent.hpp.
template <class T>
Kernel descent_kernel(const Choice& choice, int tokens, int outputs);
extern template Kernel descent_kernel<double>(const Choice&, int, int);
extern template Kernel descent_kernel<float>(const Choice&, int, int);

/// Descent that claims are watched along, in f64: watched_descent.cpp.
Kernel watched_descent_kernel();

/// Softmax, gradient descent and logistic loss of 4, 8 or 16 tokens, no kernel for other numbers:
/// few_tokens.hpp.
template <class T>
Kernel few_tokens(int tokens);
extern template Kernel few_tokens<double>(int);
extern template Kernel few_tokens<float>(int);

/// Gradient flow of any map, loss and size: flow.hpp.
template <class T>
Kernel flow_kernel(const Choice& choice, int tokens);
extern template Kernel flow_kernel<double>(const Choice&, int);
extern template Kernel flow_kernel<float>(const Choice&, int);

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
