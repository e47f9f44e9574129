#pragma once
/// What a kernel is specialised to, and how many lanes share a replica of it.

#include <optional>
#include <string>

#include "backend/host/kernel_key.hpp"
#include "softmaxflow/problem.hpp"

namespace softmaxflow::cuda {

/// The struct that has a name in a list of the model: gradient_descent -> GradientDescent.
std::string type_name(const std::string& name);

struct Specialisation {
    std::string map, loss, method;  ///< types of model/; of a flow, the scheme is its method
    std::string real = "double";
    int tokens = 0, outputs = 0;
    int lanes = 1;
    int threads = 128;  ///< of a block
    int blocks = 3;     ///< that a multiprocessor should hold: bounds the registers
    bool fast = false;  ///< numerics
    bool flow = false;  ///< kernels/integrate.cu, else advance.cu
};

/// The tuning table: a lane should hold its numbers in registers. None where that is out of reach
/// even for a block: then arrays stream from memory.
std::optional<Specialisation> specialisation_of(const Problem& problem, const host::KernelKey& key);

/// The same, for sizes known at run time: the lanes of an entry advance_..., 1, 32 or 256.
int lanes_of_any(const Problem& problem, const host::KernelKey& key);

/// The lanes of an entry flow_..., 1 or 32.
int lanes_of_flow(const Problem& problem, const host::KernelKey& key);

}  // namespace softmaxflow::cuda
