#include "backend/cuda/sizes.hpp"

#include <new>

#include "kernels/flow.hpp"
#include "kernels/watch.hpp"

namespace softmaxflow::cuda {
namespace {

template <class Real>
using AnyFlow = kernels::AnyFlow<Real, model::Solo>;

kernels::Batch batch_of(const cpu::Choice& choice, const model::Parameters& parameters) {
    kernels::Batch batch;
    batch.parameters = parameters;
    batch.map = choice.map;
    batch.loss = choice.loss;
    batch.method = choice.method;
    return batch;
}

/// A lane's share of the tokens.
int slots_of(const model::Parameters& parameters, int lanes) {
    return (parameters.tokens + lanes - 1) / lanes;
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
        kernels::make_part<Part>(batch, batch.parameters, {}, model::Solo{}, arena, queue);
    });
}

template <class Real, class Scheme>
unsigned long flow_bytes(const kernels::Batch& batch) {
    const auto first = part_bytes<kernels::ExplicitPart<AnyFlow<Real>, Scheme>>(batch);
    const auto second = part_bytes<kernels::ImplicitPart<AnyFlow<Real>>>(batch);
    return first > second ? first : second;
}

/// Teams of a device are empty objects, so that one lane of many is as large as one alone.
template <class Real>
Sizes flow_sizes(kernels::Batch batch, int order, int lanes) {
    using Part = kernels::ExplicitPart<AnyFlow<Real>, model::Tsitouras>;
    batch.parameters.tokens = slots_of(batch.parameters, lanes);
    Sizes sizes;
    sizes.item = order == 3   ? flow_bytes<Real, model::BogackiShampine>(batch)
                 : order == 8 ? flow_bytes<Real, model::DormandPrince>(batch)
                              : flow_bytes<Real, model::Tsitouras>(batch);
    sizes.parked_numbers = lanes * Part::parked_numbers(batch.parameters, batch.parameters.tokens);
    return sizes;
}

template <class Real>
Sizes descent_sizes(const kernels::Batch& batch, int lanes) {
    Sizes sizes;
    sizes.item = bytes([&](model::Arena& arena) {
        kernels::make_standing<Real>(batch, batch.parameters, {}, arena);
    });
    kernels::Batch share = batch;
    share.parameters.tokens = slots_of(batch.parameters, lanes);
    sizes.lane = bytes([&](model::Arena& arena) {
        if (batch.parameters.watched != 0)
            kernels::make_watcher(batch, batch.parameters, {}, arena);
        else
            kernels::make_steps<AnyFlow<Real>, kernels::AnyMethod>(share, {}, arena);
    });
    return sizes;
}

}  // namespace

Sizes sizes_of(const cpu::Choice& choice, const model::Parameters& parameters, int lanes) {
    const kernels::Batch batch = batch_of(choice, parameters);
    if (choice.flow)
        return choice.single ? flow_sizes<float>(batch, choice.order, lanes)
                             : flow_sizes<double>(batch, choice.order, lanes);
    return choice.single ? descent_sizes<float>(batch, lanes) : descent_sizes<double>(batch, lanes);
}

unsigned long standing_bytes(const std::string& real) {
    return real == "float" ? sizeof(kernels::Standing<float>) : sizeof(kernels::Standing<double>);
}

}  // namespace softmaxflow::cuda
