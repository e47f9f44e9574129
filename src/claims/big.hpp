#pragma once
/// Numbers of 113 bits and of 100 digits as the templates of model/ want a Real: the mathematics
/// of a run, in arithmetic that its rounding does not reach. Boost.Multiprecision computes; nothing
/// here depends on the machine, so a replay gives the same bits elsewhere.

#include <array>
#include <boost/multiprecision/cpp_bin_float.hpp>

#include "softmaxflow/model/numerics/math.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// A type of its own: Boost's functions of the same names are templates too, and a call with one
/// of Boost's numbers would be ambiguous.
template <class NumberType>
struct Big {
    using Number = NumberType;
    Number v;

    Big() = default;
    Big(double x) : v(x) {}
    explicit Big(const Number& x) : v(x) {}
    explicit operator double() const { return v.template convert_to<double>(); }

    friend Big operator+(const Big& a, const Big& b) { return Big(Number(a.v + b.v)); }
    friend Big operator-(const Big& a, const Big& b) { return Big(Number(a.v - b.v)); }
    friend Big operator*(const Big& a, const Big& b) { return Big(Number(a.v * b.v)); }
    friend Big operator/(const Big& a, const Big& b) { return Big(Number(a.v / b.v)); }
    Big& operator*=(const Big& a) { return *this = *this * a; }
    friend Big operator-(const Big& a) { return Big(Number(-a.v)); }
    friend bool operator<(const Big& a, const Big& b) { return a.v < b.v; }
    friend bool operator<=(const Big& a, const Big& b) { return a.v <= b.v; }
    friend bool operator>(const Big& a, const Big& b) { return a.v > b.v; }
    friend bool operator>=(const Big& a, const Big& b) { return a.v >= b.v; }
    friend bool operator==(const Big& a, const Big& b) { return a.v == b.v; }
    friend bool operator!=(const Big& a, const Big& b) { return a.v != b.v; }
};

using Quad = Big<boost::multiprecision::number<
    boost::multiprecision::cpp_bin_float<113, boost::multiprecision::digit_base_2>,
    boost::multiprecision::et_off>>;
using Hundred = Big<boost::multiprecision::number<boost::multiprecision::cpp_bin_float<100>,
                                                  boost::multiprecision::et_off>>;

template <class Number>
struct RealTraits<Big<Number>> {
    using Scalar = Big<Number>;
    using Mask = bool;
    using Wide = Big<Number>;
    static constexpr int width = 1;
};

/// Bounds as for double: what underflows there is to be treated alike here.
template <class Number>
struct Format<Big<Number>> : Format<double> {
    static constexpr int significand_bits = std::numeric_limits<Number>::digits - 1;
};

template <class Number>
Big<Number> fma(const Big<Number>& a, const Big<Number>& b, const Big<Number>& c) {
    return a * b + c;
}
template <class Number>
Big<Number> sqrt(const Big<Number>& x) {
    return Big<Number>(Number(boost::multiprecision::sqrt(x.v)));
}
template <class Number>
Big<Number> abs(const Big<Number>& x) {
    return Big<Number>(Number(boost::multiprecision::abs(x.v)));
}
template <class Number>
Big<Number> select(bool mask, const Big<Number>& a, const Big<Number>& b) {
    return mask ? a : b;
}
template <class Number>
Big<Number> clamp(const Big<Number>& x, const Big<Number>& bound) {
    return x < bound && x > -bound ? x : (x < Big<Number>(0.0) ? -bound : bound);
}
template <class Number>
Big<Number> lane(const Big<Number>& x, int) {
    return x;
}
template <class Number>
void set_lane(Big<Number>& x, int, const Big<Number>& value) {
    x = value;
}

/// e^x = 2^m (e^r)^(2^k), r = (x - m ln 2) / 2^k, by Taylor's series. Five times faster than the
/// library's; the squarings leave k bits less than the format has.
template <class Number>
Big<Number> exp(const Big<Number>& x) {
    constexpr bool quad = std::numeric_limits<Number>::digits < 200;
    constexpr int halvings = quad ? 8 : 14, terms = quad ? 13 : 22;
    static const Number ln2 = boost::multiprecision::log(Number(2));
    static const std::array<Number, terms + 1> inverse = [] {
        std::array<Number, terms + 1> list;
        for (int i = 1; i <= terms; ++i) list[i] = Number(1) / i;
        return list;
    }();
    const double rough = static_cast<double>(x);
    if (!(rough < 1e8)) return Big<Number>(rough);  // infinity, NaN
    if (rough < -1e8) return Big<Number>(0.0);
    const int m = static_cast<int>(rough * 1.4426950408889634 + (rough < 0 ? -0.5 : 0.5));
    const Number r = boost::multiprecision::ldexp(Number(x.v - m * ln2), -halvings);
    Number series = 1;
    for (int i = terms; i > 0; --i) series = 1 + series * (r * inverse[i]);
    for (int i = 0; i < halvings; ++i) series *= series;
    return Big<Number>(Number(boost::multiprecision::ldexp(series, m)));
}
template <class Number>
Big<Number> exp_clamped(const Big<Number>& x) {
    return exp(x);
}
template <class Number>
Big<Number> exp_in_range(const Big<Number>& x) {
    return exp(x);
}
template <class Number>
Big<Number> exp_call(const Big<Number>& x) {
    return exp(x);
}
template <class Number>
Big<Number> log(const Big<Number>& x) {
    return Big<Number>(Number(boost::multiprecision::log(x.v)));
}
template <class Number>
Big<Number> log1p(const Big<Number>& x) {
    return Big<Number>(Number(boost::multiprecision::log1p(x.v)));
}
template <class Number>
Big<Number> sigmoid(const Big<Number>& x) {
    return Big<Number>(1.0) / (Big<Number>(1.0) + exp(-x));
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
