#include "stats/exact_sum.hpp"

#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>

#include "softmaxflow/model/numerics/merged_moments.hpp"
#include "stats/special_values.hpp"

namespace softmaxflow {
namespace {

using Integer = boost::multiprecision::cpp_int;
constexpr std::int64_t digit_mask = (std::int64_t{1} << ExactSum::digit_bits) - 1;
constexpr std::int64_t carry_limit = std::int64_t{1} << 29;
constexpr int unit_exponent = -1074;  // of the smallest denormal

int bit_length(const Integer& x) { return static_cast<int>(msb(x)) + 1; }

/// (significand + fraction) * 2^exponent to nearest even, where 0 <= fraction < 1, not zero if
/// `inexact`. The significand has at least 55 bits, so the bits that decide are all in it.
double round_to_double(const Integer& significand, bool inexact, int exponent) {
    const int top = bit_length(significand) - 1 + exponent;
    const int unit = std::max(top - 52, unit_exponent);
    const int dropped = unit - exponent;
    Integer kept = significand >> dropped;
    const Integer rest = significand - (kept << dropped);
    const int side = rest.compare(Integer(1) << (dropped - 1));
    if (side > 0 || (side == 0 && (inexact || bit_test(kept, 0)))) ++kept;
    return std::ldexp(static_cast<double>(kept.convert_to<std::uint64_t>()), unit);
}

/// floor(numerator / denominator * 2^shift); sets `inexact` if a fraction is lost.
Integer shifted_quotient(const Integer& numerator, const Integer& denominator, int shift,
                         bool& inexact) {
    Integer quotient, remainder;
    divide_qr(Integer(numerator << std::max(shift, 0)), Integer(denominator << std::max(-shift, 0)),
              quotient, remainder);
    inexact = remainder != 0;
    return quotient;
}

/// numerator / denominator * 2^exponent, rounded once; both positive.
double rounded_quotient(const Integer& numerator, const Integer& denominator, int exponent) {
    const int shift = 56 + bit_length(denominator) - bit_length(numerator);
    bool inexact = false;
    const Integer quotient = shifted_quotient(numerator, denominator, shift, inexact);
    return round_to_double(quotient, inexact, exponent - shift);
}

/// sqrt(numerator / denominator) * 2^exponent, rounded once; both positive.
double rounded_root(const Integer& numerator, const Integer& denominator, int exponent) {
    const int half_shift = 57 + (bit_length(denominator) - bit_length(numerator)) / 2;
    bool inexact = false;
    const Integer square = shifted_quotient(numerator, denominator, 2 * half_shift, inexact);
    Integer remainder;
    const Integer root = sqrt(square, remainder);
    return round_to_double(root, inexact || remainder != 0, exponent - half_shift);
}

Integer magnitude_of(const ExactSum::Magnitude& sum) {
    Integer result;
    import_bits(result, sum.digits.begin(), sum.digits.end(), ExactSum::digit_bits, false);
    return result;
}

/// sum / divisor, rounded once.
double rounded_ratio(const ExactSum& sum, std::int64_t divisor) {
    if (!sum.is_finite()) return sum.value();
    const auto parts = sum.magnitude();
    const Integer magnitude = magnitude_of(parts);
    if (magnitude == 0) return 0.0;
    const double ratio = rounded_quotient(magnitude, divisor, unit_exponent);
    return parts.negative ? -ratio : ratio;
}

}  // namespace

void ExactSum::add(double value) {
    model::for_each_digit(value, [&](int place, std::int64_t part) { add_part(place, part); });
    if (++pending_ >= carry_limit) carry();
}

void ExactSum::add(const ExactDigits& terms) {
    ExactSum part;
    for (int place = 0; place < ExactDigits::places; ++place)
        if (terms.digit[place] != 0) part.add_part(place, terms.digit[place]);
    merge(part);
}

void ExactSum::add_part(int place, std::int64_t part) {
    switch (place - digit_count) {
        case 0:
            positive_infinity_ = true;
            break;
        case 1:
            negative_infinity_ = true;
            break;
        case 2:
            nan_ = true;
            break;
        default:
            digits_[static_cast<std::size_t>(place)] += part;
    }
}

void ExactSum::merge(const ExactSum& other) {
    ExactSum part = other;
    part.carry();
    for (int i = 0; i < digit_count; ++i) digits_[i] += part.digits_[i];
    positive_infinity_ |= part.positive_infinity_;
    negative_infinity_ |= part.negative_infinity_;
    nan_ |= part.nan_;
    if (++pending_ >= carry_limit) carry();
}

/// Brings every digit but the last, which keeps the sign, into [0, 2^32).
void ExactSum::carry() {
    for (int i = 0; i + 1 < digit_count; ++i) {
        digits_[i + 1] += digits_[i] >> digit_bits;
        digits_[i] &= digit_mask;
    }
    pending_ = 0;
}

ExactSum::Magnitude ExactSum::magnitude() const {
    ExactSum sum = *this;
    sum.carry();
    Magnitude result;
    result.negative = sum.digits_.back() < 0;
    if (result.negative) {
        for (auto& digit : sum.digits_) digit = -digit;
        sum.carry();
    }
    for (int i = 0; i < digit_count; ++i)
        result.digits[i] = static_cast<std::uint32_t>(sum.digits_[i]);
    return result;
}

double ExactSum::value() const {
    if (nan_ || (positive_infinity_ && negative_infinity_)) return nan;
    if (positive_infinity_) return infinity;
    if (negative_infinity_) return -infinity;
    return rounded_ratio(*this, 1);
}

SampleMoments sample_moments(const ExactSum& sum, const ExactSum& sum_of_squares,
                             std::int64_t count) {
    if (count == 0) return {nan, nan, nan};
    const double mean = rounded_ratio(sum, count);
    if (count == 1 || !sum.is_finite()) return {mean, nan, nan};
    if (!sum_of_squares.is_finite()) {
        const double spread = sum_of_squares.value();
        return {mean, spread, spread};
    }
    const Integer total = magnitude_of(sum.magnitude());
    const Integer squares = magnitude_of(sum_of_squares.magnitude());
    // N (N - 1) var = N Q - S^2; Q counts units of 2^-1074, S^2 of 2^-2148.
    const Integer scatter = ((squares * count) << -unit_exponent) - total * total;
    if (scatter <= 0) return {mean, 0.0, 0.0};
    const Integer pairs = Integer(count) * (count - 1);
    return {mean, rounded_root(scatter, pairs, unit_exponent),
            rounded_root(scatter, pairs * count, unit_exponent)};
}

}  // namespace softmaxflow
