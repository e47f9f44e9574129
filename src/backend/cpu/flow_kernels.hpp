#pragma once
/// The kernels of gradient flow.

#include "backend/cpu/flow_executor.hpp"
#include "backend/cpu/pack_kernel.hpp"
#include "softmaxflow/model/claims/monitor.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {

template <class T>
using AnyFlow = model::Flow<model::Any<model::Maps>, model::Any<model::Losses>, Vectors<T, 1>,
                            model::Solo, 0, 0>;

template <class Scheme, class Flow>
bool run_flow(const KernelKey& key, const model::Parameters& parameters,
              const model::Record& record, long long first, long long count, char* memory) {
    model::Arena arena(memory);
    return model::run_flow<Scheme, Flow, typename model::MonitorOf<Flow>::Type>(
        parameters, record, model::Solo{}, arena, first, count,
        model::chosen<typename Flow::Map>(key.map), model::chosen<typename Flow::Loss>(key.loss));
}

template <class Scheme, class Flow>
unsigned long flow_memory(const KernelKey& key, const model::Parameters& parameters) {
    return model::flow_memory<Scheme, Flow, typename model::MonitorOf<Flow>::Type>(
        parameters, parameters.group, model::Solo{}, model::chosen<typename Flow::Map>(key.map),
        model::chosen<typename Flow::Loss>(key.loss));
}

template <class Scheme, class Flow>
constexpr Kernel integrated{run_flow<Scheme, Flow>, flow_memory<Scheme, Flow>};

/// The shape that the compiler gets to know: the benchmark's and the examples'.
template <class T>
using KnownFlow = model::Flow<model::Softmax, model::Logistic, Vectors<T, 1>, model::Solo, 8, 1>;

template <class T>
Kernel flow_kernel(const KernelKey& key, [[maybe_unused]] int tokens) {
#if defined(__AVX2__)
    if constexpr (sizeof(T) == sizeof(double)) {
        const bool known =
            !key.monitored && key.map == model::index_of<model::Maps>(model::Softmax::name) &&
            key.loss == model::index_of<model::Losses>(model::Logistic::name) && tokens == 8;
        if (known && key.order == 8) return integrated<model::DormandPrince, KnownFlow<T>>;
        if (known && key.order == 5) return integrated<model::Tsitouras, KnownFlow<T>>;
    }
#endif
    if (key.order == 3) return integrated<model::BogackiShampine, AnyFlow<T>>;
    if (key.order == 8) return integrated<model::DormandPrince, AnyFlow<T>>;
    return integrated<model::Tsitouras, AnyFlow<T>>;
}

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
