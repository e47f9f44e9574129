// Draws: Random123's known answers, laws, and counters.

#include <Random123/philox.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <set>
#include <vector>

#include "softmaxflow/model/initial/value_laws.hpp"
#include "softmaxflow/model/numerics/pack.hpp"
#include "softmaxflow/model/numerics/philox.hpp"

namespace model = softmaxflow::model;
using model::Counter;
using model::Purpose;
using model::Word;

namespace {

struct KnownAnswer {
    std::array<Word, 4> counter;
    std::array<Word, 2> key;
    std::array<Word, 4> result;
};

// Philox4x32-10 in Random123's kat_vectors.
TEST(Rng, KnownAnswers) {
    const KnownAnswer answers[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (const KnownAnswer& a : answers) {
        const Counter r = model::philox({{a.counter[0], a.counter[1], a.counter[2], a.counter[3]}},
                                        a.key[0], a.key[1]);
        for (int i = 0; i < 4; ++i) EXPECT_EQ(a.result[i], r.word[i]);
    }
}

TEST(Rng, EqualsRandom123) {
    r123::Philox4x32 theirs;
    for (Word i = 0; i < 10'000; ++i) {
        const Word a = i * 2654435761U, b = ~a, c = i << 7, d = i;
        const auto expected = theirs({{a, b, c, d}}, {{b, c}});
        const Counter r = model::philox({{a, b, c, d}}, b, c);
        for (unsigned k = 0; k < 4; ++k) ASSERT_EQ(expected[k], r.word[k]);
    }
}

TEST(Rng, UniformStaysInsideAndIsSymmetric) {
    EXPECT_EQ(model::uniform(0, 0), 0x1p-53);
    EXPECT_EQ(model::uniform(0xffffffff, 0xffffffff), 1.0 - 0x1p-53);
    EXPECT_EQ(model::uniform(0x7fffffff, 0xffffffff) + model::uniform(0x80000000, 0), 1.0);
}

std::vector<double> normals(int count) {
    std::vector<double> x;
    for (int replica = 0; replica < count / 20; ++replica) {
        const model::Draws<double> draws{0x5eedULL, model::Bits(replica)};
        for (Word i = 0; i < 10; ++i) {
            const auto pair = draws.normals(Purpose::values, i);
            x.push_back(pair.first);
            x.push_back(pair.second);
        }
    }
    return x;
}

TEST(Rng, NormalMoments) {
    const std::vector<double> x = normals(2'000'000);
    const double n = static_cast<double>(x.size());
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, neighbours = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        m1 += x[i] / n;
        m2 += x[i] * x[i] / n;
        m3 += std::pow(x[i], 3) / n;
        m4 += std::pow(x[i], 4) / n;
        if (i > 0) neighbours += x[i] * x[i - 1] / n;
    }
    // Five standard errors: the variances of x, x^2, x^3, x^4 are 1, 2, 15, 96.
    const double five = 5.0 / std::sqrt(n);
    EXPECT_NEAR(m1, 0.0, five);
    EXPECT_NEAR(m2, 1.0, five * std::sqrt(2.0));
    EXPECT_NEAR(m3, 0.0, five * std::sqrt(15.0));
    EXPECT_NEAR(m4, 3.0, five * std::sqrt(96.0));
    EXPECT_NEAR(neighbours, 0.0, five);
}

TEST(Rng, NormalsPassKolmogorovSmirnov) {
    std::vector<double> x = normals(200'000);
    std::sort(x.begin(), x.end());
    const boost::math::normal law;
    const double n = static_cast<double>(x.size());
    double distance = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double p = cdf(law, x[i]);
        distance = std::max(
            {distance, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
    }
    // The asymptotic critical value of Kolmogorov's distribution at level 1e-6 is 2.69 / sqrt(n).
    EXPECT_LT(distance * std::sqrt(n), 2.69);
}

TEST(Rng, NoCounterMakesTheSameNumberTwice) {
    std::set<double> seen;
    int drawn = 0;
    const auto draw = [&](Purpose purpose, model::Bits replica) {
        for (Word index = 0; index < 40; ++index) {
            const auto pair = model::Draws<double>{7, replica}.uniforms(purpose, index);
            seen.insert(pair.first);
            seen.insert(pair.second);
            drawn += 2;
        }
    };
    for (model::Bits replica = 0; replica < 200; ++replica)
        for (const Purpose purpose : {Purpose::values, Purpose::logits, Purpose::objective,
                                      Purpose::direction, Purpose::angles, Purpose::design})
            draw(purpose, replica);
    draw(Purpose::shared_objective, 0);
    draw(Purpose::shared_design, 0);
    // 96 000 numbers of 52 bits collide by chance with probability 1e-6.
    EXPECT_EQ(static_cast<int>(seen.size()), drawn);
}

TEST(Rng, SharedDrawsIgnoreTheReplica) {
    for (const Purpose purpose : {Purpose::shared_objective, Purpose::shared_design}) {
        const auto a = model::Draws<double>{7, 1}.uniforms(purpose, 3);
        const auto b = model::Draws<double>{7, 99}.uniforms(purpose, 3);
        EXPECT_EQ(a.first, b.first);
        EXPECT_EQ(a.second, b.second);
    }
}

/// The laws are tested in initial_state_test.cpp; here, that their edges stay finite.
TEST(Rng, StudentAndLogUniformAtTheEdgesOfTheirUniform) {
    model::Parameters p;
    p.value_dof = 2.0;
    p.value_decades = 6.0;
    const model::Source<double> source(p, 0, 0);
    for (const double u : {0x1p-53, 0.5 - 0x1p-53, 0.5 + 0x1p-53, 1.0 - 0x1p-53}) {
        const double t = model::StudentLaw::entry(source, u, 3);
        EXPECT_TRUE(std::isfinite(t)) << u;
        // |t| <= sqrt(dof (u^(-2/dof) - 1)).
        EXPECT_LE(std::fabs(t), std::sqrt(2.0 * (1.0 / u - 1.0)) * (1.0 + 1e-9)) << u;
        const double x = model::LogUniformLaw::entry(source, u);
        EXPECT_EQ(x < 0.0, u < 0.5) << u;
        EXPECT_GE(std::fabs(x), 1e-6 * (1.0 - 1e-12)) << u;
        EXPECT_LE(std::fabs(x), 1.0) << u;
    }
    EXPECT_NEAR(model::LogUniformLaw::entry(source, 0.25), -1e-3, 1e-15);
    EXPECT_NEAR(model::LogUniformLaw::entry(source, 0.75), 1e-3, 1e-15);
}

TEST(Rng, PacksDrawTheirReplicas) {
    using Pack = model::Pack<4, 2>;
    const auto pack = model::Draws<Pack>{11, 100}.normals(Purpose::values, 5);
    for (int i = 0; i < 8; ++i) {
        const auto one = model::Draws<double>{11, model::Bits(100 + i)}.normals(Purpose::values, 5);
        EXPECT_EQ(one.first, lane(pack.first, i));
        EXPECT_EQ(one.second, lane(pack.second, i));
    }
}

}  // namespace
