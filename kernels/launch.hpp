#pragma once
/// From an entry to a kernel of a device.

#include "kernels/device_team.hpp"
#include "softmaxflow/model/numerics/exp_table.hpp"

namespace softmaxflow::kernels {

/// Runs body(arguments, item, team) on the team that this thread belongs to.
template <int Lanes, class Arguments, class Body>
__device__ __forceinline__ void run_item(const Arguments& arguments, Body body) {
    model::fill_tables();
    const long long thread = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    const long long item = thread / Lanes;
    if (item < arguments.items) body(arguments, item, typename TeamOf<Lanes>::Type{});
}

}  // namespace softmaxflow::kernels

#define SOFTMAXFLOW_KERNEL(name, lanes, Arguments, body)                                  \
    extern "C" __global__ void __launch_bounds__(softmaxflow::kernels::threads_of(lanes)) \
        name(const __grid_constant__ softmaxflow::kernels::Arguments arguments) {         \
        using namespace softmaxflow::kernels;                                             \
        run_item<lanes>(arguments, [](const auto& a, long long item, auto team) {         \
            using Team [[maybe_unused]] = decltype(team);                                 \
            body(a, item, team);                                                          \
        });                                                                               \
    }
