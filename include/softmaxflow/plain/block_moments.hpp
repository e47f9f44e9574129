#pragma once
/// What statistics are made of: moments of a block of replicas, and of many blocks, as they leave
/// kernels. model/numerics/moments.hpp and merged_moments.hpp compute them.

namespace softmaxflow {

/// Replicas are reduced in blocks of this many, by replica index; results depend on it, so it is
/// part of the numerics.
inline constexpr int block_size = 64;

/// An unevaluated sum high + low with |low| <= ulp(high) / 2, about 106 bits: variances of nearly
/// constant observables survive.
struct DoubleDouble {
    double high;
    double low;
};

/// Moments of the finite values of one observable at one checkpoint over one block; min = +inf and
/// max = -inf where there are none.
struct BlockMoments {
    DoubleDouble sum;
    DoubleDouble sum_of_squares;
    double min;
    double max;
    int finite;
};

/// Digits of 32 bits from 2^-1074 on, the least first, each kept in 64 so that carries can wait;
/// behind them, how many terms were +infinity, -infinity and NaN.
struct ExactDigits {
    static constexpr int bits = 32, count = 68, places = count + 3;
    long long digit[places];
};

/// Moments of many blocks, merged without rounding.
struct MergedMoments {
    ExactDigits sum, sum_of_squares;
    long long min, max;  ///< integers in the order of the numbers: model::ordered()
    long long finite;
};

}  // namespace softmaxflow
