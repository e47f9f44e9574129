#include "stats/exact_sum.hpp"

#include <algorithm>
#include <random>

#include "rational.hpp"
#include "softmaxflow/model/numerics/moments.hpp"

namespace softmaxflow::test {
namespace {

using Values = std::vector<double>;
using Random = std::mt19937_64;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest = std::numeric_limits<double>::max();
constexpr double smallest = std::numeric_limits<double>::denorm_min();

ExactSum sum_of(const Values& values) {
    ExactSum sum;
    for (const double value : values) sum.add(value);
    return sum;
}

// Any finite bit pattern: every exponent, denormals included, both signs.
double any_double(Random& random) {
    for (;;) {
        const auto value = std::bit_cast<double>(random());
        if (std::isfinite(value)) return value;
    }
}

// Data on which floating-point sums go wrong.
std::vector<Values> adversarial(Random& random) {
    std::vector<Values> sets = {
        {0.0, -0.0},
        {smallest, smallest, -smallest},
        {largest, largest, -largest},
        {-1e308, -1e308, -1e308, 1e308, 1e308, 1.0},
        {1.0, 0x1p-53},             // tie, to even: down
        {1.0 + 0x1p-52, 0x1p-53},   // tie, to even: up
        {1.0, 0x1p-53, smallest},   // just above a tie
        {1.0, 0x1p-53, -smallest},  // just below
        {1e308, 1e-308, -1e308},    // 1e-308 is left
        {largest, 0x1p969},         // rounds to the largest double
        {0x1p-1022, -smallest},     // into the denormals
        {0x1p31, -0x1p32, 0x1p63, -0x1p64, 0x1p-32},
    };
    for (int i = 0; i < 6; ++i) {
        Values values(300);
        for (double& value : values) value = any_double(random) / 1024;
        sets.push_back(values);
        for (int k = 0; k < 300; ++k) values.push_back(-values[k] * (k % 7 == 0 ? 0.5 : 1.0));
        sets.push_back(values);  // most of it cancels
        for (double& value : values) value = static_cast<double>(random() % 1000) * smallest;
        sets.push_back(values);  // denormals only
    }
    return sets;
}

TEST(ExactSum, IsTheCorrectlyRoundedRationalSum) {
    Random random(1);
    for (const Values& values : adversarial(random))
        expect_nearest(sum_of(values).value(), exact_sum(values));
}

TEST(ExactSum, HasTheSameBitsForEveryOrderAndPartition) {
    Random random(2);
    for (Values values : adversarial(random)) {
        const double whole = sum_of(values).value();
        for (int trial = 0; trial < 5; ++trial) {
            std::shuffle(values.begin(), values.end(), random);
            std::vector<ExactSum> parts(1 + random() % 8);
            for (const double value : values) parts[random() % parts.size()].add(value);
            while (parts.size() > 1) {  // merge two at random
                std::shuffle(parts.begin(), parts.end(), random);
                const ExactSum last = parts.back();
                parts.pop_back();
                parts.back().merge(last);
            }
            EXPECT_EQ(std::bit_cast<std::uint64_t>(parts[0].value()),
                      std::bit_cast<std::uint64_t>(whole));
        }
    }
}

TEST(ExactSum, DoublesDisagreeOnTheSameData) {  // the tests above would notice rounding
    const Values values = {1e308, 1e-308, -1e308};
    double naive = 0.0;
    for (const double value : values) naive += value;
    EXPECT_NE(naive, sum_of(values).value());
}

TEST(ExactSum, MergesPartsThatGrow) {  // digits outgrow 64 bits unless merging carries
    ExactSum sum = sum_of({-0x1.fffffffffffffp31});
    for (int doubling = 0; doubling < 100; ++doubling) {
        const ExactSum part = sum;
        sum.merge(part);
    }
    EXPECT_EQ(sum.value(), -0x1.fffffffffffffp131);
}

TEST(ExactSum, RemembersInfinitiesAndNaN) {
    EXPECT_EQ(sum_of({1.0, infinity, largest}).value(), infinity);
    EXPECT_EQ(sum_of({1.0, -infinity}).value(), -infinity);
    EXPECT_TRUE(std::isnan(sum_of({infinity, -infinity}).value()));
    EXPECT_TRUE(std::isnan(sum_of({std::nan(""), 1.0}).value()));
    ExactSum merged = sum_of({1.0});
    merged.merge(sum_of({-infinity}));
    EXPECT_EQ(merged.value(), -infinity);
    EXPECT_EQ(sum_of({largest, largest}).value(), infinity);
    EXPECT_EQ(sum_of({-largest, -0x1p970}).value(), -infinity);
    EXPECT_FALSE(std::signbit(sum_of({-0.0}).value()));
}

TEST(ExactSumLong, PropagatesCarriesInTime) {
    ExactSum sum;
    constexpr std::int64_t count = (std::int64_t{1} << 29) + 1000;
    constexpr double value = -0x1.fffffffffffffp31;  // all bits of two digits set
    for (std::int64_t i = 0; i < count; ++i) sum.add(value);
    expect_nearest(sum.value(), exact(value) * count);
}

// Values, their exact moments, and the double-double ones of the blocks they come in.
struct Sample {
    Values values;

