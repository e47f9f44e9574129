#pragma once
/// Elementary functions for every Real, from + - * / fma and sqrt only: the same bits on every
/// platform. Measured maximum errors are in docs/numerics.md; scripts/coefficients.py derives the
/// coefficients.

#include "softmaxflow/model/numerics/exp_table.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

template <class Real>
SOFTMAXFLOW_HD Real max(Real a, Real b) {
    return select(a < b, b, a);
}
template <class Real>
SOFTMAXFLOW_HD Real min(Real a, Real b) {
    return select(b < a, b, a);
}
template <class Real>
SOFTMAXFLOW_HD Real abs(Real a) {
    constexpr auto sign = typename FormatOf<Real>::Bits(1) << (8 * sizeof(ScalarOf<Real>) - 1);
    return from_bits(to_bits(a) & typename RealTraits<Real>::BitsOf(~sign));
}

/// The numbers of x in the format of To, rounded or exact; as many replicas.
template <class To, class From>
SOFTMAXFLOW_HD To convert(const From& x) {
    if constexpr (is_same<To, From>) {
        return x;
    } else {
        To result;
        for (int i = 0; i < width_of<To>; ++i)
            set_lane(result, i, static_cast<ScalarOf<To>>(lane(x, i)));
        return result;
    }
}

/// Lane i of `to` becomes lane j of `from`.
template <class To, class From>
SOFTMAXFLOW_HD void copy_lane(To& to, int i, const From& from, int j) {
    set_lane(to, i, static_cast<ScalarOf<To>>(lane(from, j)));
}

/// True where x is neither infinite nor NaN.
template <class Real>
SOFTMAXFLOW_HD auto is_finite(Real x) {
    return x - x == Real(0.0);
}

/// The one NaN that is ever stored; the sign and payload of a computed NaN depend on the platform.
template <class Real>
SOFTMAXFLOW_HD Real canonical(Real x) {
    return select(x == x, x, Real(not_a_number()));
}

/// c0 + c1 x + c2 x^2 + ... by Horner's rule.
template <class Real>
SOFTMAXFLOW_HD Real polynomial(Real, ScalarOf<Real> c0) {
    return Real(c0);
}
template <class Real, class... Rest>
SOFTMAXFLOW_HD Real polynomial(Real x, ScalarOf<Real> c0, Rest... rest) {
    return fma(x, polynomial(x, rest...), Real(c0));
}

/// What exp and log need of a number format.
template <class Scalar>
struct Elementary;

template <>
struct Elementary<double> {
    // exp splits off multiples of ln(2) / 2^fraction_bits; beyond [exp_least, exp_most] it is 0 or
    // infinite.
    static constexpr int fraction_bits = 4;
    static constexpr double exp_least = -746.0, exp_most = 710.0;
    SOFTMAXFLOW_HD static const ExpConstants& constants() { return exp_constants(); }

    /// e^r 2^(k/16), |r| <= ln(2)/32 and k the low bits of `sixteenths`: to 0.13 ulp before
    /// rounding.
    template <class Real, class BitsOf>
    SOFTMAXFLOW_HD static Real exp_reduced(Real r, const BitsOf& sixteenths) {
        const auto& c = constants().series;
        const Real series = polynomial(r, 1.0, 0.5, c[0], c[1], c[2], c[3]);
        const Real power = sixteenth_power(sixteenths);
        return fma(power, r * series, power);
    }

    static constexpr Format<double>::Bits sqrt_half = 0x3fe6a09e667f3bcdULL;  // bits of sqrt(1/2)
    /// P in log(1 + f) = 2 s + s^3 P(s^2), s = f / (2 + f).
    template <class Real>
    SOFTMAXFLOW_HD static Real log_series(Real z) {
        return polynomial(z, 0.666666666666667, 0.39999999999899444, 0.2857142862600327,
                          0.22222211130259875, 0.18182889455675105, 0.1533171061820642,
                          0.14616585424934123);
    }
};

/// No table: a permutation of 16 entries is one instruction with AVX-512 only.
template <>
struct Elementary<float> {
    static constexpr int fraction_bits = 0;
    static constexpr float exp_least = -104.0F, exp_most = 89.0F;
    struct Constants {
        float log2_e = 1.44269502F;
        float ln2_high = 0.693145751953125F;  // 16 bits: k * ln2_high is exact
        float ln2_low = 1.42860677e-06F;
    };
    SOFTMAXFLOW_HD static constexpr Constants constants() { return {}; }

