#pragma once
/// Reduction of one observable over one block of replicas: moments and bin counts.
///
/// Sums run over a fixed halving tree of the replica index (leaf i takes leaf i + width, width =
/// Leaves/2 ... 1) in double-double arithmetic, so their bits depend on nothing but the values, and
/// squares keep enough bits (relative error below 2^-100) for the variance of nearly constant data.
/// A kernel that holds one leaf per thread runs the same tree by calling add() on the same pairs.

#include "softmaxflow/model/math.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// An unevaluated sum high + low with |low| <= ulp(high) / 2.
struct DoublePair {
    double high;
    double low;
};

/// Moments of the finite values of a block; min = +inf and max = -inf where there are none.
struct BlockMoments {
    DoublePair sum;
    DoublePair sum_of_squares;
    double min;
    double max;
    int finite;
};

/// a + b without error (Knuth).
SOFTMAXFLOW_HD DoublePair two_sum(double a, double b) {
    const double sum = a + b;
    const double b_rounded = sum - a;
    return {sum, (a - (sum - b_rounded)) + (b - b_rounded)};
}

/// The same when |a| >= |b| or a = 0 (Dekker).
SOFTMAXFLOW_HD DoublePair fast_two_sum(double a, double b) {
    const double sum = a + b;
    return {sum, b - (sum - a)};
}

/// x^2 without error, barring underflow; (+inf, 0) on overflow.
SOFTMAXFLOW_HD DoublePair two_square(double x) {
    const double square = x * x;
    const double error = fma(x, x, -square);
    return {square, is_finite(square) ? error : 0.0};
}

/// a + b with relative error below 3 * 2^-106 (+ smaller terms) when the signs agree (Joldes,
/// Muller, Popescu 2017, algorithm 6). Overflow gives (+-inf, 0) rather than NaN.
SOFTMAXFLOW_HD DoublePair add(DoublePair a, DoublePair b) {
    const DoublePair high = two_sum(a.high, b.high);
    const DoublePair low = two_sum(a.low, b.low);
    const DoublePair middle = fast_two_sum(high.high, high.low + low.high);
    const DoublePair sum = fast_two_sum(middle.high, middle.low + low.low);
    const bool in_range = is_finite(sum.high + sum.low);
    return {in_range ? sum.high : high.high, in_range ? sum.low : 0.0};
}

/// The sum of Leaves pairs (a power of two) over the halving tree; overwrites them.
template <int Leaves>
SOFTMAXFLOW_HD DoublePair tree_sum(double* high, double* low) {
    static_assert(Leaves > 0 && (Leaves & (Leaves - 1)) == 0);
    for (int width = Leaves / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; ++i) {
            const DoublePair sum = add({high[i], low[i]}, {high[i + width], low[i + width]});
            high[i] = sum.high;
            low[i] = sum.low;
        }
    }
    return {high[0], low[0]};
}

/// Moments of values[0 ... count), count <= Leaves. Absent leaves and values that are not finite
/// (mark a failed replica by NaN) enter the sums as exact zeros.
template <int Leaves>
SOFTMAXFLOW_HD BlockMoments block_moments(const double* values, int count) {
    double high[Leaves], low[Leaves], square_high[Leaves], square_low[Leaves];
    BlockMoments moments{{0.0, 0.0}, {0.0, 0.0}, infinity(), -infinity(), 0};
    for (int i = 0; i < Leaves; ++i) {
        const double value = i < count ? values[i] + 0.0 : 0.0;  // + 0.0 turns -0 into +0
        const bool finite = is_finite(value);
        const DoublePair square = two_square(finite ? value : 0.0);
        high[i] = finite ? value : 0.0;
        low[i] = 0.0;
        square_high[i] = square.high;
        square_low[i] = square.low;
        if (i < count && finite) {
            moments.finite += 1;
            moments.min = value < moments.min ? value : moments.min;
            moments.max = value > moments.max ? value : moments.max;
        }
    }
    moments.sum = tree_sum<Leaves>(high, low);
    moments.sum_of_squares = tree_sum<Leaves>(square_high, square_low);
    return moments;
}

/// The bin of a finite value: the number of inner edges (edges[1] ... edges[bins - 1], increasing)
/// that are <= value. So the outer bins are open, and a value on an edge is in the upper bin.
SOFTMAXFLOW_HD int bin_of(double value, const double* edges, int bins) {
    int bin = 0;
    for (int width = bins; width > 1;) {  // the answer is in [bin, bin + width)
        const int half = width / 2;
        bin += value >= edges[bin + half] ? half : 0;
        width -= half;
    }
    return bin;
}

/// Adds the finite ones of values[0 ... count) to counts[bins].
SOFTMAXFLOW_HD void count_bins(const double* values, int count, const double* edges, int bins,
                               unsigned* counts) {
    for (int i = 0; i < count; ++i) {
        if (is_finite(values[i])) counts[bin_of(values[i], edges, bins)] += 1;
    }
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