    [[nodiscard]] Rational variance() const {
        Rational squares = 0;
        const Rational sum = exact_sum(values), count = values.size();
        for (const double value : values) squares += exact(value) * exact(value);
        return (squares - sum * sum / count) / (count - 1);
    }
    [[nodiscard]] SampleMoments from_exact_squares() const {
        ExactSum squares;
        for (const double value : values) {
            const auto square = model::two_square(value);
            squares.add(square.high);
            squares.add(square.low);
        }
        return sample_moments(sum_of(values), squares, size());
    }
    [[nodiscard]] SampleMoments from_blocks() const {
        ExactSum sum, squares;
        for (std::size_t first = 0; first < values.size(); first += 256) {
            const auto count = static_cast<int>(std::min<std::size_t>(256, values.size() - first));
            const auto block = model::block_moments<256>(values.data() + first, count);
            for (const double part : {block.sum.high, block.sum.low}) sum.add(part);
            for (const double part : {block.sum_of_squares.high, block.sum_of_squares.low})
                squares.add(part);
        }
        return sample_moments(sum, squares, size());
    }
    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(values.size()); }
};

Sample normal_sample(std::size_t count, double mean, double scale) {
    Random random(count);
    std::normal_distribution<double> normal(mean, scale);
    Sample sample{Values(count)};
    for (double& value : sample.values) value = normal(random);
    return sample;
}

TEST(SampleMoments, AreCorrectlyRounded) {
    for (const std::size_t count : {2, 3, 100, 1000})
        for (const double scale : {1e-100, 1e-12, 1.0, 1e100})
            for (const double mean : {0.0, 1.0, -3.0}) {
                const Sample sample = normal_sample(count, mean * std::max(scale, 1.0), scale);
                const SampleMoments moments = sample.from_exact_squares();
                const Rational variance = sample.variance();
                expect_nearest(moments.mean, exact_sum(sample.values) / count);
                if (variance == 0) {
                    EXPECT_EQ(moments.std, 0.0);
                    continue;
                }
                expect_nearest_root(moments.std, variance);
                expect_nearest_root(moments.sem, variance / count);
            }
}

// N = 2, S = 0: std is the root of Q. (1 + 2^-53)^2 has a root midway between doubles.
TEST(SampleMoments, RoundRootsByTheirRemainders) {
    Values squares = {1.0, 0x1p-52, 0x1p-106};
    EXPECT_EQ(sample_moments({}, sum_of(squares), 2).std, 1.0);
    for (const double more : {0x1p-112, 0x1p-1000}) {
        squares.push_back(more);
        EXPECT_EQ(sample_moments({}, sum_of(squares), 2).std, 1.0 + 0x1p-52);
        squares.back() = -more;
        EXPECT_EQ(sample_moments({}, sum_of(squares), 2).std, 1.0);
        squares.pop_back();
    }
}

// The double-double sum of squares has a relative error below 2^-100, so the variance has one below
// 2^-100 (mean / std)^2 = 8e-7 here, and std half of that.
TEST(SampleMoments, SurviveNearlyConstantData) {
    const Sample sample = normal_sample(5000, 1.0, 1e-12);
    const double truth = sample.from_exact_squares().std;
    EXPECT_NEAR(truth / 1e-12, 1.0, 0.1);
    EXPECT_NEAR(sample.from_blocks().std / truth, 1.0, 4e-7);

    double sum = 0.0, squares = 0.0;  // doubles lose it all
    for (const double value : sample.values) sum += value, squares += value * value;
    const double naive = std::sqrt(std::max(0.0, squares - sum * sum / 5000) / 4999);
    EXPECT_GT(std::abs(naive / truth - 1.0), 0.5);
}

TEST(SampleMoments, OfFewOrHugeValues) {
    EXPECT_TRUE(std::isnan(sample_moments({}, {}, 0).mean));
    const SampleMoments one = Sample{{0.1}}.from_exact_squares();
    EXPECT_EQ(one.mean, 0.1);
    EXPECT_TRUE(std::isnan(one.std) && std::isnan(one.sem));
    const SampleMoments two = Sample{{1.0, 3.0}}.from_blocks();
    EXPECT_EQ(two.mean, 2.0);
    EXPECT_EQ(two.std, std::sqrt(2.0));
    EXPECT_EQ(two.sem, 1.0);
    const SampleMoments huge = Sample{{1e200, 3e200}}.from_blocks();  // squares overflow
    EXPECT_EQ(huge.mean, 2e200);
    EXPECT_EQ(huge.std, infinity);
    EXPECT_EQ((Sample{{-smallest, 2 * smallest}}.from_blocks().std), 0.0);  // squares underflow
}

}  // namespace
}  // namespace softmaxflow::test
