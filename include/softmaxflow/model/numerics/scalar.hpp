#pragma once
/// What the mathematics asks of a number, for double and float. This file, exp_table.hpp and
/// atomics.hpp alone know which compiler reads them: a host compiler, nvcc or NVRTC.
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
#define SOFTMAXFLOW_DEVICE __device__ __forceinline__
#elif defined(SOFTMAXFLOW_MAY_CALL) || !defined(__OPTIMIZE__)
// The compiler chooses what to inline: the same bits, slower, compiled in a third of the time.
#define SOFTMAXFLOW_HD inline
#define SOFTMAXFLOW_INLINE
#else
#define SOFTMAXFLOW_HD inline __attribute__((always_inline))
#endif

/// Behind the parameters of a lambda of the inner loop. One that stays a function takes what it
/// captures by address, which keeps arrays out of registers.
#if defined(__CUDACC__)
#define SOFTMAXFLOW_INLINE
#elif !defined(SOFTMAXFLOW_INLINE)
#define SOFTMAXFLOW_INLINE __attribute__((always_inline))
#endif

/// Code that runs rarely: a call, since inlining it everywhere costs minutes of compilation. On the
/// device a call keeps what it is handed by address out of registers, so loops of steps hand over
/// copies.
#if defined(__CUDACC__)
#define SOFTMAXFLOW_COLD __host__ __device__ __noinline__
#else
#define SOFTMAXFLOW_COLD inline __attribute__((noinline))
#endif

#define SOFTMAXFLOW_PRAGMA(text) _Pragma(#text)
#if defined(__CUDACC__) || defined(__clang__)
#define SOFTMAXFLOW_UNROLL(count) SOFTMAXFLOW_PRAGMA(unroll count)
#else
#define SOFTMAXFLOW_UNROLL(count) SOFTMAXFLOW_PRAGMA(GCC unroll count)
#endif

/// Before a loop over arrays of `count` entries (0: known at run time only). A device has no
/// registers that an index could choose from, so there the loop must go.
#if defined(__CUDACC__)
#define SOFTMAXFLOW_UNROLL_FIXED(count) SOFTMAXFLOW_PRAGMA(unroll((count) > 0 ? (count) : 1))
#else
#define SOFTMAXFLOW_UNROLL_FIXED(count)
#endif

/// How many lanes take turns in memory: entry i of an array of lane l lies at i * interleave + l,
/// so that the lanes of a warp read neighbours. 1 on the host, but where a device is emulated.
#if !defined(SOFTMAXFLOW_INTERLEAVE)
#if defined(__CUDACC__)
#define SOFTMAXFLOW_INTERLEAVE 32
#else
#define SOFTMAXFLOW_INTERLEAVE 1
#endif
#endif

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

inline constexpr int interleave = SOFTMAXFLOW_INTERLEAVE;

/// Whether the code may call functions of the program that runs it.
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
inline constexpr bool on_host = false;
#else
inline constexpr bool on_host = true;
#endif

#if defined(__CUDACC__)
inline constexpr bool compiled_for_device = true;
#else
inline constexpr bool compiled_for_device = false;
#endif

using Int = long long;
using Bits = unsigned long long;

/// A number format: the layout of its bits, and the bounds that follow from its range and
/// precision. A format has one specialisation here and one of Elementary (math.hpp).
template <class Scalar>
struct Format;

template <>
struct Format<double> {
    using Int = long long;            // as wide as the format
    using Bits = unsigned long long;  // likewise
    static constexpr int significand_bits = 52, exponent_bias = 1023;
    static constexpr double smallest_normal = 0x1p-1022;

    // Of both signs, within which e^x is a normal number.
    static constexpr double exp_range = 708.0;
    // Sums of exponentials that lost nothing and leave room for products (map.hpp).
    static constexpr double least_sum = 0x1p-500, most_sum = 0x1p1000;
    // The flow: tolerances whose ratios can be squared; steps relative to the clock and absolute,
    // below which there is no progress; the shortest step to an event, relative to the clock.
    static constexpr double least_tolerance = 0x1p-300;
    static constexpr double shortest_step = 0x1p-48, least_step = 0x1p-1000;
    static constexpr double shortest_landing = 0x1p-44;
    // log_time.hpp: how far ahead a second derivative looks for a change of the first, as a share
    // of the next step; and the fall of log |q| below which differences of exponentials lose more
    // than their series.
    static constexpr double look_ahead = 1e-6, small_fall = 1e-4;
};

template <>
struct Format<float> {
    using Int = int;
    using Bits = unsigned int;
    static constexpr int significand_bits = 23, exponent_bias = 127;
    static constexpr float smallest_normal = 0x1p-126F;

    static constexpr float exp_range = 87.0F;
    static constexpr float least_sum = 0x1p-60F, most_sum = 0x1p64F;
    static constexpr float least_tolerance = 0x1p-40F;
    static constexpr float shortest_step = 0x1p-21F, least_step = 0x1p-120F;
    static constexpr float shortest_landing = 0x1p-17F;
    static constexpr float look_ahead = 0x1p-8F, small_fall = 0x1p-7F;
};

/// How many replicas a Real holds; the number format of one; the type of its comparisons and bits;
/// and the Real of as many replicas for all that is not a step: draws, observables, clocks. What a
/// replica starts from and what is seen of it is then as good as in the wider format.
template <class Real>
struct RealTraits;

