#include "softmaxflow/model/numerics/moments.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "softmaxflow/model/numerics/merged_moments.hpp"
#include "stats/exact_sum.hpp"
#include "stats/rational.hpp"

namespace softmaxflow::test {
namespace {

using Values = std::vector<double>;
constexpr int leaves = 256;
constexpr double infinity = std::numeric_limits<double>::infinity();
const double nan = std::nan("");

BlockMoments moments_of(const Values& values) {
    return model::block_moments<leaves>(values.data(), static_cast<int>(values.size()));
}

Rational both(DoubleDouble pair) { return exact(pair.high) + exact(pair.low); }

bool same(DoubleDouble a, DoubleDouble b) { return a.high == b.high && a.low == b.low; }

// Random signs and sizes over 30 decades: every order rounds differently.
Values order_dependent(int count) {
    std::mt19937_64 random(7);
    Values values(count);
    for (double& value : values) {
        const double size = std::exp2(static_cast<double>(random() % 100));
        value = size * (1.0 + static_cast<double>(random() >> 11) * 0x1p-53) *
                (random() % 2 == 0 ? 1.0 : -1.0);
    }
    return values;
}

// The tree from the root: a node takes every stride-th leaf, its halves every second of those.
DoubleDouble tree(const Values& values, std::size_t first, std::size_t stride) {
    if (stride == leaves) return {first < values.size() ? values[first] : 0.0, 0.0};
    return model::add(tree(values, first, 2 * stride), tree(values, first + stride, 2 * stride));
}

DoubleDouble sequential(const Values& values) {
    DoubleDouble sum{0.0, 0.0};
    for (const double value : values) sum = model::add(sum, {value, 0.0});
    return sum;
}

TEST(Reduce, SumsOverTheHalvingTreeAndNoOther) {
    for (const int count : {2, 100, 255, 256}) {
        Values values = order_dependent(count);
        const DoubleDouble sum = moments_of(values).sum;
        EXPECT_TRUE(same(sum, tree(values, 0, 1))) << count;
        if (count < 100) continue;
        EXPECT_FALSE(same(sum, sequential(values))) << count;
        // Reversal maps the tree onto itself, for add() commutes; sorting does not.
        std::reverse(values.begin(), values.end());
        EXPECT_TRUE(same(sum, moments_of(values).sum)) << count;
        std::sort(values.begin(), values.end());
        EXPECT_FALSE(same(sum, moments_of(values).sum)) << count;
    }
}

TEST(Reduce, ErrorIsThatOfDoubleDouble) {
    std::mt19937_64 random(8);
    std::lognormal_distribution<double> law(0.0, 10.0);
    for (int trial = 0; trial < 50; ++trial) {
        Values values(1 + random() % leaves);
        for (double& value : values) value = law(random);
        Rational sum = 0, squares = 0;
        for (const double value : values)
            sum += exact(value), squares += exact(value) * exact(value);
        const BlockMoments moments = moments_of(values);
        const Rational tolerance(1, Integer(1) << 100);
        EXPECT_LE(abs(both(moments.sum) - sum), sum * tolerance);
        EXPECT_LE(abs(both(moments.sum_of_squares) - squares), squares * tolerance);
        EXPECT_EQ(moments.min, *std::min_element(values.begin(), values.end()));
        EXPECT_EQ(moments.max, *std::max_element(values.begin(), values.end()));
        EXPECT_EQ(moments.finite, static_cast<int>(values.size()));
    }
}

TEST(Reduce, SkipsWhatIsNotFinite) {
    const BlockMoments moments = moments_of({2.0, nan, -3.0, infinity, -infinity, 0.5});
    EXPECT_TRUE(same(moments.sum, {-0.5, 0.0}));
    EXPECT_TRUE(same(moments.sum_of_squares, {13.25, 0.0}));
    EXPECT_EQ(moments.min, -3.0);
    EXPECT_EQ(moments.max, 2.0);
    EXPECT_EQ(moments.finite, 3);

    const BlockMoments none = moments_of({nan});
    EXPECT_TRUE(same(none.sum, {0.0, 0.0}));
    EXPECT_EQ(none.min, infinity);
    EXPECT_EQ(none.max, -infinity);
    EXPECT_EQ(none.finite, 0);
}

TEST(Reduce, StaysDefinedAtTheEndsOfTheRange) {
    const BlockMoments huge = moments_of({1e200, 1e200, -1e300});
    EXPECT_EQ(huge.sum.high, -1e300 + 2e200);
    EXPECT_TRUE(same(huge.sum_of_squares, {infinity, 0.0}));
    EXPECT_TRUE(same(moments_of({1e308, 1e308, 1e308}).sum, {infinity, 0.0}));
    EXPECT_FALSE(std::signbit(moments_of({-0.0}).min));
    EXPECT_FALSE(std::signbit(moments_of({-0.0}).max));
}

TEST(Reduce, FindsTheBinOfEveryValue) {
    for (const int bins : {1, 2, 3, 7, 64, 255, 256}) {
        Values edges(bins + 1);
        for (int i = 0; i <= bins; ++i) edges[i] = std::sqrt(static_cast<double>(i));
        Values values = {-infinity, -1.0, infinity, 1e9};
        for (const double edge : edges)
            for (const double direction : {-infinity, infinity, edge})
                values.push_back(std::nextafter(edge, direction));
        for (const double value : values) {
            int expected = 0;
            for (int i = 1; i < bins; ++i) expected += value >= edges[i] ? 1 : 0;
            EXPECT_EQ(model::bin_of(value, edges.data(), bins), expected) << bins << ' ' << value;
        }
    }
}

TEST(Reduce, CountsFiniteValues) {
    const Values values = {-5.0, 0.0, 1.0, 1.5, std::nan(""), 9.0, infinity};
    const Values edges = {0.0, 1.0, 2.0};
    unsigned counts[2] = {10, 20};
    model::count_bins(values.data(), 7, edges.data(), 2, counts);
    EXPECT_EQ(counts[0], 12u);
    EXPECT_EQ(counts[1], 23u);
}

}  // namespace
/// Numbers of every size in any order, and the sums that ExactSum has. (By a team: test_cuda.)
TEST(Merge, EqualsExactSumsWhateverTheOrder) {
    std::mt19937_64 random(7);
    std::vector<BlockMoments> blocks;
    for (int b = 0; b < 200; ++b) {
        Values values;
        for (int i = 0; i < 5; ++i) {
            const auto x = std::bit_cast<double>(random());
            if (std::isfinite(x)) values.push_back(x / 0x1p600);
        }
        blocks.push_back(moments_of(values));
    }
    ExactSum sum, squares;
    std::int64_t finite = 0;
    for (const BlockMoments& b : blocks) {
        for (const double term : {b.sum.high, b.sum.low}) sum.add(term);
        for (const double term : {b.sum_of_squares.high, b.sum_of_squares.low}) squares.add(term);
        finite += b.finite;
    }
    MergedMoments first = model::no_moments();
    for (int order = 0; order < 3; ++order) {
        MergedMoments all = model::no_moments();
        for (const BlockMoments& b : blocks) model::merge(model::Solo{}, all, b);
        if (order == 0) first = all;
        EXPECT_EQ(std::memcmp(&all, &first, sizeof all), 0);
        std::shuffle(blocks.begin(), blocks.end(), random);
    }
    ExactSum merged, merged_squares;
    merged.add(first.sum);
    merged_squares.add(first.sum_of_squares);
    EXPECT_EQ(merged.magnitude().digits, sum.magnitude().digits);
    EXPECT_EQ(merged.magnitude().negative, sum.magnitude().negative);
    EXPECT_EQ(merged_squares.magnitude().digits, squares.magnitude().digits);
    EXPECT_EQ(first.finite, finite);
    double least = infinity, most = -infinity;
    for (const BlockMoments& b : blocks) {
        least = std::min(least, b.min);
        most = std::max(most, b.max);
    }
    EXPECT_EQ(model::from_ordered(first.min), least);
    EXPECT_EQ(model::from_ordered(first.max), most);
}

TEST(Merge, RemembersWhatIsNotFinite) {
    for (const double term : {infinity, -infinity, nan}) {
        MergedMoments all = model::no_moments();
        model::merge(model::Solo{}, all, {{term, 0.0}, {1.0, 0.0}, 1.0, 1.0, 1});
        ExactSum sum;
        sum.add(all.sum);
        EXPECT_FALSE(sum.is_finite());
        EXPECT_EQ(std::isnan(sum.value()), std::isnan(term));
        EXPECT_TRUE(std::isnan(term) || sum.value() == term);
    }
}

TEST(Merge, OrderedKeepsTheOrder) {
    const double numbers[] = {-infinity, -1e300, -1.0, -1e-310, -0.0, 1e-310, 1.0, 1e300, infinity};
    for (std::size_t i = 0; i < std::size(numbers); ++i) {
        EXPECT_EQ(model::from_ordered(model::ordered(numbers[i])), numbers[i]);
        EXPECT_TRUE(i == 0 || numbers[i] == 0.0 ||
                    model::ordered(numbers[i - 1]) < model::ordered(numbers[i]));
    }
    EXPECT_EQ(model::ordered(-0.0), model::ordered(0.0));
}

}  // namespace softmaxflow::test
