#pragma once
/// The kernels of gradient flow.

#include "backend/cpu/run.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {

template <class T>
using AnyFlow = model::Flow<model::Any<model::Maps>, model::Any<model::Losses>, Vectors<T, 1>,
                            model::Solo, 0, 0>;

template <class Scheme, class Flow>
bool run_flow(const Choice& choice, const model::Parameters& parameters,
              const model::Record& record, long long first, long long count, char* memory) {
    model::Arena arena(memory);
    return model::run_flow<Scheme, Flow>(parameters, record, model::Solo{}, arena, first, count,
                                         model::chosen<typename Flow::Map>(choice.map),
                                         model::chosen<typename Flow::Loss>(choice.loss));
}

template <class Scheme, class Flow>
unsigned long flow_memory(const Choice& choice, const model::Parameters& parameters) {
    model::Arena counter(nullptr);
    model::run_flow<Scheme, Flow>(parameters, model::Record{}, model::Solo{}, counter, 0,
                                  parameters.group, model::chosen<typename Flow::Map>(choice.map),
                                  model::chosen<typename Flow::Loss>(choice.loss));
    return counter.used();
}

template <class Scheme, class Flow>
constexpr Kernel integrated{run_flow<Scheme, Flow>, flow_memory<Scheme, Flow>};

template <class T>
Kernel flow_kernel(const Choice& choice) {
    if (choice.order == 3) return integrated<model::BogackiShampine, AnyFlow<T>>;
    if (choice.order == 8) return integrated<model::DormandPrince, AnyFlow<T>>;
    return integrated<model::Tsitouras, AnyFlow<T>>;
}

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
