#pragma once
/// Quantiles from integer counts on fixed bins: independent of the order of insertion, and with an
/// error that is known.

#include <cstdint>
#include <span>

namespace softmaxflow {

/// N = sum of counts + at_infinity values. Bin b is [edges[b], edges[b + 1]); the first and last
/// are open. min and max are the exact extremes of the values in the bins.
struct Histogram {
    std::span<const std::uint64_t> counts;  ///< (bin)
    std::span<const double> edges;          ///< (bin + 1), increasing
    double min = 0.0;
    double max = 0.0;
    std::uint64_t at_infinity = 0;  ///< values beyond every bin: events that never came
    double grain = 0.0;             ///< values and edges are multiples of this: 1 for integers
};

struct Quantile {
    double value;
    double resolution;  ///< |value - quantile of the values themselves| is at most this
};

/// The quantile at position (N - 1) p of the sorted values, counted from 0 and interpolated between
/// neighbours (type 7 of Hyndman and Fan, the default of NumPy and R). Order statistic k is placed
/// within its bin, cut to [min, max], at the fraction (rank in the bin + 1/2) / count; the first
/// and last are min and max themselves. The resolution is the width of that piece of the bin; where
/// the position falls between two bins, their mean with the weights of the interpolation.
/// +inf with resolution NaN where the position reaches into `at_infinity`; NaN for N = 0.
Quantile histogram_quantile(const Histogram& histogram, double p);

}  // namespace softmaxflow