template <>
struct RealTraits<double> {
    using Scalar = double;
    using Mask = bool;
    using BitsOf = Format<double>::Bits;
    using Wide = double;
    static constexpr int width = 1;
};
template <>
struct RealTraits<float> {
    using Scalar = float;
    using Mask = bool;
    using BitsOf = Format<float>::Bits;
    using Wide = double;
    static constexpr int width = 1;
};

template <class Real>
inline constexpr int width_of = RealTraits<Real>::width;
template <class Real>
using ScalarOf = typename RealTraits<Real>::Scalar;
template <class Real>
using FormatOf = Format<ScalarOf<Real>>;
template <class Real>
using WideOf = typename RealTraits<Real>::Wide;

template <class A, class B>
inline constexpr bool is_same = false;
template <class A>
inline constexpr bool is_same<A, A> = true;
/// Whether the steps are taken in the format of everything else.
/// For contracts: concepts that say what is asked of a struct. A contract has one concept for each
/// member that it asks for; a Check gives every one a message, and so names what a struct lacks.
template <class A, class B>
concept Same = is_same<A, B>;

template <class Real>
inline constexpr bool is_wide = is_same<Real, WideOf<Real>>;

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

/// std::uint64_t is this type on some platforms.
SOFTMAXFLOW_HD double from_bits(unsigned long bits) { return from_bits(Bits(bits)); }

SOFTMAXFLOW_HD Format<float>::Bits to_bits(float x) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return __float_as_uint(x);
#else
    return __builtin_bit_cast(Format<float>::Bits, x);
#endif
}

SOFTMAXFLOW_HD float from_bits(Format<float>::Bits bits) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return __uint_as_float(bits);
#else
    return __builtin_bit_cast(float, bits);
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

SOFTMAXFLOW_HD float fma(float a, float b, float c) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return ::fmaf(a, b, c);
#else
    return __builtin_fmaf(a, b, c);
#endif
}

SOFTMAXFLOW_HD float sqrt(float x) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return ::sqrtf(x);
#else
    return __builtin_sqrtf(x);
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
SOFTMAXFLOW_HD float select(bool mask, float a, float b) { return mask ? a : b; }

/// As abs in math.hpp; free on a device.
SOFTMAXFLOW_HD float abs(float x) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return ::fabsf(x);
#else
    return from_bits(to_bits(x) & 0x7fffffffU);
#endif
}

/// The larger; of a number and a NaN the number.
SOFTMAXFLOW_HD float larger_number(float a, float b) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return ::fmaxf(a, b);
#else
    return a < b || a != a ? b : a;
#endif
}

/// x where |x| < bound, else the bound with the sign of x, for NaN too. The bound is a multiple of
/// 2^-20 of its leading power.
SOFTMAXFLOW_HD double clamp(double x, double bound) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    // Doubles are ordered as their bits are; comparing high words spares the pipe of doubles.
    const int high = __double2hiint(x), top = __double2hiint(bound);
    const bool inside = (high & 0x7fffffff) < top;
    return __hiloint2double(inside ? high : (high & ~0x7fffffff) | top,
                            inside ? __double2loint(x) : 0);
#else
    const Bits sign = to_bits(x) & 0x8000000000000000ULL;
    return x < bound && x > -bound ? x : from_bits(to_bits(bound) | sign);
#endif
}
SOFTMAXFLOW_HD float clamp(float x, float bound) {
    const Format<float>::Bits sign = to_bits(x) & 0x80000000U;
    return x < bound && x > -bound ? x : from_bits(to_bits(bound) | sign);
}

/// Adds to the exponent of x: `exponent` has nothing below the place of the exponent's bits.
SOFTMAXFLOW_HD double add_exponent(double x, Bits exponent) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return __hiloint2double(__double2hiint(x) + static_cast<int>(exponent >> 32),
                            __double2loint(x));
#else
    return from_bits(to_bits(x) + exponent);
#endif
}
SOFTMAXFLOW_HD float add_exponent(float x, Format<float>::Bits exponent) {
    return from_bits(to_bits(x) + exponent);
}

/// 1 / x for x from 2^-1000 to 2^1021.5 (e^708), and NaN.
SOFTMAXFLOW_HD double reciprocal(double x) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    // The steps of the division itself, from the same first guess, without its branch for the
    // numbers out of this range: two of Newton's iterations, the first of third order.
    double guess;
    asm("rcp.approx.ftz.f64 %0, %1;" : "=d"(guess) : "d"(x));
    guess = __hiloint2double(__double2hiint(guess), __double2hiint(x) + 0x300402);
    const double miss = ::fma(-x, guess, 1.0);
    const double better = ::fma(guess, ::fma(miss, miss, miss), guess);
    return ::fma(better, ::fma(-x, better, 1.0), better);
#else
    return 1.0 / x;
#endif
}

SOFTMAXFLOW_HD bool any(bool mask) { return mask; }

/// The value of one replica of a Real, and setting it.
SOFTMAXFLOW_HD double lane(double x, int) { return x; }
SOFTMAXFLOW_HD void set_lane(double& x, int, double value) { x = value; }
SOFTMAXFLOW_HD float lane(float x, int) { return x; }
SOFTMAXFLOW_HD void set_lane(float& x, int, float value) { x = value; }

// NVRTC lacks __builtin_huge_val and __builtin_nan.
SOFTMAXFLOW_HD constexpr double infinity() {
    return __builtin_bit_cast(double, 0x7ff0000000000000ULL);
}
SOFTMAXFLOW_HD constexpr double not_a_number() {
    return __builtin_bit_cast(double, 0x7ff8000000000000ULL);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
