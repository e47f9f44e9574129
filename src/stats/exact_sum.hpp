#pragma once
/// Sums without rounding, so that merging partial sums is associative and commutative to the bit.

#include <array>
#include <cstdint>

#include "softmaxflow/plain/block_moments.hpp"

namespace softmaxflow {

/// The exact sum of up to 2^63 doubles of any size: a fixed-point number from 2^-1074 to 2^1086 in
/// 32-bit digits, each held in 64 bits so that carries are propagated only rarely.
/// Infinities and NaN are remembered apart and decide value() as IEEE addition would.
class ExactSum {
public:
    void add(double value);
    /// Adds fewer than 2^29 terms at once.
    void add(const ExactDigits& terms);
    void merge(const ExactSum& other);
    /// The sum, rounded once to nearest, ties to even; +0 for zero, +-inf beyond the range.
    [[nodiscard]] double value() const;
    [[nodiscard]] bool is_finite() const {
        return !(positive_infinity_ || negative_infinity_ || nan_);
    }

    static constexpr int digit_bits = ExactDigits::bits;
    static constexpr int digit_count = ExactDigits::count;
    /// |sum| in units of 2^-1074, least significant digit first. Only of a finite sum.
    struct Magnitude {
        bool negative = false;
        std::array<std::uint32_t, digit_count> digits{};
    };
    [[nodiscard]] Magnitude magnitude() const;

private:
    void add_part(int place, std::int64_t part);
    void carry();

    std::array<std::int64_t, digit_count> digits_{};
    std::int64_t pending_ = 0;  // |digit| <= 2^33 pending_, plus 2^32 from the last carry
    bool positive_infinity_ = false;
    bool negative_infinity_ = false;
    bool nan_ = false;
};

/// Mean, sample standard deviation (N - 1) and standard error of the mean (std / sqrt(N)).
struct SampleMoments {
    double mean;
    double std;
    double sem;
};

/// From the exact sum, the sum of squares and the count N. The cancellation N Q - S^2 is exact and
/// each result is rounded once, by integer arithmetic alone: the bits depend on no mathematical
/// library. NaN: all for N = 0, std and sem for N = 1.
/// A sum of squares that overflowed gives std = +inf; one that was itself rounded may put N Q below
/// S^2, which gives std = 0. Values whose squares underflow cost std an absolute error of 1e-161.
SampleMoments sample_moments(const ExactSum& sum, const ExactSum& sum_of_squares,
                             std::int64_t count);

}  // namespace softmaxflow
