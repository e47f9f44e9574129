// The loops of peak_loops.hpp. Compiled once per instruction set, as kernel.cpp is.

#include "throughput/peak_loops.hpp"

#include "softmaxflow/model/numerics/math.hpp"
#include "softmaxflow/model/numerics/pack.hpp"

namespace softmaxflow::cpu::SOFTMAXFLOW_TARGET {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64, registers = 32;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32, registers = 16;
#else
constexpr int vector_bytes = 16, registers = 16;
#endif

template <class T>
using Vector = model::Pack<vector_bytes / static_cast<int>(sizeof(T)), 1, T>;

struct Fma {
    template <class Real>
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) {
        return fma(x, b, b);
    }
};
struct Add {
    template <class Real>
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) {
        return x + b;
    }
};
struct Divide {
    template <class Real>
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) {
        return b / x;
    }
};
struct Root {
    template <class Real>
    SOFTMAXFLOW_HD static Real apply(Real x, Real) {
        return sqrt(x);
    }
};
struct Compare {
    template <class Real>
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) {
        return select(x < b, b, Real(1.0));
    }
};
/// The exponent of exp where it has no table.
struct BitsOf {
    template <class Real>
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) {
        return from_bits(to_bits(b) + (to_bits(x) << model::FormatOf<Real>::significand_bits));
    }
};
/// Table and exponent of exp. There is none in f32: what stands for it is never asked for.
struct Table {
    template <class Real>
    SOFTMAXFLOW_HD static Real apply(Real x, Real b) {
        if constexpr (model::Elementary<model::ScalarOf<Real>>::fraction_bits > 0)
            return sixteenth_power(to_bits(x));
        else
            return BitsOf::apply(x, b);
    }
};

// Independent chains: enough that no chain waits for its own last result, and few enough for 16
// registers. Beside them two chains of the other operation, so seldom that their latency is hidden.
constexpr int chains = 10, side_chains = 2, fma_per_side = 4;

/// A number that the compiler cannot know.
template <class Real>
SOFTMAXFLOW_HD Real unknown() {
    model::ScalarOf<Real> x(0.7F);
    asm volatile("" : "+m"(x));
    return Real(x);
}
/// Makes the compiler believe that somebody reads x.
template <class Real>
SOFTMAXFLOW_HD void keep(const Real& x) {
    asm volatile("" : : "r"(&x) : "memory");
}

template <class Real, class Op>
void alone(long long rounds) {
    const Real b = unknown<Real>();
    Real x[chains];
    for (Real& chain : x) chain = unknown<Real>();
    for (long long i = 0; i < rounds; ++i) {
        SOFTMAXFLOW_UNROLL(10)
        for (int k = 0; k < chains; ++k) x[k] = Op::apply(x[k], b);
    }
    Real total = b;
    SOFTMAXFLOW_UNROLL(10)
    for (int k = 0; k < chains; ++k) total = total + x[k];
    keep(total);
}

template <class Real, class Op>
void beside(long long rounds) {
    const Real b = unknown<Real>();
    Real x[chains], y[side_chains];
    for (Real& chain : x) chain = unknown<Real>();
    for (Real& chain : y) chain = unknown<Real>();
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
template <class Real>
void load(long long rounds) {
    Real memory[chains];
    for (Real& x : memory) x = unknown<Real>();
    typename model::RealTraits<Real>::BitsOf total[2] = {0, 0};
    for (long long i = 0; i < rounds; ++i) {
        keep(memory[0]);
        SOFTMAXFLOW_UNROLL(10)
        for (int k = 0; k < chains; ++k) total[k % 2].v[0] ^= to_bits(memory[k]).v[0];
    }
    keep(from_bits(total[0]));
    keep(from_bits(total[1]));
}

template <class Real>
void store(long long rounds) {
    Real memory[chains];
    const Real x = unknown<Real>();
    for (long long i = 0; i < rounds; ++i) {
        SOFTMAXFLOW_UNROLL(10)
        for (int k = 0; k < chains; ++k) memory[k] = x;
        keep(memory[0]);
    }
}

template <class Real>
PeakLoops loops() {
    return {
        model::width_of<Real>,
        registers,
        chains,
        chains * fma_per_side,
        side_chains,
        {alone<Real, Fma>, alone<Real, Add>, alone<Real, Divide>, alone<Real, Root>,
         alone<Real, Compare>, alone<Real, Table>, alone<Real, BitsOf>, load<Real>, store<Real>},
        {nullptr, beside<Real, Add>, beside<Real, Divide>, beside<Real, Root>,
         beside<Real, Compare>, beside<Real, Table>, beside<Real, BitsOf>, nullptr, nullptr}};
}

}  // namespace

PeakLoops peak_loops(bool single) {
    return single ? loops<Vector<float>>() : loops<Vector<double>>();
}

}  // namespace softmaxflow::cpu::SOFTMAXFLOW_TARGET
