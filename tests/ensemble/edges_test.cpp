#include "ensemble/edges.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>

#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/numerics/math.hpp"

namespace softmaxflow {
namespace {

using Integer = boost::multiprecision::cpp_int;
using Row = std::vector<double>;

Row row_of(model::Observable observable, std::int64_t tokens, std::int64_t bins,
           const std::string& map = "softmax") {
    Config config;
    config.model.map = map;
    config.model.tokens = tokens;
    config.record.bins = bins;
    const Row edges = curve_edges(config);
    EXPECT_EQ(edges.size(), static_cast<std::size_t>(model::observable_count * (bins + 1)));
    const auto start = edges.begin() + static_cast<std::int64_t>(observable) * (bins + 1);
    return {start, start + bins + 1};
}

TEST(LogSpacedIntegers, AreTheRoundedPowers) {
    for (const std::int64_t last : {1, 2, 5, 1000, 99'999, 1'000'000'000})
        for (const unsigned points : {2u, 3u, 10u, 63u}) {
            // r = round(last^(i/k)) exactly when (2r - 1)^k < 2^k last^i < (2r + 1)^k.
            std::vector<std::int64_t> expected = {1};
            const unsigned k = points - 1;
            const Integer base(last), scale = Integer(1) << k;
            for (unsigned i = 0; i <= k; ++i) {
                auto r = std::llround(std::pow(last, static_cast<double>(i) / k));
                const Integer power = scale * pow(base, i);
                while (pow(Integer(2 * r - 1), k) > power) --r;
                while (pow(Integer(2 * r + 1), k) < power) ++r;
                if (r > expected.back()) expected.push_back(r);
            }
            EXPECT_EQ(log_spaced_integers(1, last, points), expected) << last << ' ' << points;
        }
}

TEST(LogSpacedIntegers, MayStartLater) {
    using Integers = std::vector<std::int64_t>;
    EXPECT_EQ(log_spaced_integers(10, 10'000, 4), (Integers{10, 100, 1000, 10'000}));
    EXPECT_EQ(log_spaced_integers(100, 100, 5), (Integers{100}));
    EXPECT_EQ(log_spaced_integers(7, 9, 60), (Integers{7, 8, 9}));
    EXPECT_EQ(log_spaced_integers(8, 32, 3), (Integers{8, 16, 32}));
}

TEST(LinearlySpacedIntegers, AreTheRoundedMultiples) {
    using Integers = std::vector<std::int64_t>;
    EXPECT_EQ(linearly_spaced_integers(100, 5), (Integers{0, 25, 50, 75, 100}));
    EXPECT_EQ(linearly_spaced_integers(10, 5), (Integers{0, 3, 5, 8, 10}));  // 2.5 and 7.5 upwards
    EXPECT_EQ(linearly_spaced_integers(2, 7), (Integers{0, 1, 2}));
    EXPECT_EQ(linearly_spaced_integers(5, 2), (Integers{0, 5}));
    const std::int64_t last = std::int64_t{1} << 53, points = 100'000;
    const Integers many = linearly_spaced_integers(last, points);
    ASSERT_EQ(many.size(), static_cast<std::size_t>(points));
    for (const std::int64_t i : {1L, 777L, 50'000L, 99'998L}) {
        const Integer twice = 2 * Integer(last) * i, step = 2 * Integer(many[i]) * (points - 1);
        EXPECT_LE(abs(step - twice), points - 1) << i;  // |value - last i / (points - 1)| <= 1/2
    }
    EXPECT_EQ(many.back(), last);
}

TEST(LogSpaced, IsGeometricWithExactEnds) {
    for (const auto& [first, last] : {std::pair{1e-6, 1.0}, {0.3, 777.7}, {1e-100, 1e300}}) {
        const Row points = log_spaced(first, last, 63);
        ASSERT_EQ(points.size(), 63u);
        EXPECT_EQ(points.front(), first);
        EXPECT_EQ(points.back(), last);
        const double ratio = std::pow(last / first, 1.0 / 62);
        for (std::size_t i = 1; i < 63 && std::isfinite(ratio); ++i)
            EXPECT_NEAR(points[i] / points[i - 1], ratio, 1e-12 * ratio);
    }
    EXPECT_EQ(log_spaced(2.0, 2.0, 9), (Row{2.0}));
    const double next = std::nextafter(1.0, 2.0);
    EXPECT_EQ(log_spaced(1.0, next, 9), (Row{1.0, next}));
    EXPECT_EQ(linearly_spaced(0.3, 4), (Row{0.0, 0.3 * (1.0 / 3), 0.3 * (2.0 / 3), 0.3}));
}

TEST(ObservableEdges, FollowTheHorizonOfAnArc) {
    using model::Observable;
    Config config;
    config.dynamics.method = "flow";
    config.record.bins = 16;
    const auto last = [&](Observable x) {
        const auto place = (static_cast<std::size_t>(x) + 1) * 17 - 1;
        return curve_edges(config)[place];
    };
    const auto expect = [&](double arc, double log_time, double gap) {
        EXPECT_EQ(last(Observable::arc), arc);
        EXPECT_EQ(last(Observable::log_time), log_time);
        for (const Observable x :
             {Observable::logit_range, Observable::leader_logit_gap, Observable::leader_value_gap,
              Observable::output_norm, Observable::value_norm})
            EXPECT_EQ(last(x), gap);
    };
    config.dynamics.clock = "arc";
    config.dynamics.horizon = 5.0;
    expect(1e6, 1e2, 1e4);
    config.dynamics.horizon = 1e7;
    expect(1e7, 1e8, 1e8);
    config.dynamics.clock = "time";
    expect(1e6, 1e2, 1e4);
    config.dynamics.horizon = 1e300;
    expect(1e6, model::log(1e300), 1e4);
    config.dynamics.method = "momentum";  // then the horizon is of no use
    config.dynamics.clock = "arc";
    expect(1e6, 1e2, 1e4);
}

TEST(ObservableEdges, Increase) {
    for (const std::int64_t tokens : {1, 2, 8, 4096})
        for (const std::int64_t bins : {1, 2, 3, 4, 5, 64, 255, 256, 1000})
            for (int i = 0; i < model::observable_count; ++i) {
                const Row row = row_of(static_cast<model::Observable>(i), tokens, bins);
                EXPECT_TRUE(std::is_sorted(row.begin(), row.end(), std::less_equal<>()))
                    << model::observables[i].name << ' ' << tokens << ' ' << bins;
            }
}

TEST(ObservableEdges, EndWhereTheObservableDoes) {
    using model::Observable;
    for (const Observable x :
         {Observable::max_probability, Observable::margin, Observable::leader_probability}) {
        EXPECT_EQ(row_of(x, 8, 256).front(), 0.0);
        EXPECT_EQ(row_of(x, 8, 256).back(), 1.0);
        EXPECT_EQ(row_of(x, 8, 256)[64], 0.25);
    }
    EXPECT_EQ(row_of(Observable::entropy, 8, 256).front(), 0.0);
    EXPECT_NEAR(row_of(Observable::entropy, 8, 256).back(), std::log(8.0), 1e-15);
    EXPECT_EQ(row_of(Observable::effective_tokens, 8, 7), (Row{1, 2, 3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(row_of(Observable::participation_ratio, 4, 3), (Row{1, 2, 3, 4}));
}

TEST(ObservableEdges, LeaveRoomForWeightsOutsideTheSimplex) {
    using model::Observable;
    const Row largest = row_of(Observable::max_probability, 8, 16, "sum");
    EXPECT_EQ(largest.front(), 0.0);
    EXPECT_EQ(largest[1], 0.5);
    EXPECT_EQ(largest.back(), 8.0);
    const Row leader = row_of(Observable::leader_probability, 8, 16, "sum");
    EXPECT_EQ(leader.front(), -8.0);
    EXPECT_EQ(leader.back(), 8.0);
    EXPECT_EQ(row_of(Observable::participation_ratio, 8, 8, "sum").front(), 0.0);
    EXPECT_EQ(row_of(Observable::max_probability, 8, 16, "l1").back(), 1.0);
}

TEST(ObservableEdges, AreSpacedAsTheCatalogueSays) {
    for (int i = 0; i < model::observable_count; ++i) {
        const auto observable = static_cast<model::Observable>(i);
        const std::int64_t bins = 256, half = bins / 2;
        const Row row = row_of(observable, 8, bins);
        switch (model::observables[i].bins) {
            case model::Bins::linear:
                for (std::int64_t b = 0; b < bins; ++b)
                    EXPECT_NEAR(row[b + 1] - row[b], (row[bins] - row[0]) / bins, 1e-14);
                break;
            case model::Bins::logarithmic:
                EXPECT_GT(row[0], 0.0);
                for (std::int64_t b = 1; b < bins; ++b)
                    EXPECT_NEAR(row[b + 1] / row[b], row[1] / row[0], 1e-13);
                break;
            case model::Bins::signed_logarithmic:
                EXPECT_EQ(row[half], 0.0);
                for (std::int64_t b = 0; b <= bins; ++b) EXPECT_EQ(row[b], -row[bins - b]);
                for (std::int64_t b = half + 1; b + 2 <= bins; ++b)
                    EXPECT_NEAR(row[b + 1] / row[b], row[half + 2] / row[half + 1], 1e-13);
                break;
        }
    }
    const Row odd = row_of(model::Observable::leader_logit_gap, 8, 5);
    EXPECT_EQ(odd[2], -odd[3]);  // 0 is in the middle of a bin
    EXPECT_GT(odd[3], 0.0);
}

TEST(CurveEdges, RankedCurvesFollowTheObservables) {
    Config config;
    config.model.tokens = 3;
    config.record.bins = 16;
    const Row plain = curve_edges(config);
    config.record.ranked = true;
    const Row edges = curve_edges(config);
    ASSERT_EQ(edges.size(), plain.size() + 3 * 3 * 17);
    EXPECT_TRUE(std::equal(plain.begin(), plain.end(), edges.begin()));
    const model::Observable as[] = {model::Observable::leader_probability,
                                    model::Observable::leader_logit_gap,
                                    model::Observable::leader_value_gap};
    for (std::size_t curve = 0; curve < 9; ++curve) {
        const auto start = edges.begin() + static_cast<std::int64_t>(plain.size() + 17 * curve);
        EXPECT_EQ(Row(start, start + 17), row_of(as[curve / 3], 3, 16)) << curve;
    }
}

TEST(PassageEdges, HaveUnitBinsBelowAndBoundedNumber) {
    EXPECT_EQ(passage_edges(0, 3), (Row{0, 1, 2, 3, 4}));
    for (const std::int64_t iterations : {1L, 100L, 4000L, 1000000L, 10000000000L}) {
        const Row edges = passage_edges(0, iterations);
        Row later = passage_edges(1000, 1000 + iterations);
        for (double& edge : later) edge -= 1000;
        EXPECT_EQ(later, edges);  // of a restart
        EXPECT_LE(edges.size(), 4097u);
        EXPECT_EQ(edges.front(), 0.0);
        EXPECT_EQ(edges[1], 1.0);
        EXPECT_EQ(edges.back(), static_cast<double>(iterations + 1));
        EXPECT_TRUE(std::is_sorted(edges.begin(), edges.end(), std::less_equal<>()));
        for (std::size_t b = 0; b + 1 < edges.size(); ++b)
            EXPECT_LE(edges[b + 1] - edges[b], 1.0 + 0.006 * edges[b]);
    }
}

TEST(PassageEdges, OfAFlowResolveEveryScale) {
    for (const auto& [start, end] :
         {std::pair{0.0, 1e5}, {0.0, 1e-100}, {0.0, 1e300}, {10.0, 1e6}, {1.0, 1.0 + 1e-12}}) {
        const Row edges = flow_passage_edges(start, end);
        EXPECT_LE(edges.size(), 4097u);
        EXPECT_EQ(edges.front(), start);
        EXPECT_NEAR(edges.back(), end, 1e-12 * end);
        EXPECT_TRUE(std::is_sorted(edges.begin(), edges.end(), std::less_equal<>()));
        if (end > 1e6 || end < 1.001 * start) continue;
        for (std::size_t b = 1; b + 1 < edges.size(); ++b)
            EXPECT_LE(edges[b + 1] - edges[b], 0.006 * (edges[b + 1] - start) + 1e-15 * start);
    }
    EXPECT_LE(flow_passage_edges(0.0, 1e300)[1], 1e-3);
}

}  // namespace
}  // namespace softmaxflow
