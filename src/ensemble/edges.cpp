#include "ensemble/edges.hpp"

#include <algorithm>
#include <cmath>

#include "backend/host/traits_of.hpp"
#include "softmaxflow/model/numerics/math.hpp"
#include "softmaxflow/problem.hpp"

namespace softmaxflow {
namespace {

using model::BinGrowth;
using model::BinRange;
using model::Bins;
using model::Interval;

constexpr std::int64_t passage_bins = 4096;

/// How much further than 1 an arc clock takes what grows with the arc.
double arc_reach(const Config& config) {
    return has_arc_clock(config) ? config.dynamics.horizon : 1.0;
}

/// Of |log t|: t grows like the exponential of the arc.
double log_time_reach(const Config& config) {
    if (has_arc_clock(config)) return 10.0 * config.dynamics.horizon;
    return is_flow(config) ? std::abs(model::log(config.dynamics.horizon)) : 0.0;
}

/// As BinRange says.
Interval ends_of(const BinRange& range, const Config& config) {
    const bool other = map_traits(config).signed_weights && range.signed_interval.high > 0.0;
    const auto [low, high] = other ? range.signed_interval : range.ends;
    const auto tokens = static_cast<double>(std::max<std::int64_t>(config.model.tokens, 2));
    switch (range.reach) {
        case BinGrowth::tokens:
            return {low, std::max(high, tokens)};
        case BinGrowth::log_tokens:
            return {low, std::max(high, model::log(tokens))};
        case BinGrowth::arc:
            return {low, std::max(high, arc_reach(config))};
        case BinGrowth::ten_arcs:
            return {low, std::max(high, 10.0 * arc_reach(config))};
        case BinGrowth::log_time:
            return {low, std::max(high, log_time_reach(config))};
        case BinGrowth::nothing:
            break;
    }
    return {low, high};
}

std::vector<double> linear(Interval range, std::int64_t bins) {
    std::vector<double> edges(bins + 1);
    const auto share = [&](std::int64_t i) {
        return static_cast<double>(i) / static_cast<double>(bins);
    };
    for (std::int64_t i = 0; i < bins; ++i)
        edges[i] = range.low + (range.high - range.low) * share(i);
    edges.back() = range.high;
    return edges;
}

std::vector<double> logarithmic(Interval range, std::int64_t bins) {
    std::vector<double> edges = linear({model::log(range.low), model::log(range.high)}, bins);
    for (double& edge : edges) edge = model::exp(edge);
    edges.front() = range.low;
    edges.back() = range.high;
    return edges;
}

/// Symmetric about 0, with 0 an edge for an even number of bins, the middle of one otherwise.
std::vector<double> signed_logarithmic(Interval range, std::int64_t bins) {
    if (bins == 1) return {-range.high, range.high};
    std::vector<double> positive = {0.0, range.high};
    if (bins > 2) positive = logarithmic(range, bins % 2 == 0 ? bins / 2 - 1 : bins / 2);
    if (bins > 2 && bins % 2 == 0) positive.insert(positive.begin(), 0.0);

    std::vector<double> edges(positive.rbegin(), positive.rend());
    for (double& edge : edges) edge = -edge;
    edges.insert(edges.end(), positive.begin() + (bins % 2 == 0 ? 1 : 0), positive.end());
    if (bins % 2 == 0) edges[bins / 2] = 0.0;
    return edges;
}

std::vector<double> edges_of(Bins layout, Interval range, std::int64_t bins) {
    switch (layout) {
        case Bins::logarithmic:
            return logarithmic(range, bins);
        case Bins::signed_logarithmic:
            return signed_logarithmic(range, bins);
        case Bins::linear:
            break;
    }
    return linear(range, bins);
}

}  // namespace

std::vector<std::int64_t> log_spaced_integers(std::int64_t first, std::int64_t last,
                                              std::int64_t points) {
    std::vector<std::int64_t> result = {first};
    const double log_first = model::log(static_cast<double>(first));
    const double log_ratio = model::log(static_cast<double>(last)) - log_first;
    for (std::int64_t i = 1; i + 1 < points; ++i) {
        const double share = static_cast<double>(i) / static_cast<double>(points - 1);
        const auto value =
            static_cast<std::int64_t>(std::floor(model::exp(log_first + share * log_ratio) + 0.5));
        if (value > result.back() && value < last) result.push_back(value);
    }
    if (last > first) result.push_back(last);
    return result;
}

std::vector<std::int64_t> linearly_spaced_integers(std::int64_t last, std::int64_t points) {
    std::vector<std::int64_t> result = {0};
    const std::int64_t steps = points - 1, whole = last / steps, rest = last % steps;
    for (std::int64_t i = 1; i <= steps; ++i) {
        const std::int64_t value = i * whole + (2 * i * rest + steps) / (2 * steps);
        if (value > result.back()) result.push_back(value);
    }
    return result;
}

std::vector<double> log_spaced(double first, double last, std::int64_t points) {
    std::vector<double> result = {first};
    const double log_first = model::log(first), log_last = model::log(last);
    for (std::int64_t i = 1; i + 1 < points; ++i) {
        const double share = static_cast<double>(i) / static_cast<double>(points - 1);
        const double value = model::exp(log_first + share * (log_last - log_first));
        if (value > result.back() && value < last) result.push_back(value);
    }
    if (last > first) result.push_back(last);
    return result;
}

std::vector<double> linearly_spaced(double last, std::int64_t points) {
    return linear({0.0, last}, points - 1);
}

std::vector<double> curve_edges(const Config& config) {
    const std::int64_t bins = config.record.bins;
    std::vector<double> edges;
    const auto append = [&](const std::vector<double>& row, std::int64_t times) {
        for (std::int64_t i = 0; i < times; ++i) edges.insert(edges.end(), row.begin(), row.end());
    };
    for (const model::ObservableInfo& x : model::observables)
        append(edges_of(x.bins, ends_of(x.range, config), bins), 1);
    if (!config.record.ranked) return edges;
    for (const model::RankedBins& x : model::ranked_bins)
        append(edges_of(x.bins, ends_of(x.range, config), bins), config.model.tokens);
    return edges;
}

std::vector<double> passage_edges(std::int64_t start, std::int64_t end) {
    std::vector<double> edges = {static_cast<double>(start)};
    for (const std::int64_t distance : log_spaced_integers(1, end - start + 1, passage_bins))
        edges.push_back(static_cast<double>(start + distance));
    return edges;
}

std::vector<double> flow_passage_edges(double start, double end) {
    const double length = end - start;
    std::vector<double> edges = {start};
    for (const double distance : log_spaced(std::min(1e-9 * length, 1e-3), length, passage_bins))
        if (start + distance > edges.back()) edges.push_back(start + distance);
    return edges;
}

}  // namespace softmaxflow
