#include "stats/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace softmaxflow {
namespace {

using Values = std::vector<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double levels[] = {0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0};

// Position (N - 1) p of the sorted values, interpolated.
double sorted_quantile(const Values& sorted, double p) {
    const double position = static_cast<double>(sorted.size() - 1) * p;
    const auto rank = static_cast<std::size_t>(position);
    const double weight = position - static_cast<double>(rank);
    if (weight == 0.0) return sorted[rank];
    return sorted[rank] + weight * (sorted[rank + 1] - sorted[rank]);
}

struct Binned {
    Values edges;
    std::vector<std::uint64_t> counts;
    double min = infinity, max = -infinity;

    Binned(const Values& values, Values bin_edges)
        : edges(std::move(bin_edges)), counts(edges.size() - 1) {
        for (const double value : values) {
            const auto above = std::upper_bound(edges.begin() + 1, edges.end() - 1, value);
            counts[above - edges.begin() - 1] += 1;
            min = std::min(min, value);
            max = std::max(max, value);
        }
    }
    [[nodiscard]] Histogram view() const { return {counts, edges, min, max}; }
};

Values uniform_edges(double low, double high, int bins) {
    Values edges(bins + 1);
    for (int i = 0; i <= bins; ++i) edges[i] = low + (high - low) * i / bins;
    return edges;
}

struct Law {
    std::string name;
    std::function<double(std::mt19937_64&)> draw;
};

std::vector<Law> laws() {
    return {
        {"uniform", [](auto& random) { return std::uniform_real_distribution(0.0, 1.0)(random); }},
        {"lognormal", [](auto& random) { return std::lognormal_distribution(-1.0, 2.0)(random); }},
        {"beyond both ends",
         [](auto& random) { return std::normal_distribution(0.5, 50.0)(random); }},
        {"cauchy", [](auto& random) { return std::cauchy_distribution(0.5, 0.1)(random); }},
        {"two points", [](auto& random) { return random() % 2 == 0 ? 0.2 : 0.9; }},
        {"near one", [](auto& random) { return 1.0 - 1e-9 * static_cast<double>(random() % 97); }},
        {"on the edges", [](auto& random) { return static_cast<double>(random() % 65) / 64; }},
        {"constant", [](auto&) { return 1.0 / 3.0; }},
    };
}

TEST(HistogramQuantile, IsWithinItsResolutionOfTheSortedOne) {
    std::mt19937_64 random(5);
    for (const Law& law : laws())
        for (const int count : {1, 2, 3, 4, 17, 100, 4096})
            for (const int bins : {1, 2, 64, 256}) {
                Values values(count);
                for (double& value : values) value = law.draw(random);
                const Binned binned(values, uniform_edges(0.0, 1.0, bins));
                std::sort(values.begin(), values.end());
                double previous = -infinity;
                for (const double p : levels) {
                    const Quantile quantile = histogram_quantile(binned.view(), p);
                    const double truth = sorted_quantile(values, p);
                    const double rounding = 1e-15 * (std::abs(binned.min) + std::abs(binned.max));
                    EXPECT_LE(std::abs(quantile.value - truth), quantile.resolution + rounding)
                        << law.name << ' ' << count << ' ' << bins << ' ' << p;
                    EXPECT_TRUE(binned.min <= quantile.value && quantile.value <= binned.max);
                    EXPECT_GE(quantile.value, previous);
                    previous = quantile.value;
                }
                EXPECT_EQ(histogram_quantile(binned.view(), 0.0).value, values.front());
                EXPECT_EQ(histogram_quantile(binned.view(), 1.0).value, values.back());
            }
}

TEST(HistogramQuantile, ResolutionIsTheWidthOfItsBin) {
    const Values values = {0.05, 0.11, 0.12, 0.13, 0.14, 0.95};
    const Binned binned(values, uniform_edges(0.0, 1.0, 10));
    EXPECT_NEAR(histogram_quantile(binned.view(), 0.5).resolution, 0.1, 1e-15);
    EXPECT_NEAR(histogram_quantile(binned.view(), 0.5).value, 0.15, 1e-15);  // 2nd and 3rd of 4
    EXPECT_NEAR(histogram_quantile(binned.view(), 0.0).resolution, 0.05, 1e-15);  // cut at min
    EXPECT_EQ(histogram_quantile(Binned({7.0, 7.0}, {0.0, 0.5, 1.0}).view(), 0.5).resolution, 0.0);
}

TEST(HistogramQuantile, IsExactForIntegersInBinsOfWidthOne) {
    const Values edges = {0, 1, 2, 3, 4, 8, 16};
    const Values values = {0, 1, 1, 2, 3, 3, 3, 9};
    Histogram histogram = Binned(values, edges).view();
    const Binned binned(values, edges);
    histogram = binned.view();
    histogram.grain = 1.0;
    for (const double p : levels) {
        const Quantile quantile = histogram_quantile(histogram, p);
        EXPECT_NEAR(quantile.value, sorted_quantile(values, p), 1e-15);
        if (p <= 0.75) {
            EXPECT_EQ(quantile.resolution, 0.0);
        }
    }
}

TEST(HistogramQuantile, CountsWhatNeverCame) {
    const Values values = {1, 2, 3};
    const Binned binned(values, {0, 1, 2, 3, 4});
    Histogram histogram = binned.view();
    histogram.grain = 1.0;
    histogram.at_infinity = 2;  // 1 2 3 inf inf
    EXPECT_EQ(histogram_quantile(histogram, 0.25).value, 2.0);
    EXPECT_EQ(histogram_quantile(histogram, 0.5).value, 3.0);
    EXPECT_EQ(histogram_quantile(histogram, 0.51).value, infinity);
    EXPECT_TRUE(std::isnan(histogram_quantile(histogram, 0.99).resolution));

    const std::vector<std::uint64_t> none(4);
    EXPECT_EQ(histogram_quantile({none, binned.edges, infinity, -infinity, 5}, 0.01).value,
              infinity);
    EXPECT_TRUE(
        std::isnan(histogram_quantile({none, binned.edges, infinity, -infinity}, 0.5).value));
}

}  // namespace
}  // namespace softmaxflow
