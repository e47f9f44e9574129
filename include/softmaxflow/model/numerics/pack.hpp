#pragma once
/// SIMD packs for the host: W x P replicas in P vectors of W doubles or floats. All P vectors run
/// the same code at once, so their dependency chains overlap; P > 1 hides the latency of one chain.
///
/// Built on the vector extension that g++ and clang++ share; it compiles for every W on every
/// instruction set. Each operation acts lane by lane with the same rounding as on a scalar,
/// hence with the same bits.

#include "softmaxflow/model/numerics/exp_table.hpp"

#if !defined(__CUDACC_RTC__)

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

// GCC drops vector_size silently unless the element type depends on a template parameter.
template <class T, int W>
struct VectorOf {
    using type [[gnu::vector_size(W * sizeof(T))]] = T;
};

template <int W, int P, class T>
struct PackMask {
    using Vector = typename VectorOf<typename Format<T>::Int, W>::type;
    Vector v[P];

    friend SOFTMAXFLOW_HD PackMask operator&(PackMask a, const PackMask& b) {
        for (int p = 0; p < P; ++p) a.v[p] &= b.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD PackMask operator|(PackMask a, const PackMask& b) {
        for (int p = 0; p < P; ++p) a.v[p] |= b.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD PackMask operator!(PackMask a) {
        for (int p = 0; p < P; ++p) a.v[p] = ~a.v[p];
        return a;
    }
};

/// The bit patterns of a pack; arithmetic modulo 2^64 or 2^32.
template <int W, int P, class T>
struct PackBits {
    using Element = typename Format<T>::Bits;
    using Vector = typename VectorOf<Element, W>::type;
    Vector v[P];

    PackBits() = default;
    SOFTMAXFLOW_HD PackBits(Element x) {
        for (int p = 0; p < P; ++p) v[p] = Vector{} + x;
    }
    friend SOFTMAXFLOW_HD PackBits operator+(PackBits a, const PackBits& b) {
        for (int p = 0; p < P; ++p) a.v[p] += b.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD PackBits operator-(PackBits a, const PackBits& b) {
        for (int p = 0; p < P; ++p) a.v[p] -= b.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD PackBits operator&(PackBits a, const PackBits& b) {
        for (int p = 0; p < P; ++p) a.v[p] &= b.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD PackBits operator|(PackBits a, const PackBits& b) {
        for (int p = 0; p < P; ++p) a.v[p] |= b.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD PackBits operator<<(PackBits a, int shift) {
        for (int p = 0; p < P; ++p) a.v[p] <<= shift;
        return a;
    }
    friend SOFTMAXFLOW_HD PackBits operator>>(PackBits a, int shift) {
        for (int p = 0; p < P; ++p) a.v[p] >>= shift;
        return a;
    }
};

template <int W, int P, class T = double>
struct Pack {
    using Vector = typename VectorOf<T, W>::type;
    using Mask = PackMask<W, P, T>;
    Vector v[P];

    Pack() = default;
    SOFTMAXFLOW_HD Pack(double x) { fill(static_cast<T>(x)); }
    SOFTMAXFLOW_HD Pack(float x) { fill(static_cast<T>(x)); }
    SOFTMAXFLOW_HD Pack(int x) { fill(static_cast<T>(x)); }

    friend SOFTMAXFLOW_HD Pack operator+(Pack a, const Pack& b) {
        for (int p = 0; p < P; ++p) a.v[p] += b.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD Pack operator-(Pack a, const Pack& b) {
        for (int p = 0; p < P; ++p) a.v[p] -= b.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD Pack operator*(Pack a, const Pack& b) {
        for (int p = 0; p < P; ++p) a.v[p] *= b.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD Pack operator/(Pack a, const Pack& b) {
        for (int p = 0; p < P; ++p) a.v[p] /= b.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD Pack operator-(Pack a) {
        for (int p = 0; p < P; ++p) a.v[p] = -a.v[p];
        return a;
    }
    friend SOFTMAXFLOW_HD Mask operator<(const Pack& a, const Pack& b) {
        Mask m;
        for (int p = 0; p < P; ++p) m.v[p] = (typename Mask::Vector)(a.v[p] < b.v[p]);
        return m;
    }
    friend SOFTMAXFLOW_HD Mask operator<=(const Pack& a, const Pack& b) {
        Mask m;
        for (int p = 0; p < P; ++p) m.v[p] = (typename Mask::Vector)(a.v[p] <= b.v[p]);
        return m;
    }
    friend SOFTMAXFLOW_HD Mask operator==(const Pack& a, const Pack& b) {
        Mask m;
        for (int p = 0; p < P; ++p) m.v[p] = (typename Mask::Vector)(a.v[p] == b.v[p]);
        return m;
    }
    friend SOFTMAXFLOW_HD Mask operator>(const Pack& a, const Pack& b) { return b < a; }
    friend SOFTMAXFLOW_HD Mask operator>=(const Pack& a, const Pack& b) { return b <= a; }

private:
    SOFTMAXFLOW_HD void fill(T x) {
        // x - 0.0 is x for every x; x + 0.0 would lose the sign of -0.0.
        for (int p = 0; p < P; ++p) v[p] = x - Vector{};
    }
};

/// As many doubles as a pack has numbers, in vectors of the same size.
template <int W, int P, class T>
struct WidePack {
    static_assert(W % 2 == 0);
    using type = Pack<W / 2, 2 * P>;
};
template <int W, int P>
struct WidePack<W, P, double> {
    using type = Pack<W, P>;
};

template <int W, int P, class T>
struct RealTraits<Pack<W, P, T>> {
    using Scalar = T;
    using Mask = PackMask<W, P, T>;
    using BitsOf = PackBits<W, P, T>;
    using Wide = typename WidePack<W, P, T>::type;
    static constexpr int width = W * P;
};

template <int W, int P, class T>
SOFTMAXFLOW_HD PackBits<W, P, T> to_bits(const Pack<W, P, T>& x) {
    PackBits<W, P, T> r;
    for (int p = 0; p < P; ++p) r.v[p] = (typename PackBits<W, P, T>::Vector)x.v[p];
    return r;
}

template <int W, int P, class T>
SOFTMAXFLOW_HD Pack<W, P, T> from_bits(const PackBits<W, P, T>& bits) {
    Pack<W, P, T> r;
    for (int p = 0; p < P; ++p) r.v[p] = (typename Pack<W, P, T>::Vector)bits.v[p];
    return r;
}

/// One vector of fma. The instruction is named where there is one: leaving it to the compiler's
/// vectoriser works for most W and P, and crashes g++ 12 for some.
template <class T, int W, class Vector>
SOFTMAXFLOW_HD Vector fma_vector(Vector a, Vector b, Vector c) {
    [[maybe_unused]] constexpr bool single = is_same<T, float>;
#if defined(__AVX512F__)
    if constexpr (single && W == 16) return __builtin_ia32_vfmaddps512_mask(a, b, c, -1, 4);
    if constexpr (!single && W == 8) return __builtin_ia32_vfmaddpd512_mask(a, b, c, -1, 4);
#endif
#if defined(__FMA__)
    if constexpr (single && W == 8) return __builtin_ia32_vfmaddps256(a, b, c);
    if constexpr (single && W == 4) return __builtin_ia32_vfmaddps(a, b, c);
    if constexpr (!single && W == 4) return __builtin_ia32_vfmaddpd256(a, b, c);
    if constexpr (!single && W == 2) return __builtin_ia32_vfmaddpd(a, b, c);
#endif
    Vector r{};
    for (int i = 0; i < W; ++i) r[i] = fma(T(a[i]), T(b[i]), T(c[i]));
    return r;
}

template <int W, int P, class T>
SOFTMAXFLOW_HD Pack<W, P, T> fma(const Pack<W, P, T>& a, const Pack<W, P, T>& b,
                                 const Pack<W, P, T>& c) {
    Pack<W, P, T> r;
    for (int p = 0; p < P; ++p) r.v[p] = fma_vector<T, W>(a.v[p], b.v[p], c.v[p]);
    return r;
}

/// Vectors of the functions of scalar.hpp; an instruction where there is one.
template <class T, int W, class Vector>
SOFTMAXFLOW_HD Vector clamp_vector(Vector x, Vector bound) {
    [[maybe_unused]] constexpr bool single = is_same<T, float>;
#if defined(__AVX512DQ__)
    // Operation 2: the smaller in absolute value, with the sign of the first; the second for a NaN.
    // (Not for a signalling NaN, which it returns made quiet; no arithmetic yields one.)
    if constexpr (single && W == 16) return __builtin_ia32_rangeps512_mask(x, bound, 2, x, -1, 4);
    if constexpr (!single && W == 8) return __builtin_ia32_rangepd512_mask(x, bound, 2, x, -1, 4);
#endif
    using Signed = typename Format<T>::Int;
    using Mask = typename VectorOf<Signed, W>::type;
    const Mask sign = (Mask)x & (Mask{} + (Signed(1) << (8 * sizeof(T) - 1)));
    return ((x < bound) & (x > -bound)) ? x : (Vector)((Mask)bound | sign);
}

template <class T, int W, class Vector>
SOFTMAXFLOW_HD Vector larger_magnitude_vector(Vector a, Vector b) {
    [[maybe_unused]] constexpr bool single = is_same<T, float>;
#if defined(__AVX512DQ__)
    // Operation 3 + 8: the larger in absolute value, without its sign.
    if constexpr (single && W == 16) return __builtin_ia32_rangeps512_mask(a, b, 11, a, -1, 4);
    if constexpr (!single && W == 8) return __builtin_ia32_rangepd512_mask(a, b, 11, a, -1, 4);
#endif
    using Signed = typename Format<T>::Int;
    using Mask = typename VectorOf<Signed, W>::type;
    const Mask magnitude = Mask{} + Signed(~(Bits(1) << (8 * sizeof(T) - 1)));
    const Vector x = (Vector)((Mask)a & magnitude), y = (Vector)((Mask)b & magnitude);
    return x > y ? x : y;
}

/// The bits of table entries k & 15, one by one but where there is an instruction.
template <int W, class BitVector>
SOFTMAXFLOW_HD BitVector sixteenths_of_table(BitVector k) {
#if defined(__AVX512F__)
    if constexpr (W == 8) {
        const auto at = [](int j) SOFTMAXFLOW_INLINE { return from_bits(sixteenth_of_table(j)); };
        using Vector = typename VectorOf<double, W>::type;
        const Vector low = {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
        const Vector high = {at(8), at(9), at(10), at(11), at(12), at(13), at(14), at(15)};
        using Index = typename VectorOf<Int, W>::type;
#if defined(__clang__)
        return (BitVector)__builtin_ia32_vpermi2varpd512(low, (Index)k, high);
#else
        return (BitVector)__builtin_ia32_vpermt2varpd512_mask((Index)k, low, high, -1);
#endif
    }
#endif
    BitVector r{};
    for (int i = 0; i < W; ++i) r[i] = sixteenth_of_table(int(k[i] & 15));
    return r;
}

template <int W, int P, class T>
SOFTMAXFLOW_HD Pack<W, P, T> clamp(const Pack<W, P, T>& x, const Pack<W, P, T>& bound) {
    Pack<W, P, T> r;
    for (int p = 0; p < P; ++p) r.v[p] = clamp_vector<T, W>(x.v[p], bound.v[p]);
    return r;
}

template <int W, int P, class T>
SOFTMAXFLOW_HD Pack<W, P, T> larger_magnitude(const Pack<W, P, T>& a, const Pack<W, P, T>& b) {
    Pack<W, P, T> r;
    for (int p = 0; p < P; ++p) r.v[p] = larger_magnitude_vector<T, W>(a.v[p], b.v[p]);
    return r;
}

template <int W, int P>
SOFTMAXFLOW_HD Pack<W, P> sixteenth_power(const PackBits<W, P, double>& k) {
    PackBits<W, P, double> r = k << 48;
    for (int p = 0; p < P; ++p) r.v[p] += sixteenths_of_table<W>(k.v[p]);
    return from_bits(r);
}

template <class T, int W, class Vector>
SOFTMAXFLOW_HD Vector sqrt_vector(Vector x) {
    [[maybe_unused]] constexpr bool single = is_same<T, float>;
#if defined(__AVX512F__)
#if defined(__clang__)
    if constexpr (single && W == 16) return __builtin_ia32_sqrtps512(x, 4);
    if constexpr (!single && W == 8) return __builtin_ia32_sqrtpd512(x, 4);
#else
    if constexpr (single && W == 16) return __builtin_ia32_sqrtps512_mask(x, x, -1, 4);
    if constexpr (!single && W == 8) return __builtin_ia32_sqrtpd512_mask(x, x, -1, 4);
#endif
#endif
#if defined(__AVX__)
    if constexpr (single && W == 8) return __builtin_ia32_sqrtps256(x);
    if constexpr (!single && W == 4) return __builtin_ia32_sqrtpd256(x);
#endif
    Vector r{};
    for (int i = 0; i < W; ++i) r[i] = sqrt(T(x[i]));
    return r;
}

template <int W, int P, class T>
SOFTMAXFLOW_HD Pack<W, P, T> sqrt(const Pack<W, P, T>& x) {
    Pack<W, P, T> r;
    for (int p = 0; p < P; ++p) r.v[p] = sqrt_vector<T, W>(x.v[p]);
    return r;
}

template <int W, int P, class T>
SOFTMAXFLOW_HD Pack<W, P, T> select(const PackMask<W, P, T>& mask, const Pack<W, P, T>& a,
                                    const Pack<W, P, T>& b) {
    Pack<W, P, T> r;
    for (int p = 0; p < P; ++p) r.v[p] = mask.v[p] ? a.v[p] : b.v[p];
    return r;
}

/// A condition that is the same for all replicas of the pack.
template <int W, int P, class T>
SOFTMAXFLOW_HD Pack<W, P, T> select(bool mask, const Pack<W, P, T>& a, const Pack<W, P, T>& b) {
    return mask ? a : b;
}

template <int W, int P, class T>
SOFTMAXFLOW_HD bool any(const PackMask<W, P, T>& mask) {
    auto merged = mask.v[0];
    for (int p = 1; p < P; ++p) merged |= mask.v[p];
    [[maybe_unused]] constexpr bool single = is_same<T, float>;
#if defined(__AVX512DQ__)
    if constexpr (single && W == 16) return __builtin_ia32_cvtd2mask512(merged) != 0;
    if constexpr (!single && W == 8) return __builtin_ia32_cvtq2mask512(merged) != 0;
#endif
#if defined(__AVX__)
    if constexpr (single && W == 8)
        return __builtin_ia32_movmskps256((typename VectorOf<T, W>::type)merged) != 0;
    if constexpr (!single && W == 4)
        return __builtin_ia32_movmskpd256((typename VectorOf<T, W>::type)merged) != 0;
#endif
    Int found = 0;
    for (int i = 0; i < W; ++i) found |= merged[i];
    return found != 0;
}

template <int W, int P, class T>
SOFTMAXFLOW_HD T lane(const Pack<W, P, T>& x, int i) {
    return x.v[i / W][i % W];
}

template <int W, int P, class T>
SOFTMAXFLOW_HD void set_lane(Pack<W, P, T>& x, int i, T value) {
    x.v[i / W][i % W] = value;
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET

#endif
