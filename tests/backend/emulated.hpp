#pragma once
/// The kernels of kernels/kernel_list.hpp on the host: the same bodies, a team of fibers for a team
/// of lanes, and memory laid out as that of a device.

#include "kernels/kernel_list.hpp"

namespace emulated {

struct Kernel {
    int lanes = 1;
    void (*run)(const void* arguments) = nullptr;
};

/// The kernel of a row of the table.
Kernel find(const softmaxflow::kernels::KernelRow& row);

/// The loop of steps for softmax, logistic loss, gradient descent, 8 tokens, compiled for them,
/// with 1 or 2 lanes.
Kernel specialised_descent(int lanes);
/// Steps of the flow by the method of order 5, likewise with 1 or 4 lanes.
Kernel specialised_flow(int lanes);

}  // namespace emulated
