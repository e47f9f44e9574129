#include "throughput/device_bound.hpp"

#include <limits>

#include "throughput/limit.hpp"

namespace softmaxflow::throughput {

std::optional<PipeOperations> pipe_operations(const Problem& problem) {
    using cpu::Unit;
    const bool single = problem.config.backend.precision == "f32";
    const bool fast = problem.config.backend.numerics == "fast";
    // A lane has its arrays in registers.
    const auto counts = count_step(problem, std::numeric_limits<int>::max());
    if (!counts || (fast && !single)) return std::nullopt;
    const Counts& c = *counts;
    const double exponentials = c[Unit::table] + c[Unit::bits];
    PipeOperations operations;
    if (fast) {
        operations.special = exponentials + c[Unit::divide] + c[Unit::root];
        return operations;
    }
    // The largest |x| of an exponential is found by another pipe.
    const double plain = c[Unit::fma] + c[Unit::add] - exponentials;
    if (single)
        operations.f32 = plain + 3.0 * c[Unit::divide] + 5.0 * c[Unit::root];
    else
        operations.f64 = plain + 5.0 * c[Unit::divide] + 9.0 * c[Unit::root];
    return operations;
}

PipeBound bound_of(const PipeOperations& operations, const cuda::PipeRates& rates) {
    if (operations.special > 0.0) return {rates.special / operations.special, "special"};
    if (operations.f32 > 0.0) return {rates.f32 / operations.f32, "f32"};
    return {rates.f64 / operations.f64, "f64"};
}

}  // namespace softmaxflow::throughput