    /// e^r 2^k, |r| <= ln(2)/2 and k the low bits of `whole`: to 0.18 ulp before rounding.
    template <class Real, class BitsOf>
    SOFTMAXFLOW_HD static Real exp_reduced(Real r, const BitsOf& whole) {
        const Real series =
            polynomial(r, 0.5F, 0.166665763F, 0.0416665561F, 0.00836317893F, 0.0013926184F);
        return add_exponent(Real(1.0F) + fma(r * r, series, r),
                            whole << Format<float>::significand_bits);
    }

    static constexpr Format<float>::Bits sqrt_half = 0x3f3504f3U;
    template <class Real>
    SOFTMAXFLOW_HD static Real log_series(Real z) {
        return polynomial(z, 0.666666865F, 0.39988777F, 0.295800537F);
    }
};

namespace detail {

template <class Real>
using Elements = Elementary<ScalarOf<Real>>;

template <class Scalar>
inline constexpr Scalar power_of_two_constant = Scalar(typename Format<Scalar>::Bits(1)
                                                       << Format<Scalar>::significand_bits);
/// Adding it rounds to the nearest integer, which the low bits then hold.
template <class Real>
inline constexpr ScalarOf<Real> integer_shifter =
    ScalarOf<Real>(1.5) * power_of_two_constant<ScalarOf<Real>>;
/// The same for multiples of 2^-fraction_bits.
template <class Real>
inline constexpr ScalarOf<Real> shifter = integer_shifter<Real> /
                                          ScalarOf<Real>(1 << Elements<Real>::fraction_bits);

/// x = k ln 2 + r for x that exp takes, k a multiple of 2^-fraction_bits.
template <class Real>
struct ExpParts {
    using Elements = detail::Elements<Real>;
    using BitsOf = typename RealTraits<Real>::BitsOf;
    static constexpr auto fraction =
        typename FormatOf<Real>::Bits((1 << Elements::fraction_bits) - 1);
    Real shifted;  // shifter + k
    Real r;

    SOFTMAXFLOW_HD explicit ExpParts(Real x) {
        const auto& c = Elements::constants();
        shifted = fma(x, Real(c.log2_e), Real(shifter<Real>));
        const Real k = shifted - Real(shifter<Real>);
        r = fma(k, Real(-c.ln2_low), fma(k, Real(-c.ln2_high), x));
    }
    /// e^x, where it is a normal number.
    SOFTMAXFLOW_HD Real power() const { return Elements::exp_reduced(r, to_bits(shifted)); }
    /// e^x = 2^floor(k) remainder
    SOFTMAXFLOW_HD Real remainder() const {
        return Elements::exp_reduced(r, to_bits(shifted) & BitsOf(fraction));
    }
    SOFTMAXFLOW_HD Real whole() const {
        return from_bits(to_bits(shifted) & BitsOf(~fraction)) - Real(shifter<Real>);
    }
};

/// 2^k for an integer k from -bias to bias + 1; the ends give 0 and infinity.
template <class Real>
SOFTMAXFLOW_HD Real power_of_two(Real k) {
    using Format = FormatOf<Real>;
    using BitsOf = typename RealTraits<Real>::BitsOf;
    const BitsOf bias(Format::exponent_bias);
    return from_bits((to_bits(k + Real(integer_shifter<Real>)) + bias) << Format::significand_bits);
}

}  // namespace detail

template <class Real, class BitsOf>
SOFTMAXFLOW_HD Real add_exponent(const Real& x, const BitsOf& exponent) {
    return from_bits(to_bits(x) + exponent);
}

template <class Real>
SOFTMAXFLOW_HD Real reciprocal(Real x) {
    return Real(1.0) / x;
}

/// Whether |x| < bound, a multiple of 2^-20 of its leading power; false for NaN.
template <class Real>
SOFTMAXFLOW_HD auto within(Real x, Real bound) {
    return abs(x) < bound;
}
/// Whether low <= x < high, both powers of two; false for NaN.
template <class Real>
SOFTMAXFLOW_HD auto between(Real x, Real low, Real high) {
    return (x >= low) & (x < high);
}
// Doubles are ordered as their high words are. Comparing those spares a device's pipe of doubles:
// as numbers in f32 up to 2^1016, which are NaN beyond, or as integers.
SOFTMAXFLOW_HD unsigned high_bits(double x) { return unsigned(to_bits(x) >> 32); }
SOFTMAXFLOW_HD float high_word(double x) { return from_bits(high_bits(x)); }
SOFTMAXFLOW_HD bool within(double x, double bound) { return abs(high_word(x)) < high_word(bound); }
SOFTMAXFLOW_HD bool between(double x, double low, double high) {
    return high_bits(x) - high_bits(low) < high_bits(high) - high_bits(low);
}

