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

/// The kernel of a row of kernel_list.hpp.
#define SOFTMAXFLOW_KERNEL(work, precision, order, lanes, Arguments, body)                \
    extern "C" __global__ void __launch_bounds__(softmaxflow::kernels::threads_of(lanes)) \
        SOFTMAXFLOW_KERNEL_NAME(work, precision, order, lanes)(                           \
            const __grid_constant__ softmaxflow::kernels::Arguments arguments) {          \
        softmaxflow::kernels::run_item<lanes>(arguments,                                  \
                                              SOFTMAXFLOW_BODY(precision, order, body));  \
    }
