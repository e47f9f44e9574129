#pragma once
/// The instruction-throughput limit: how long the operations of a step take at least.
///
/// Counted are the vector operations that the formulas of model/dynamics/value_softmax.hpp,
/// map.hpp, loss.hpp and update_rules.hpp need; a count of the machine code of the kernels agrees
/// (docs/performance.md). Two kinds of bounds follow, and the longest is the limit:
///
///   fma     every fma and product at the rate of fma, plus, for each other operation, what it was
///           measured to delay fma by. On a core with adders of their own (AMD Zen) an addition
///           costs nothing here; where the same ports do both (Intel) it costs as much as an fma.
///   others  additions, divisions, loads and stores at their own rates. Arrays of which all entries
///           fit the vector registers need no memory; of larger ones the part that does not fit is
///           loaded and stored as often as two passes over the tokens must.
///
/// Latencies, moves, logic and the control of loops are not counted: real code cannot be faster.

#include <array>
#include <optional>

#include "softmaxflow/problem.hpp"
#include "throughput/machine.hpp"

namespace softmaxflow::throughput {

/// Vector operations of one step of one vector of replicas, by cpu::Unit.
struct Counts {
    std::array<double, cpu::unit_count> of{};

    double& operator[](cpu::Unit u) { return of[static_cast<std::size_t>(u)]; }
    double operator[](cpu::Unit u) const { return of[static_cast<std::size_t>(u)]; }
    Counts& operator+=(const Counts& other);
    friend Counts operator*(double factor, Counts counts);
};

/// Empty for what is not counted: other maps than softmax, other methods than gradient descent,
/// decay, and the exponential loss. With fast numerics, steps that carry the exponentials are
/// counted, whether or not the kernel of that shape does; in f32 no kernel does, and none are.
std::optional<Counts> count_step(const Problem& problem, int registers);

struct Limit {
    double seconds = 0.0;  ///< per replica-step and core
    cpu::Unit bound_by = cpu::Unit::fma;
    std::array<double, cpu::unit_count> bounds{};  ///< seconds, by Unit; 0: not a bound of its own
};
Limit limit_of(const Counts& counts, const Costs& costs);

}  // namespace softmaxflow::throughput
