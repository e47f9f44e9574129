#pragma once
/// Loops that do nothing but one kind of vector operation, each written with the operations of the
/// model and compiled once per instruction set: what the machine can do at most.

#include <string>

namespace softmaxflow::cpu {

/// Kinds of operations, told apart by what they cost beside multiplications. `add` stands for
/// subtractions, maxima and clamps too, `fma` for products; `table` is the lookup and `bits` the
/// arithmetic on exponents in exp.
enum class Unit : int { fma, add, divide, root, compare, table, bits, load, store };
inline constexpr int unit_count = 9;
inline constexpr const char* unit_names[unit_count] = {"fma",   "add",  "divide", "root", "compare",
                                                       "table", "bits", "load",   "store"};

struct PeakLoops {
    int vector = 1;                        ///< numbers per operation
    int registers = 0;                     ///< vector registers of the instruction set
    int alone_count = 0;                   ///< operations per round of an `alone` loop
    int beside_fma = 0, beside_count = 0;  ///< fma and other operations per round of `beside`
    void (*alone[unit_count])(long long rounds) = {};
    void (*beside[unit_count])(long long rounds) = {};  ///< null for fma, load and store
};

namespace avx512 {
PeakLoops peak_loops(bool single);
}
namespace avx2 {
PeakLoops peak_loops(bool single);
}
namespace generic {
PeakLoops peak_loops(bool single);
}

/// Those of an instruction set that this machine runs, on doubles or floats. Throws as
/// find_instruction_set does.
PeakLoops peak_loops(const std::string& instruction_set, bool single);

}  // namespace softmaxflow::cpu
