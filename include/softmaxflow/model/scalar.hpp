#pragma once
/// What the mathematics asks of a number, for double. The only file that knows which compiler reads
/// it: a host compiler, nvcc or NVRTC.
///
/// A `Real` offers + - * / and comparisons, correctly rounded as IEEE 754 has them, and the
/// functions below. Nothing else of the platform is used, so a result depends on no library, no
/// compiler and no instruction set. pack.hpp gives the same for SIMD packs.

/// Everything in model/ lives in softmaxflow::model::<target>. Objects compiled for different
/// instruction sets define their own target, or the linker would merge their functions into one.
#if !defined(SOFTMAXFLOW_TARGET)
#define SOFTMAXFLOW_TARGET generic
#endif

#if defined(__CUDACC__)
#define SOFTMAXFLOW_HD __host__ __device__ __forceinline__
#else
#define SOFTMAXFLOW_HD inline __attribute__((always_inline))
#endif

/// Behind the parameters of a lambda of the inner loop. One that stays a function takes what it
/// captures by address, which keeps arrays out of registers.
#if defined(__CUDACC__) || !defined(__OPTIMIZE__)
#undef SOFTMAXFLOW_INLINE
#define SOFTMAXFLOW_INLINE
#elif !defined(SOFTMAXFLOW_INLINE)
#define SOFTMAXFLOW_INLINE __attribute__((always_inline))
#endif

/// Code that runs rarely: a call on the host, where inlining it everywhere costs minutes of
/// compilation; inlined on the device, where a call would push the state out of its registers.
#if defined(__CUDACC__)
#define SOFTMAXFLOW_COLD SOFTMAXFLOW_HD
#else
#define SOFTMAXFLOW_COLD inline __attribute__((noinline))
#endif

#define SOFTMAXFLOW_PRAGMA(text) _Pragma(#text)
#if defined(__CUDACC__) || defined(__clang__)
#define SOFTMAXFLOW_UNROLL(count) SOFTMAXFLOW_PRAGMA(unroll count)
#else
#define SOFTMAXFLOW_UNROLL(count) SOFTMAXFLOW_PRAGMA(GCC unroll count)
#endif

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

using Int = long long;
using Bits = unsigned long long;

/// How many replicas a Real holds, and the type of its comparisons, bits and elements.
template <class Real>
struct RealTraits;

template <>
struct RealTraits<double> {
    using Mask = bool;
    using BitsOf = Bits;
    static constexpr int width = 1;
};

template <class Real>
inline constexpr int width_of = RealTraits<Real>::width;

SOFTMAXFLOW_HD Bits to_bits(double x) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return static_cast<Bits>(__double_as_longlong(x));
#else
    return __builtin_bit_cast(Bits, x);
#endif
}

SOFTMAXFLOW_HD double from_bits(Bits bits) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return __longlong_as_double(static_cast<long long>(bits));
#else
    return __builtin_bit_cast(double, bits);
#endif
}

/// a b + c with one rounding.
SOFTMAXFLOW_HD double fma(double a, double b, double c) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return ::fma(a, b, c);
#else
    return __builtin_fma(a, b, c);
#endif
}

SOFTMAXFLOW_HD double sqrt(double x) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return ::sqrt(x);
#else
    return __builtin_sqrt(x);
#endif
}

SOFTMAXFLOW_HD double select(bool mask, double a, double b) { return mask ? a : b; }

/// x where |x| < bound, else the bound with the sign of x, for NaN too.
SOFTMAXFLOW_HD double clamp(double x, double bound) {
    const Bits sign = to_bits(x) & 0x8000000000000000ULL;
    return x < bound && x > -bound ? x : from_bits(to_bits(bound) | sign);
}

/// 2^(j/16), j the low four bits.
SOFTMAXFLOW_HD double sixteenth_power(Bits bits) {
    constexpr double table[16] = {
        1.0,
        1.0442737824274138,
        1.0905077326652577,
        1.1387886347566916,
        1.189207115002721,
        1.241857812073484,
        1.2968395546510096,
        1.3542555469368927,
        1.4142135623730951,
        1.4768261459394993,
        1.5422108254079407,
        1.6104903319492543,
        1.681792830507429,
        1.7562521603732995,
        1.8340080864093424,
        1.9152065613971474,
    };
    return table[bits & 15];
}

SOFTMAXFLOW_HD bool any(bool mask) { return mask; }

/// The value of one replica of a Real, and setting it.
SOFTMAXFLOW_HD double lane(double x, int) { return x; }
SOFTMAXFLOW_HD void set_lane(double& x, int, double value) { x = value; }

// NVRTC lacks __builtin_huge_val and __builtin_nan.
SOFTMAXFLOW_HD constexpr double infinity() {
    return __builtin_bit_cast(double, 0x7ff0000000000000ULL);
}
SOFTMAXFLOW_HD constexpr double not_a_number() {
    return __builtin_bit_cast(double, 0x7ff8000000000000ULL);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
