#pragma once
/// The kernels of kernels/kernel_list.hpp on the host: the same bodies, a team of fibers for a team
/// of lanes, and memory laid out as that of a device.

#include <string>

namespace emulated {

struct Kernel {
    int lanes = 0;  ///< 0: there is no such kernel
    void (*run)(const void* arguments) = nullptr;
};

/// A kernel of the list.
Kernel find(const std::string& name);

/// The loop of steps for softmax, logistic loss, gradient descent, 8 tokens, compiled for them,
/// with 1 or 2 lanes.
Kernel specialised_descent(int lanes);
/// Steps of the flow by the method of order 5, likewise with 1 or 4 lanes.
Kernel specialised_flow(int lanes);

}  // namespace emulated
