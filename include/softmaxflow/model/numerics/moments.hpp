#pragma once
/// Reduction of one observable over one block of replicas: moments and bin counts.
///
/// Sums run over a fixed halving tree of the replica index (leaf i takes leaf i + width, width =
/// Leaves/2 ... 1) in double-double arithmetic, so their bits depend on nothing but the values, and
/// squares keep enough bits (relative error below 2^-100) for the variance of nearly constant data.
/// A team of lanes runs the same tree: the levels inside a lane first, then those by exchange.

#include "softmaxflow/model/numerics/team.hpp"
#include "softmaxflow/plain/block_moments.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// a + b without error (Knuth).
SOFTMAXFLOW_HD DoubleDouble two_sum(double a, double b) {
    const double sum = a + b;
    const double b_rounded = sum - a;
    return {sum, (a - (sum - b_rounded)) + (b - b_rounded)};
}

/// The same when |a| >= |b| or a = 0 (Dekker).
SOFTMAXFLOW_HD DoubleDouble fast_two_sum(double a, double b) {
    const double sum = a + b;
    return {sum, b - (sum - a)};
}

/// x^2 without error, barring underflow; (+inf, 0) on overflow.
SOFTMAXFLOW_HD DoubleDouble two_square(double x) {
    const double square = x * x;
    const double error = fma(x, x, -square);
    return {square, is_finite(square) ? error : 0.0};
}

/// a + b with relative error below 3 * 2^-106 (+ smaller terms) when the signs agree (Joldes,
/// Muller, Popescu 2017, algorithm 6). Overflow gives (+-inf, 0) rather than NaN.
SOFTMAXFLOW_HD DoubleDouble add(DoubleDouble a, DoubleDouble b) {
    const DoubleDouble high = two_sum(a.high, b.high);
    const DoubleDouble low = two_sum(a.low, b.low);
    const DoubleDouble middle = fast_two_sum(high.high, high.low + low.high);
    const DoubleDouble sum = fast_two_sum(middle.high, middle.low + low.low);
    const bool in_range = is_finite(sum.high + sum.low);
    return {in_range ? sum.high : high.high, in_range ? sum.low : 0.0};
}

/// The sum of size * Slots pairs over the halving tree, leaf i on lane i mod size; overwrites them.
/// Every lane gets the result: add() is symmetric.
template <int Slots, class Team>
SOFTMAXFLOW_HD DoubleDouble tree_sum(Team team, DoubleDouble (&leaves)[Slots]) {
    static_assert(Slots > 0 && (Slots & (Slots - 1)) == 0);
    for (int width = Slots / 2; width > 0; width /= 2)
        for (int i = 0; i < width; ++i) leaves[i] = add(leaves[i], leaves[i + width]);
    DoubleDouble sum = leaves[0];
    for (int distance = Team::size / 2; distance > 0; distance /= 2) {
        const double high = team.exchange(sum.high, distance);
        sum = add(sum, {high, team.exchange(sum.low, distance)});
    }
    return sum;
}

/// Moments of value(0 ... count), count <= Leaves. Absent leaves and values that are not finite
/// (mark a failed replica by NaN) enter the sums as exact zeros.
template <int Leaves, class Team, class Value>
SOFTMAXFLOW_HD BlockMoments block_moments(Team team, int count, Value value) {
    constexpr int slots = Leaves / Team::size;
    DoubleDouble sums[slots], squares[slots];
    BlockMoments moments{{0.0, 0.0}, {0.0, 0.0}, infinity(), -infinity(), 0};
    double present = 0.0;
    for (int i = 0; i < slots; ++i) {
        const int leaf = i * Team::size + team.rank();
        // + 0.0 turns -0 into +0
        const double x = leaf < count ? value(leaf) + 0.0 : not_a_number();
        const bool finite = is_finite(x);
        sums[i] = {finite ? x : 0.0, 0.0};
        squares[i] = two_square(sums[i].high);
        if (!finite) continue;
        present += 1.0;
        moments.min = min(moments.min, x);
        moments.max = max(moments.max, x);
    }
    moments.sum = tree_sum(team, sums);
    moments.sum_of_squares = tree_sum(team, squares);
    for (int distance = Team::size / 2; distance > 0; distance /= 2) {
        moments.min = min(moments.min, team.exchange(moments.min, distance));
        moments.max = max(moments.max, team.exchange(moments.max, distance));
        present += team.exchange(present, distance);
    }
    moments.finite = int(present);
    return moments;
}
template <int Leaves>
SOFTMAXFLOW_HD BlockMoments block_moments(const double* values, int count) {
    return block_moments<Leaves>(Solo{}, count, [&](int i) { return values[i]; });
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
