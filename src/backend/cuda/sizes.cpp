#include "backend/cuda/sizes.hpp"

#include <new>

#include "kernels/flow.hpp"

namespace softmaxflow::cuda {
namespace {

template <class Real>
using AnyFlow = kernels::AnyFlow<Real, model::Solo>;
using Flow = AnyFlow<double>;

kernels::Batch batch_of(const cpu::Choice& choice, const model::Parameters& parameters) {
    kernels::Batch batch;
    batch.parameters = parameters;
    batch.map = choice.map;
    batch.loss = choice.loss;
    batch.method = choice.method;
    return batch;
}

/// Bytes that count(arena) takes.
template <class Count>
unsigned long bytes(Count count) {
    model::Arena arena(nullptr);
    count(arena);
    return (arena.used() + 7) / 8 * 8;
}

template <class Part>
unsigned long part_bytes(const kernels::Batch& batch) {
    model::Queue queue;
    return bytes([&](model::Arena& arena) {
        kernels::make_part<Part>(batch, batch.parameters, {}, arena, queue);
    });
}

template <class Scheme>
unsigned long flow_bytes(const kernels::Batch& batch) {
    const auto first = part_bytes<kernels::ExplicitPart<Flow, Scheme>>(batch);
    const auto second = part_bytes<kernels::ImplicitPart<Flow>>(batch);
    return first > second ? first : second;
}

template <class Real>
Sizes descent_sizes(const kernels::Batch& batch, int lanes) {
    Sizes sizes;
    sizes.item = bytes([&](model::Arena& arena) {
        kernels::make_standing<Real>(batch, batch.parameters, {}, arena);
    });
    // A lane has its share of the tokens.
    kernels::Batch share = batch;
    share.parameters.tokens = (batch.parameters.tokens + lanes - 1) / lanes;
    sizes.lane = bytes([&](model::Arena& arena) {
        kernels::make_steps<AnyFlow<Real>, kernels::AnyMethod>(share, {}, arena);
    });
    return sizes;
}

}  // namespace

Sizes sizes_of(const cpu::Choice& choice, const model::Parameters& parameters, int lanes) {
    const kernels::Batch batch = batch_of(choice, parameters);
    Sizes sizes;
    if (choice.flow) {
        sizes.item = choice.order == 3   ? flow_bytes<model::BogackiShampine>(batch)
                     : choice.order == 8 ? flow_bytes<model::DormandPrince>(batch)
                                         : flow_bytes<model::Tsitouras>(batch);
        sizes.parked_numbers =
            kernels::ExplicitPart<Flow, model::Tsitouras>::parked_numbers(parameters,
                                                                          parameters.tokens);
        return sizes;
    }
    return choice.single ? descent_sizes<float>(batch, lanes) : descent_sizes<double>(batch, lanes);
}

unsigned long standing_bytes(const std::string& real) {
    return real == "float" ? sizeof(kernels::Standing<float>) : sizeof(kernels::Standing<double>);
}

}  // namespace softmaxflow::cuda
