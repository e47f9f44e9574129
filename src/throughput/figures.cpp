#include "throughput/figures.hpp"

#include <algorithm>

namespace softmaxflow::throughput {
namespace {

Ratio ratio_of(const std::vector<double>& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return {median(values), *low, *high};
}

/// Seconds per replica-step of repeat i.
double slope(const DimCase& d, std::size_t i) {
    return (d.longer.seconds[i] - d.shorter.seconds[i]) /
           (d.longer.replica_steps() - d.shorter.replica_steps());
}

}  // namespace

Throughput throughput_of(const Case& c, int threads, const Costs& costs) {
    Throughput t;
    const double middle = median(c.seconds);
    const auto [shortest, longest] = std::minmax_element(c.seconds.begin(), c.seconds.end());
    t.median = c.replica_steps() / middle;
    t.best = c.replica_steps() / *shortest;
    t.spread = (*longest - *shortest) / middle;
    const int busy = c.busy_threads(threads);
    t.core_seconds = busy / t.median;
    t.counts = count_step(c.problem, costs.registers);
    if (!t.counts) return t;
    t.limit = limit_of(*t.counts, costs);
    t.share = t.limit.seconds * t.median / busy;
    t.best_share = t.limit.seconds * t.best / busy;
    return t;
}

Ratio statistics_cost(const Case& all, const Case& two) {
    std::vector<double> costs;
    for (std::size_t i = 0; i < all.seconds.size(); ++i)
        costs.push_back(all.seconds[i] / two.seconds[i] - 1.0);
    return ratio_of(costs);
}

double share_of_processors(const Workloads& workloads, int threads) {
    double used = 0.0, possible = 0.0;
    for (const Case* c : workloads.all()) {
        used += c->cpu_seconds;
        for (const double seconds : c->seconds) possible += seconds * c->busy_threads(threads);
    }
    return used / possible;
}

DimFigures dim_figures(const DimCase& d, const DimCase& first, int threads) {
    std::vector<double> slopes, starts, ratios;
    for (std::size_t i = 0; i < d.shorter.seconds.size(); ++i) {
        slopes.push_back(slope(d, i));
        ratios.push_back(slope(d, i) / slope(first, i));
        const double steps = slope(d, i) * d.shorter.replica_steps();
        starts.push_back((d.shorter.seconds[i] - steps) / static_cast<double>(d.shorter.replicas));
    }
    const int busy = d.shorter.busy_threads(threads);
    return {median(slopes) * busy, median(starts) * busy, ratio_of(ratios)};
}

}  // namespace softmaxflow::throughput
