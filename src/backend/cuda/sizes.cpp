#include "backend/cuda/sizes.hpp"

#include <algorithm>
#include <new>

#include "backend/host/schemes.hpp"
#include "kernels/flow.hpp"
#include "kernels/monitored_descent.hpp"

namespace softmaxflow::cuda {
namespace {

template <class Real>
using AnySystem = kernels::AnySystem<Real, model::Solo>;

kernels::Batch batch_of(const host::KernelKey& key, const model::Parameters& parameters) {
    kernels::Batch batch;
    batch.parameters = parameters;
    batch.map = key.map;
    batch.loss = key.loss;
    batch.method = key.method;
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

/// What a lane of a team uses: teams of a device are empty objects, so that one lane of many is as
/// large as one alone.
template <class Part>
unsigned long part_bytes(const kernels::Batch& share) {
    return bytes(
        [&](model::Arena& arena) { kernels::make_part<Part>(share, {}, model::Solo{}, arena); });
}

/// For the methods that the run may take.
template <class Real, class Scheme>
unsigned long steps_bytes(const kernels::Batch& share) {
    if (share.parameters.stiff == model::Stiff::off)
        return part_bytes<kernels::AnyExplicit<Real, model::Solo, Scheme>>(share);
    return std::max(part_bytes<kernels::AnyExplicit<Real, model::Solo, Scheme>>(share),
                    part_bytes<kernels::AnyImplicit<Real, model::Solo>>(share));
}

template <class Real>
Sizes flow_sizes(const kernels::Batch& batch, int lanes) {
    Sizes sizes;
    sizes.item = bytes([&](model::Arena& arena) {
        kernels::make_trajectory<Real>(batch, batch.parameters, {}, arena);
    });
    sizes.initialize =
        bytes([&](model::Arena& arena) { kernels::make_initializer<Real>(batch, {}, arena); });
    kernels::Batch share = batch;
    share.parameters.tokens = slots_of(batch.parameters, lanes);
    host::with_scheme(batch.parameters.order, [&](auto scheme) {
        sizes.lane = steps_bytes<Real, decltype(scheme)>(share);
    });
    return sizes;
}

template <class Real>
Sizes descent_sizes(const kernels::Batch& batch, int lanes) {
    Sizes sizes;
    sizes.item = bytes([&](model::Arena& arena) {
        kernels::make_descent_state<Real>(batch, batch.parameters, {}, arena);
    });
    kernels::Batch share = batch;
    share.parameters.tokens = slots_of(batch.parameters, lanes);
    sizes.lane = bytes([&](model::Arena& arena) {
        if (batch.parameters.monitored != 0)
            kernels::make_monitor(batch, batch.parameters, {}, arena);
        else
            kernels::make_steps<AnySystem<Real>, kernels::AnyMethod>(share, {}, arena);
    });
    return sizes;
}

}  // namespace

Sizes sizes_of(const host::KernelKey& key, const model::Parameters& parameters, int lanes) {
    const kernels::Batch batch = batch_of(key, parameters);
    if (key.flow)
        return key.single ? flow_sizes<float>(batch, lanes) : flow_sizes<double>(batch, lanes);
    return key.single ? descent_sizes<float>(batch, lanes) : descent_sizes<double>(batch, lanes);
}

unsigned long replica_bytes(const std::string& real, bool flow) {
    if (flow)
        return real == "float" ? sizeof(kernels::Trajectory<float>)
                               : sizeof(kernels::Trajectory<double>);
    return real == "float" ? sizeof(kernels::DescentState<float>)
                           : sizeof(kernels::DescentState<double>);
}

}  // namespace softmaxflow::cuda
