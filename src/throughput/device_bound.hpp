#pragma once
/// What the pipes of a device allow: a step's useful operations on the busiest of them.

#include <optional>

#include "softmaxflow/problem.hpp"
#include "throughput/pipe_rates.hpp"

namespace softmaxflow::throughput {

/// Operations of one replica-step on the pipe that bounds it.
struct PipeOperations {
    double f64 = 0.0, f32 = 0.0, special = 0.0;
};

/// Those of the formulas, as count_step has them for a CPU; machine code agrees within 2 %
/// (docs/performance.md). Reciprocals and roots take a seed and Newton's method. Fast numerics in
/// f32 is bound by the special-function unit. Empty for what is not counted, and for fast numerics
/// in f64, where the compiler fuses as it can.
std::optional<PipeOperations> pipe_operations(const Problem& problem);

struct PipeBound {
    double replica_steps_per_second = 0.0;
    const char* pipe = "";
};
PipeBound bound_of(const PipeOperations& operations, const cuda::PipeRates& rates);

}  // namespace softmaxflow::throughput
