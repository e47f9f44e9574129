// The loops of peak.hpp. Compiled once per instruction set, as kernel.cpp is.

#include "backend/cpu/peak.hpp"

#include "softmaxflow/model/math.hpp"
#include "softmaxflow/model/pack.hpp"

namespace softmaxflow::cpu::SOFTMAXFLOW_TARGET {
namespace {

#if defined(__AVX512F__)
constexpr int width = 8, registers = 32;
#elif defined(__AVX2__)
constexpr int width = 4, registers = 16;
#else
constexpr int width = 2, registers = 16;
#endif

using Real = model::Pack<width, 1>;

struct Fma {
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) { return fma(x, b, b); }
};
struct Add {
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) { return x + b; }
};
struct Divide {
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) { return b / x; }
};
struct Root {
    SOFTMAXFLOW_HD static Real apply(Real x, Real) { return sqrt(x); }
};
struct Compare {
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) { return select(x < b, b, Real(1.0)); }
};
struct Table {
    SOFTMAXFLOW_HD static Real apply(Real x, Real) { return sixteenth_power(to_bits(x)); }
};
struct BitsOf {
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) {
        return from_bits(to_bits(b) + ((to_bits(x) >> 4) << 52));
    }
};

// Independent chains: enough that no chain waits for its own last result, and few enough for 16
// registers. Beside them two chains of the other operation, so seldom that their latency is hidden.
constexpr int chains = 10, side_chains = 2, fma_per_side = 4;

/// A number that the compiler cannot know.
SOFTMAXFLOW_HD Real unknown() {
    double x = 0.7;
    asm volatile("" : "+m"(x));
    return Real(x);
}
/// Makes the compiler believe that somebody reads x.
SOFTMAXFLOW_HD void keep(const Real& x) { asm volatile("" : : "r"(&x) : "memory"); }

template <class Op>
void alone(long long rounds) {
    const Real b = unknown();
    Real x[chains];
    for (Real& chain : x) chain = unknown();
    for (long long i = 0; i < rounds; ++i) {
        SOFTMAXFLOW_UNROLL(10)
        for (int k = 0; k < chains; ++k) x[k] = Op::apply(x[k], b);
    }
    Real total = b;
    SOFTMAXFLOW_UNROLL(10)
    for (int k = 0; k < chains; ++k) total = total + x[k];
    keep(total);
}

template <class Op>
void beside(long long rounds) {
    const Real b = unknown();
    Real x[chains], y[side_chains];
    for (Real& chain : x) chain = unknown();
    for (Real& chain : y) chain = unknown();
    for (long long i = 0; i < rounds; ++i) {
        SOFTMAXFLOW_UNROLL(4)
        for (int repeat = 0; repeat < fma_per_side; ++repeat) {
            SOFTMAXFLOW_UNROLL(10)
            for (int k = 0; k < chains; ++k) x[k] = fma(x[k], b, b);
        }
        SOFTMAXFLOW_UNROLL(2)
        for (int k = 0; k < side_chains; ++k) y[k] = Op::apply(y[k], b);
    }
    Real total = b;
    SOFTMAXFLOW_UNROLL(10)
    for (int k = 0; k < chains; ++k) total = total + x[k];
    SOFTMAXFLOW_UNROLL(2)
    for (int k = 0; k < side_chains; ++k) total = total + y[k];
    keep(total);
}

/// Reads an array of the first cache; exclusive or is the cheapest use of what was read.
void load(long long rounds) {
    Real memory[chains];
    for (Real& x : memory) x = unknown();
    model::PackBits<width, 1> total[2] = {0, 0};
    for (long long i = 0; i < rounds; ++i) {
        keep(memory[0]);
        SOFTMAXFLOW_UNROLL(10)
        for (int k = 0; k < chains; ++k) total[k % 2].v[0] ^= to_bits(memory[k]).v[0];
    }
    keep(from_bits(total[0]));
    keep(from_bits(total[1]));
}

void store(long long rounds) {
    Real memory[chains];
    const Real x = unknown();
    for (long long i = 0; i < rounds; ++i) {
        SOFTMAXFLOW_UNROLL(10)
        for (int k = 0; k < chains; ++k) memory[k] = x;
        keep(memory[0]);
    }
}

}  // namespace

PeakLoops peak_loops() {
    return {width,
            registers,
            chains,
            chains * fma_per_side,
            side_chains,
            {alone<Fma>, alone<Add>, alone<Divide>, alone<Root>, alone<Compare>, alone<Table>,
             alone<BitsOf>, load, store},
            {nullptr, beside<Add>, beside<Divide>, beside<Root>, beside<Compare>, beside<Table>,
             beside<BitsOf>, nullptr, nullptr}};
}

}  // namespace softmaxflow::cpu::SOFTMAXFLOW_TARGET
