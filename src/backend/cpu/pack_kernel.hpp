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

template <class System, class Method, class Monitor>
bool run(const KernelKey& key, const model::Parameters& parameters, const model::Record& record,
         long long first, long long count, char* memory) {
    constexpr int step = model::width_of<typename System::Real>;
    for (long long done = 0; done < count; done += step) {
        model::Arena arena(memory);
        const int live = count - done < step ? static_cast<int>(count - done) : step;
        model::Replicas<System, Method, Monitor> replicas(
            parameters, record, model::Solo{}, arena, first + done, live,
            System::Selection::of(key.map, key.loss), model::chosen<Method>(key.method));
        if (!replicas.run()) return false;
    }
    return true;
}

template <class System, class Method, class Monitor>
unsigned long memory(const KernelKey& key, const model::Parameters& parameters) {
    model::Arena counter(nullptr);
    const model::Replicas<System, Method, Monitor> probe(
        parameters, model::Record{}, model::Solo{}, counter, 0, 0,
        System::Selection::of(key.map, key.loss), model::chosen<Method>(key.method));
    return counter.used();
}

template <class System, class Method, class Monitor = model::NoMonitor>
constexpr Kernel kernel{run<System, Method, Monitor>, memory<System, Method, Monitor>};

/// The kernels by the number format of their steps. Those of either format are instantiated in
/// files of their own, which build side by side.

/// Descent: update_rules.hpp.
template <class T>
Kernel descent_kernel(const KernelKey& key, int tokens, int outputs);
extern template Kernel descent_kernel<double>(const KernelKey&, int, int);
extern template Kernel descent_kernel<float>(const KernelKey&, int, int);

/// Descent that claims are monitored along, in f64: monitored_descent.cpp.
Kernel monitored_descent_kernel();

/// Softmax, gradient descent and logistic loss of 4, 8 or 16 tokens, no kernel for other numbers:
/// small_n.hpp.
template <class T>
Kernel small_n(int tokens);
extern template Kernel small_n<double>(int);
extern template Kernel small_n<float>(int);

/// Gradient flow of any map, loss and size: value_softmax.hpp.
template <class T>
Kernel flow_kernel(const KernelKey& key, int tokens);
extern template Kernel flow_kernel<double>(const KernelKey&, int);
extern template Kernel flow_kernel<float>(const KernelKey&, int);

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
