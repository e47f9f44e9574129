#pragma once
/// From a problem to the plain data that kernels read.

#include "backend/host/kernel_key.hpp"
#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/problem.hpp"

namespace softmaxflow::host {

/// Pointers refer to the arrays of `problem`, which must outlive the result.
model::Parameters make_parameters(const Problem& problem);

/// The catalogue's indices of the problem's map, loss and method.
KernelKey make_kernel_key(const Problem& problem);

}  // namespace softmaxflow::host
