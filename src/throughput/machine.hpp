#pragma once
/// What this machine can do at most, measured while the benchmark runs.

#include <array>
#include <string>
#include <vector>

#include "throughput/peak_loops.hpp"

namespace softmaxflow::throughput {

/// What one vector operation takes on one core, in seconds.
struct UnitCost {
    double alone = 0.0;   ///< where nothing else is done
    double beside = 0.0;  ///< by how much it delays the fma around it: 0 where it goes elsewhere
};

struct Costs {
    int vector = 1;     ///< numbers per operation
    int registers = 0;  ///< vector registers
    std::array<UnitCost, cpu::unit_count> unit;

    [[nodiscard]] const UnitCost& operator[](cpu::Unit u) const {
        return unit[static_cast<std::size_t>(u)];
    }
};

/// Times the loops of throughput/peak_loops.hpp on all threads at once. Whatever else the machine
/// does only adds to a time, so the shortest ever seen counts.
class Machine {
public:
    /// Throws Error as find_instruction_set does.
    Machine(const std::string& instruction_set, bool single, int threads);
    /// Takes about 15 ms.
    void sample();
    [[nodiscard]] Costs costs() const;

private:
    struct Times {
        std::array<double, cpu::unit_count> alone, beside;  // seconds per round
    };
    void sample(Times& best) const;

    cpu::PeakLoops loops_;
    std::vector<Times> best_;  // (thread)
};

}  // namespace softmaxflow::throughput
