#pragma once
/// The kernels of gradient flow.

#include "backend/cpu/flow_executor.hpp"
#include "backend/cpu/pack_kernel.hpp"
#include "softmaxflow/model/claims/monitor.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {

template <class T>
using AnySystem = model::AnyValueSoftmax<Vectors<T, 1>, model::Solo>;

template <class Scheme, class System>
bool run_flow(const KernelKey& key, const model::Parameters& parameters,
              const model::Record& record, long long first, long long count, char* memory) {
    model::Arena arena(memory);
    return model::run_flow<Scheme, System, typename model::MonitorOf<System>::Type>(
        parameters, record, model::Solo{}, arena, first, count,
        System::Selection::of(key.map, key.loss));
}

template <class Scheme, class System>
unsigned long flow_memory(const KernelKey& key, const model::Parameters& parameters) {
    return model::flow_memory<Scheme, System, typename model::MonitorOf<System>::Type>(
        parameters, parameters.group, model::Solo{}, System::Selection::of(key.map, key.loss));
}

template <class Scheme, class System>
constexpr Kernel integrated{run_flow<Scheme, System>, flow_memory<Scheme, System>};

#if defined(__AVX2__)
/// The shape that the compiler gets to know: the benchmark's and the examples'.
template <class T>
using KnownSystem =
    model::ValueSoftmax<model::Softmax, model::Logistic, Vectors<T, 1>, model::Solo, 8, 1>;

inline bool is_known(const KernelKey& key, int tokens) {
    return !key.monitored && key.map == model::index_of<model::Maps>(model::Softmax::name) &&
           key.loss == model::index_of<model::Losses>(model::Logistic::name) && tokens == 8;
}
#endif

/// No kernel where no scheme has that order.
template <class T>
Kernel flow_kernel(const KernelKey& key, [[maybe_unused]] int tokens) {
    Kernel kernel;
    model::with_scheme(key.order, [&](auto scheme) {
        using Scheme = decltype(scheme);
        kernel = integrated<Scheme, AnySystem<T>>;
#if defined(__AVX2__)
        // Who asks for order 3 is not after speed.
        if constexpr (sizeof(T) == sizeof(double) && Scheme::order > 3)
            if (is_known(key, tokens)) kernel = integrated<Scheme, KnownSystem<T>>;
#endif
    });
    return kernel;
}

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
