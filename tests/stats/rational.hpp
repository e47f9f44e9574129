#pragma once
// Exact values of doubles, and what "correctly rounded" means, in rational arithmetic.

#include <gtest/gtest.h>

#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace softmaxflow::test {

using Rational = boost::multiprecision::cpp_rational;
using Integer = boost::multiprecision::cpp_int;

inline Rational exact(double x) {
    int exponent = 0;
    const auto significand = static_cast<std::int64_t>(std::ldexp(std::frexp(x, &exponent), 53));
    exponent -= 53;
    return exponent >= 0 ? Rational(Integer(significand) << exponent)
                         : Rational(Integer(significand), Integer(1) << -exponent);
}

inline Rational exact_sum(const std::vector<double>& values) {
    Rational sum = 0;
    for (const double value : values) sum += exact(value);
    return sum;
}

inline bool is_even(double x) { return (std::bit_cast<std::uint64_t>(x) & 1) == 0; }

// Midpoints between x and its neighbours; beyond the largest double, where it would round to inf.
inline Rational midpoint(double x, double direction) {
    const double next = std::nextafter(x, direction);
    if (std::isfinite(next)) return (exact(x) + exact(next)) / 2;
    const Rational half_ulp = exact(std::ldexp(1.0, 970));
    return direction > 0 ? exact(x) + half_ulp : exact(x) - half_ulp;
}

// x is the double nearest to `truth`, the even one on a tie.
inline void expect_nearest(double x, const Rational& truth) {
    const double infinity = std::numeric_limits<double>::infinity();
    ASSERT_TRUE(std::isfinite(x));
    const Rational low = midpoint(x, -infinity), high = midpoint(x, infinity);
    EXPECT_TRUE(low <= truth && truth <= high) << x;
    if (truth == low || truth == high) {
        EXPECT_TRUE(is_even(x)) << x;
    }
}

// x > 0 is the double nearest to sqrt(truth), which is no midpoint of doubles if it is irrational.
inline void expect_nearest_root(double x, const Rational& truth) {
    const double infinity = std::numeric_limits<double>::infinity();
    const Rational low = midpoint(x, -infinity), high = midpoint(x, infinity);
    EXPECT_TRUE(low * low <= truth && truth <= high * high) << x;
}

}  // namespace softmaxflow::test
