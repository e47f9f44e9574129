#include "stats/proportion.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <vector>

#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

// P(X = k) for k = 0 ... n.
std::vector<double> binomial(int n, double p) {
    std::vector<double> mass(n + 1);
    for (int k = 0; k <= n; ++k) {
        const long double log_mass = std::lgamma(n + 1.0L) - std::lgamma(k + 1.0L) -
                                     std::lgamma(n - k + 1.0L) + k * std::log((long double)p) +
                                     (n - k) * std::log1p(-(long double)p);
        mass[k] = static_cast<double>(std::exp(log_mass));
    }
    return mass;
}

double tail(int n, double p, int from, int to) {
    double sum = 0.0;
    const auto mass = binomial(n, p);
    for (int k = from; k <= to; ++k) sum += mass[k];
    return sum;
}

TEST(ClopperPearson, ClosedForms) {
    for (const std::int64_t n : {1, 2, 10, 1000, 10'000'000}) {
        const Proportion none = clopper_pearson(0, n), all = clopper_pearson(n, n);
        const double edge = -std::expm1(std::log(0.025) / static_cast<double>(n));
        EXPECT_EQ(none.share, 0.0);
        EXPECT_EQ(none.low, 0.0);
        EXPECT_NEAR(none.high / edge, 1.0, 1e-14);
        EXPECT_EQ(all.share, 1.0);
        EXPECT_NEAR(all.low, 1.0 - edge, 1e-15);
        EXPECT_EQ(all.high, 1.0);
    }
    const Proportion half = clopper_pearson(1, 2);  // 1 - (1-p)^2 = 1/40 and 1 - p^2 = 1/40
    EXPECT_NEAR(half.low, 1.0 - std::sqrt(0.975), 1e-15);
    EXPECT_NEAR(half.high, std::sqrt(0.975), 1e-15);
}

TEST(ClopperPearson, SolvesItsDefiningEquations) {
    for (const int n : {1, 2, 7, 40})
        for (int k = 0; k <= n; ++k)
            for (const double level : {0.5, 0.95, 0.999}) {
                const Proportion bounds = clopper_pearson(k, n, level);
                const double alpha = 1.0 - level;
                if (k > 0) {
                    EXPECT_NEAR(tail(n, bounds.low, k, n) / (alpha / 2), 1.0, 1e-9);
                }
                if (k < n) {
                    EXPECT_NEAR(tail(n, bounds.high, 0, k) / (alpha / 2), 1.0, 1e-9);
                }
                const double upper = clopper_pearson_upper(k, n, level);
                if (k < n) {
                    EXPECT_NEAR(tail(n, upper, 0, k) / alpha, 1.0, 1e-9);
                }
            }
}

void expect_coverage(std::initializer_list<int> trials) {
    for (const int n : trials) {
        std::vector<Proportion> bounds;
        std::vector<double> upper;
        for (int k = 0; k <= n; ++k) {
            bounds.push_back(clopper_pearson(k, n));
            upper.push_back(clopper_pearson_upper(k, n));
        }
        double least = 1.0, least_one_sided = 1.0;
        for (int i = 1; i < 500; ++i) {
            const double p = i / 500.0;
            const auto mass = binomial(n, p);
            double covered = 0.0, below = 0.0;
            for (int k = 0; k <= n; ++k) {
                if (bounds[k].low <= p && p <= bounds[k].high) covered += mass[k];
                if (p <= upper[k]) below += mass[k];
            }
            least = std::min(least, covered);
            least_one_sided = std::min(least_one_sided, below);
        }
        EXPECT_GE(least, 0.95 - 1e-12);
        EXPECT_GE(least_one_sided, 0.95 - 1e-12);
        if (n >= 100) {
            EXPECT_LT(least, 0.965);
        }  // and no wider than need be
        EXPECT_LT(least_one_sided, 0.96);
    }
}
TEST(ClopperPearson, CoversAtLeastTheLevel) { expect_coverage({1, 2, 5, 30, 100}); }
TEST(ClopperPearsonLong, CoversAtLeastTheLevel) { expect_coverage({10, 300, 1000}); }

TEST(ClopperPearson, IsMirrored) {
    for (const std::int64_t n : {3, 1000, 1'000'000'000})
        for (const std::int64_t k : {std::int64_t{0}, std::int64_t{1}, n / 3, n - 1}) {
            const Proportion bounds = clopper_pearson(k, n), mirrored = clopper_pearson(n - k, n);
            EXPECT_NEAR(bounds.low, 1.0 - mirrored.high, 1e-15);
            EXPECT_NEAR(bounds.high, 1.0 - mirrored.low, 1e-15);
            EXPECT_LE(bounds.low, bounds.share);
            EXPECT_LE(bounds.share, bounds.high);
        }
}

TEST(ClopperPearson, WithoutTrialsOrWithNonsense) {
    const Proportion empty = clopper_pearson(0, 0);
    EXPECT_TRUE(std::isnan(empty.share) && std::isnan(empty.low) && std::isnan(empty.high));
    EXPECT_TRUE(std::isnan(clopper_pearson_upper(0, 0)));
    EXPECT_EQ(clopper_pearson_upper(5, 5), 1.0);
    EXPECT_THROW(clopper_pearson(3, 2), Error);
    EXPECT_THROW(clopper_pearson(-1, 2), Error);
    EXPECT_THROW(clopper_pearson(1, 2, 1.0), Error);
}

}  // namespace
}  // namespace softmaxflow