/// The larger of |a| and |b|; of a number and a NaN either.
template <class Real>
SOFTMAXFLOW_HD Real larger_magnitude(Real a, Real b) {
    return max(abs(a), abs(b));
}

/// The largest |x| of several; a NaN may pass unseen.
template <class Real>
class LargestMagnitude {
public:
    SOFTMAXFLOW_HD void add(Real x) { most_ = larger_magnitude(most_, x); }
    /// The bound is a multiple of 2^-20 of its leading power.
    SOFTMAXFLOW_HD auto below(Real bound) const { return most_ < bound; }

private:
    Real most_{0.0};
};
/// By high words. What is no number in f32 may pass unseen.
template <>
class LargestMagnitude<double> {
public:
    SOFTMAXFLOW_HD void add(double x) { most_ = larger_number(most_, abs(high_word(x))); }
    SOFTMAXFLOW_HD bool below(double bound) const { return most_ < high_word(bound); }

private:
    float most_ = 0.0F;
};

/// e^x for the inner loop: equal to exp(x) for |x| <= c = Format::exp_range (708; 87 in f32), NaN
/// for NaN, anything beyond.
template <class Real>
SOFTMAXFLOW_HD Real exp_in_range(Real x) {
    return detail::ExpParts<Real>(x).power();
}

/// Whether exp_in_range gives infinity and 0 where it is out of range.
template <class Real>
inline constexpr bool exp_saturates = false;

#if defined(SOFTMAXFLOW_APPROXIMATE)
/// Fast numerics in f32 on a device: what the hardware has, good to about 2^-22 where the result is
/// a normal number.
template <>
inline constexpr bool exp_saturates<float> = true;
SOFTMAXFLOW_HD float exp_in_range(float x) { return __expf(x); }
#endif

/// The same; e^c or e^-c beyond, by the sign of x, for NaN too.
template <class Real>
SOFTMAXFLOW_HD Real exp_clamped(Real x) {
    return exp_in_range(clamp(x, Real(FormatOf<Real>::exp_range)));
}

/// e^x, full range: denormal results are rounded correctly from e^x within 1 ulp.
template <class Real>
SOFTMAXFLOW_HD Real exp(Real x) {
    using Elements = detail::Elements<Real>;
    const Real shifter(detail::integer_shifter<Real>);
    const detail::ExpParts<Real> parts(
        min(max(x, Real(Elements::exp_least)), Real(Elements::exp_most)));
    const Real whole = parts.whole();
    // 2^whole in two factors, either of which is a normal number.
    const Real half = fma(whole, Real(0.5), shifter) - shifter;
    return parts.remainder() * detail::power_of_two(half) * detail::power_of_two(whole - half);
}

/// The same, where speed does not matter.
template <class Real>
SOFTMAXFLOW_COLD Real exp_call(Real x) {
    return exp(x);
}

/// Natural logarithm, full range; -infinity at 0, NaN below.
template <class Real>
SOFTMAXFLOW_COLD Real log(Real x) {
    using BitsOf = typename RealTraits<Real>::BitsOf;
    using Scalar = ScalarOf<Real>;
    using Format = model::Format<Scalar>;
    using Unsigned = typename Format::Bits;
    using Elements = Elementary<Scalar>;
    constexpr int digits = Format::significand_bits, lift = digits + 2;
    constexpr Scalar unit = detail::power_of_two_constant<Scalar>, bias = Format::exponent_bias;
    const auto denormal = x < Real(Format::smallest_normal);
    const Real scaled = select(denormal, x * Real(Scalar(4) * unit), x);

    // x = 2^k m with m in [sqrt(1/2), sqrt(2)).
    constexpr Unsigned one = Unsigned(Format::exponent_bias) << digits,
                       sqrt_half = Elements::sqrt_half;
    const BitsOf bits = to_bits(scaled) + BitsOf(one - sqrt_half);
    constexpr Unsigned unit_bits = Unsigned(Format::exponent_bias + digits) << digits;
    const Real biased = from_bits((bits >> digits) | BitsOf(unit_bits));  // unit + k + bias
    const Real k = biased - select(denormal, Real(unit + bias + Scalar(lift)), Real(unit + bias));
    const Real m = from_bits((bits & BitsOf((Unsigned(1) << digits) - 1)) + BitsOf(sqrt_half));

    // log(1+f) = 2s + s^3 P(s^2) = f - (f^2/2 - s (f^2/2 + s^2 P)) with s = f / (2+f).
    const Real f = m - Real(1.0);
    const Real s = f / (f + Real(2.0));
    const Real z = s * s;
    const Real tail = z * Elements::log_series(z);
    const Real half_square = f * f * Real(0.5);
    const auto& c = Elements::constants();
    const Real correction = fma(s, half_square + tail, k * Real(c.ln2_low));
    const Real result = fma(k, Real(c.ln2_high), f - (half_square - correction));

    const Real special =
        select(x == Real(0.0), Real(-infinity()), select(x > Real(0.0), x, Real(not_a_number())));
    return select((x > Real(0.0)) & (x < Real(infinity())), result, special);
}

