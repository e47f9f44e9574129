#include "stats/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "stats/special_values.hpp"

namespace softmaxflow {
namespace {

/// The order statistic of that rank (from 0) and the width of the piece of bin that holds it.
Quantile order_statistic(const Histogram& histogram, std::uint64_t rank) {
    std::uint64_t before = 0;
    std::size_t bin = 0;
    while (rank >= before + histogram.counts[bin]) before += histogram.counts[bin++];
    const std::uint64_t count = histogram.counts[bin];
    const bool first = bin == 0, last = bin + 1 == histogram.counts.size();

    const double low = first ? histogram.min : std::max(histogram.edges[bin], histogram.min);
    const double high =
        last ? histogram.max : std::min(histogram.edges[bin + 1] - histogram.grain, histogram.max);
    const double fraction = (static_cast<double>(rank - before) + 0.5) / static_cast<double>(count);
    return {std::clamp(low + fraction * (high - low), low, high), high - low};
}

}  // namespace

Quantile histogram_quantile(const Histogram& histogram, double p) {
    const std::uint64_t in_bins =
        std::accumulate(histogram.counts.begin(), histogram.counts.end(), std::uint64_t{0});
    const std::uint64_t total = in_bins + histogram.at_infinity;
    if (total == 0) return {nan, nan};

    const double position = static_cast<double>(total - 1) * p;
    const auto rank = std::min(static_cast<std::uint64_t>(position), total - 1);
    const double weight = position - static_cast<double>(rank);
    const std::uint64_t next = weight > 0.0 ? std::min(rank + 1, total - 1) : rank;
    if (next >= in_bins) return {infinity, nan};

    const auto statistic = [&](std::uint64_t k) {
        Quantile result = order_statistic(histogram, k);
        if (k == 0) result.value = histogram.min;
        if (k + 1 == in_bins) result.value = histogram.max;
        return result;
    };
    const Quantile low = statistic(rank), high = statistic(next);
    return {std::clamp(low.value + weight * (high.value - low.value), histogram.min, histogram.max),
            low.resolution + weight * (high.resolution - low.resolution)};
}

}  // namespace softmaxflow