/// log(1 + x) for x >= 0: the rounding error of 1 + x is known exactly and put back.
template <class Real>
SOFTMAXFLOW_COLD Real log1p(Real x) {
    const Real sum = x + Real(1.0);
    const Real lost = select(x < Real(1.0), x - (sum - Real(1.0)), Real(1.0) - (sum - x));
    return select(sum < Real(infinity()), log(sum) + lost / sum, sum);
}

/// log(1 + e^x).
template <class Real>
SOFTMAXFLOW_COLD Real softplus(Real x) {
    return max(x, Real(0.0)) + log1p(exp_call(-abs(x)));
}

/// Where e^-x counts for nothing, or alone.
template <class Real>
SOFTMAXFLOW_COLD Real far_sigmoid(Real x) {
    return select(x > Real(0.0), Real(1.0), exp(x));
}

/// 1 / (1 + e^-x); e^x below -708 (-87 in f32), where e^-x would overflow.
template <class Real>
SOFTMAXFLOW_HD Real sigmoid(Real x) {
    if constexpr (exp_saturates<Real>) return reciprocal(Real(1.0) + exp_in_range(-x));
    const Real near = reciprocal(Real(1.0) + exp_in_range(-x));
    const auto far = !within(x, Real(FormatOf<Real>::exp_range));
    return any(far) ? select(far, far_sigmoid(x), near) : near;
}

/// The x with Phi(x) = p, for p in [2^-54, 1 - 2^-53] of the form k / 2^54 (p - 1/2 and 1 - p are
/// then exact), as uniform() in philox.hpp makes them. In f64 alone: draws are rounded, not drawn
/// anew.
template <class Real>
SOFTMAXFLOW_COLD Real normal_quantile(Real p) {
    constexpr double edge = 0.425;
    const Real q = p - Real(0.5);

    const Real t = q * q;
    const Real u = Real(edge * edge) - t;
    const Real centre_ratio =
        polynomial(u, 4.874765941399952, 210.31989555271377, 3525.5321347764348, 29112.399844152747,
                   124185.5478843128, 262872.99221921945, 241554.1144056688, 68589.41794727808,
                   625.0653351283268) /
        polynomial(u, 1.0, 49.16893196029725, 967.9298376531933, 9787.10858118047,
                   54319.38912755784, 164325.09746779525, 253716.1014624071, 171982.98254367366,
                   35509.46472073995);
    // sqrt(2 pi) in two parts carries most of the value, so the ratio's rounding counts little.
    const Real centre =
        fma(q, Real(2.5066282746310007), q * fma(t, centre_ratio, Real(-1.8328579980459167e-16)));

    // r = sqrt(-log p) with the rounding error of the root, then x = sqrt(2) r - R(1.6) + w S(w),
    // w = r - 1.6, with the low parts of sqrt(2) and of R(1.6) added before the last rounding.
    const Real tail_p = min(p, Real(1.0) - p);
    const Real minus_log = -log(tail_p);
    const Real r = sqrt(minus_log);
    const Real r_low = fma(-r, r, minus_log) / (r + r);
    const Real w = r - Real(1.6);
    const Real slope =
        polynomial(w, 0.2935351269467624, 0.6194964028887525, 0.5382962738550986,
                   0.25023219475620573, 0.06726063317635735, 0.01042990159203961,
                   0.0008700746428483584, 3.335636939111897e-05, 4.1061127451897323e-07,
                   6.9924250796177494e-12) /
        polynomial(w, 1.0, 2.529724049202473, 2.7041994529190077, 1.5957832579571676,
                   0.5684009185949894, 0.12491284016074962, 0.016511368263104825,
                   0.0012146788304110267, 4.2449527088240526e-05, 4.920533678237301e-07);
    constexpr double sqrt_2 = 1.4142135623730951;
    const Real low =
        fma(r, Real(-9.667293313452913e-17), fma(Real(sqrt_2), r_low, Real(4.321694020614914e-17)));
    const Real magnitude = fma(r, Real(sqrt_2), fma(w, slope, Real(-0.8393045890472686)) + low);
    const Real tail = select(q < Real(0.0), -magnitude, magnitude);

    return select(abs(q) <= Real(edge), centre, tail);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
