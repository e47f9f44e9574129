// Starts: the laws of V(0), of the logits and of the objectives.

#include <gtest/gtest.h>

#include <boost/math/distributions/students_t.hpp>

#include "model/sample.hpp"

using namespace fixture;

namespace {

/// V(0) is seen through cross_entropy, where W = I and Z = V.
Case seen_through_identity(int law, int tokens = 5) {
    Case c(Combination{0, 5, 0}, tokens);
    c.parameters.value_law = law;
    c.parameters.value_scale = 0.5;
    return c;
}

std::vector<double> entries(const Case& c, int replicas) {
    std::vector<double> v;
    for (int r = 0; r < replicas; ++r) {
        const Sample sample(c, r);
        for (int k = 0; k < sample.p.outputs; ++k)
            for (int j = 0; j < sample.p.tokens; ++j) v.push_back(sample.x.value(k, j));
    }
    return v;
}

/// sqrt(count) times the Kolmogorov-Smirnov distance; 2.69 has probability 1e-6.
template <class Cdf>
double distance(std::vector<double> x, Cdf cdf) {
    std::sort(x.begin(), x.end());
    const double n = static_cast<double>(x.size());
    double largest = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double p = cdf(x[i]);
        largest =
            std::max({largest, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
    }
    return largest * std::sqrt(n);
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(Draw, NormalValuesAndLogits) {
    EXPECT_LT(distance(entries(seen_through_identity(law_of("normal")), 2000),
                       [](double x) { return normal_cdf(x / 0.5); }),
              2.69);
    std::vector<double> logits;
    Case c = seen_through_identity(law_of("zero"));
    c.parameters.logit_mean = 2.0;
    c.parameters.logit_scale = 3.0;
    for (int r = 0; r < 2000; ++r) {
        const Sample sample(c, r);
        for (int j = 0; j < 5; ++j) logits.push_back(sample.x.logits[j]);
    }
    EXPECT_LT(distance(logits, [](double x) { return normal_cdf((x - 2.0) / 3.0); }), 2.69);
}

TEST(Draw, StudentValues) {
    for (const double dof : {1.0, 3.0, 1e6}) {
        Case c = seen_through_identity(law_of("student"));
        c.parameters.value_dof = dof;
        const boost::math::students_t law(dof);
        EXPECT_LT(distance(entries(c, 1000), [&](double x) { return cdf(law, x / 0.5); }), 2.69)
            << dof;
    }
}

TEST(Draw, LogUniformValues) {
    Case c = seen_through_identity(law_of("log_uniform"));
    c.parameters.value_decades = 6.0;
    std::vector<double> decades;
    double positive = 0.0;
    for (const double x : entries(c, 1000)) {
        decades.push_back(-std::log10(std::fabs(x) / 0.5));
        positive += x > 0.0;
    }
    EXPECT_LT(distance(decades, [](double y) { return std::clamp(y / 6.0, 0.0, 1.0); }), 2.69);
    // Five standard errors of a fair coin.
    const double n = static_cast<double>(decades.size());
    EXPECT_NEAR(positive / n, 0.5, 2.5 / std::sqrt(n));
}

TEST(Draw, ZeroAndIdentity) {
    for (const double x : entries(seen_through_identity(law_of("zero")), 2)) EXPECT_EQ(x, 0.0);
    const Sample identity(seen_through_identity(law_of("identity")), 1);
    for (int k = 0; k < 5; ++k)
        for (int j = 0; j < 5; ++j) EXPECT_EQ(identity.x.value(k, j), k == j ? 0.5 : 0.0);
}

/// V = e w^T with |e| = 1; returns w up to the sign of e.
std::vector<double> common_direction(const Sample& sample) {
    std::vector<double> w(sample.p.tokens, 0.0);
    for (int j = 0; j < sample.p.tokens; ++j) {
        for (int k = 0; k < sample.p.outputs; ++k) {
            w[j] += sample.x.value(k, j) * sample.x.value(k, j);
            EXPECT_NEAR(sample.x.value(k, j) * sample.x.value(0, 0),
                        sample.x.value(k, 0) * sample.x.value(0, j), 1e-15);
        }
        w[j] = std::copysign(std::sqrt(w[j]), sample.x.value(0, j) * sample.x.value(0, 0));
    }
    return w;
}

TEST(Draw, RankOneHasOneDirection) {
    std::vector<double> norms, w;
    for (int r = 0; r < 500; ++r) {
        const Sample sample(seen_through_identity(law_of("rank_one")), r);
        norms = common_direction(sample);
        for (const double x : norms) w.push_back(std::fabs(x));
    }
    // |w| of a normal w: if e had another length, so would these.
    EXPECT_LT(distance(w, [](double x) { return 2.0 * normal_cdf(x / 0.5) - 1.0; }), 2.69);
}

TEST(Draw, EqualLosersHaveOneLeader) {
    for (int r = 0; r < 50; ++r) {
        const auto w = common_direction(Sample(seen_through_identity(law_of("equal_losers")), r));
        for (int j = 2; j < 5; ++j) EXPECT_NEAR(w[j], w[1], 1e-15);
        // One output: Z is w itself, the leader first.
        Case c(Combination{0, 0, 0});
        c.parameters.value_law = law_of("equal_losers");
        const Sample single(c, r);
        for (int j = 1; j < 11; ++j) {
            EXPECT_GT(single.x.value(0, 0), single.x.value(0, j));
            EXPECT_EQ(single.x.value(0, 1), single.x.value(0, j));
        }
    }
}

TEST(Draw, TargetsHaveTheirLength) {
    for (const auto target :
         {model::Target::random_unit, model::Target::random_normal, model::Target::basis}) {
        // The rows of V = scale I are the unit vectors, so Z is scale times the target.
        Case c(Combination{0, 0, 0}, 5);
        c.parameters.value_law = law_of("identity");
        c.parameters.value_scale = 0.5;
        c.parameters.target = target;
        double mean_square = 0.0;
        for (int r = 0; r < 400; ++r) {
            const Sample sample(c, r);
            double square = 0.0;
            double drawn[5];
            model::draw_target(sample.p, model::ObjectiveKind::direction, model::Bits(r), drawn);
            for (int j = 0; j < 5; ++j) {
                square += 4.0 * sample.x.value(0, j) * sample.x.value(0, j);
                EXPECT_NEAR(sample.x.value(0, j), 0.5 * drawn[j], 1e-15);
            }
            EXPECT_NEAR(sample.system.objective.metric[0], square, 1e-14 * square);
            if (target != model::Target::random_normal) {
                EXPECT_NEAR(square, 1.0, 1e-14);
            }
            if (target == model::Target::basis) {
                EXPECT_EQ(sample.x.value(0, 0), 0.5);
            }
            mean_square += square / 400.0;
        }
        // |t|^2 of a normal target is chi-square with 5 degrees: mean 5, variance 10.
        if (target == model::Target::random_normal) {
            EXPECT_NEAR(mean_square, 5.0, 5.0 * std::sqrt(10.0 / 400.0));
        }
    }
}

TEST(Draw, TieGapIsExact) {
    for (const double gap : {1e-3, 0.25, 4.0}) {
        Case c(Combination{0, 0, 0});
        c.parameters.tie_gap = gap;
        Case free = c;
        free.parameters.tie_gap = 0.0;
        for (int r = 0; r < 20; ++r) {
            const Sample with(c, r), without(free, r);
            std::vector<double> z, before;
            for (int j = 0; j < 11; ++j) {
                z.push_back(with.x.value(0, j));
                before.push_back(without.x.value(0, j));
            }
            const auto top = std::max_element(before.begin(), before.end());
            const std::size_t leader = top - before.begin();
            EXPECT_EQ(z[leader], *top);
            *top = -1e300;
            const std::size_t second =
                std::max_element(before.begin(), before.end()) - before.begin();
            EXPECT_EQ(z[second], z[leader] - gap);
            for (std::size_t j = 0; j < z.size(); ++j)
                if (j != leader && j != second) {
                    EXPECT_EQ(z[j], std::min(before[j], z[leader] - gap));
                }
        }
    }
}

/// Z Z^T for V = I: W W^T.
std::vector<double> gram(const Sample& sample) {
    const int m = sample.p.outputs;
    std::vector<double> k(m * m, 0.0);
    for (int a = 0; a < m; ++a)
        for (int b = 0; b < m; ++b)
            for (int j = 0; j < sample.p.tokens; ++j)
                k[a * m + b] += sample.x.value(a, j) * sample.x.value(b, j);
    return k;
}

TEST(Draw, RegressionOfAnyLawHasTheGivenSingularValues) {
    // m = 3 < d = 5, V = I: Z = S R^T, so Z Z^T = S^2 whatever the drawn R.
    Case c(Combination{0, 3, 0}, 5);
    c.parameters.value_law = law_of("identity");
    c.parameters.value_scale = 1.0;
    c.parameters.outputs = c.parameters.samples = 3;
    c.parameters.condition_number = 4.0;
    double mean = 0.0, square = 0.0;
    const int count = 400;
    for (int r = 0; r < count; ++r) {
        const Sample sample(c, r);
        const auto k = gram(sample);
        const double s[] = {1.0, 0.625, 0.25};
        for (int a = 0; a < 3; ++a) {
            EXPECT_DOUBLE_EQ(sample.system.objective.metric[a], s[a] * s[a]);
            for (int b = 0; b < 3; ++b)
                EXPECT_NEAR(k[a * 3 + b], a == b ? s[a] * s[a] : 0.0, 1e-13);
        }
        mean += sample.x.value(0, 2) / count;
        square += sample.x.value(0, 2) * sample.x.value(0, 2) / count;
    }
    // An entry of a uniform unit vector in five dimensions: mean 0, variance 1/5, and the variance
    // of its square is 3/35 - 1/25.
    EXPECT_NEAR(mean, 0.0, 5.0 * std::sqrt(0.2 / count));
    EXPECT_NEAR(square, 0.2, 5.0 * std::sqrt((3.0 / 35.0 - 0.04) / count));
}

TEST(Draw, RegressionResponses) {
    Case c(Combination{0, 3, 0});
    for (int r = 0; r < 10; ++r) {
        const auto norm_of = [&](auto change) {
            Case changed = c;
            change(changed.parameters);
            const Sample sample(changed, r);
            double response = 0.0, solution = 0.0;
            for (int k = 0; k < 5; ++k) {
                const double y = sample.system.objective.response[k];
                response += y * y;
                solution += y * y / sample.system.objective.metric[k];
            }
            struct {
                double response, solution;
            } result{response + sample.system.objective.floor / sample.p.loss_constant, solution};
            return result;
        };
        EXPECT_NEAR(norm_of([](auto& p) { p.response = model::Response::unit; }).response, 1.0,
                    1e-14);
        EXPECT_NEAR(norm_of([](auto& p) { p.solution_norm = 2.0; }).solution, 4.0, 1e-13);
    }
}

TEST(Draw, ClassificationHasADenseMetric) {
    // V = I, so Z = X.
    Case c(Combination{0, 4, 0}, 5);
    c.parameters.value_law = law_of("identity");
    c.parameters.value_scale = 1.0;
    double positive = 0.0;
    std::vector<double> x;
    const int count = 400;
    for (int r = 0; r < count; ++r) {
        const Sample sample(c, r);
        const auto k = gram(sample);
        for (int a = 0; a < 5; ++a)
            for (int b = 0; b < 5; ++b)
                EXPECT_NEAR(sample.system.objective.matrix[a * 5 + b], k[a * 5 + b], 1e-14);
        for (int a = 0; a < 5; ++a) {
            EXPECT_EQ(std::fabs(sample.system.objective.response[a]), 1.0);
            positive += sample.system.objective.response[a] > 0.0;
            for (int j = 0; j < 5; ++j) x.push_back(sample.x.value(a, j));
        }
    }
    EXPECT_NEAR(positive / (5.0 * count), 0.5, 2.5 / std::sqrt(5.0 * count));
    EXPECT_LT(distance(x, [](double y) { return normal_cdf(y * std::sqrt(5.0)); }), 2.69);
}

TEST(Draw, SharedObjectivesAreShared) {
    for (int loss = 0; loss < model::Losses::size; ++loss) {
        Case c(Combination{0, loss, 0}, 5);
        c.parameters.shared_objective = true;
        c.parameters.value_law = law_of("identity");
        const Sample a(c, 1), b(c, 7);
        for (int k = 0; k < a.p.outputs; ++k) {
            EXPECT_EQ(a.system.objective.response[k], b.system.objective.response[k]);
            // V = scale I is no draw, so Z shows W.
            for (int j = 0; j < 5; ++j) EXPECT_EQ(a.x.value(k, j), b.x.value(k, j));
        }
        EXPECT_NE(a.x.logits[0], b.x.logits[0]);
    }
}

TEST(Draw, FilesAreTakenAsTheyAre) {
    for (const int loss : {3, 4}) {
        Case c(Combination{0, loss, 0}, 5);
        c.parameters.value_law = law_of("identity");
        c.parameters.value_scale = 1.0;
        for (int i = 0; i < 25; ++i) c.projection.push_back(0.25 * ((7 * i) % 11) - 1.0);
        c.response = {1.0, -1.0, 1.0, 1.0, -1.0};
        if (loss == 3) c.metric = {1.0, 2.0, 3.0, 4.0, 5.0};
        const Sample sample(c, 0);
        for (int k = 0; k < 5; ++k) {
            EXPECT_EQ(sample.system.objective.response[k], c.response[k]);
            for (int j = 0; j < 5; ++j) EXPECT_EQ(sample.x.value(k, j), c.projection[k * 5 + j]);
            const double metric = sample.system.objective.metric[k];
            EXPECT_EQ(metric, loss == 3 ? c.metric[k] : sample.system.objective.matrix[6 * k]);
        }
        if (loss == 3) continue;
        const auto k = gram(sample);
        for (int i = 0; i < 25; ++i) EXPECT_NEAR(sample.system.objective.matrix[i], k[i], 1e-14);
    }
    // Random labels with a given X.
    Case c(Combination{0, 4, 0}, 5);
    c.projection.assign(25, 0.0);
    for (int k = 0; k < 5; ++k) c.projection[6 * k] = 1.0;
    EXPECT_EQ(std::fabs(Sample(c, 0).system.objective.response[2]), 1.0);
}

/// A matrix as cholesky() takes it.
struct Matrix {
    using Element = double;
    std::vector<double> entry;
    double& operator[](int i) { return entry[i]; }
    const double& operator[](int i) const { return entry[i]; }
};

TEST(Draw, CholeskyAgainst113Bits) {
    for (const int m : {1, 2, 3, 8, 20}) {
        const auto x =
            std::vector<double>(entries(seen_through_identity(law_of("normal"), m * (m + 2)), 1));
        Matrix a{std::vector<double>(m * m, 0.0)};
        QuadVector exact(m * m);
        for (int i = 0; i < m; ++i)
            for (int j = 0; j < m; ++j) {
                for (int k = 0; k < m + 2; ++k)
                    a[i * m + j] += x[i * (m + 2) + k] * x[j * (m + 2) + k];
                exact[i * m + j] = a[i * m + j];
            }
        exact = quad_cholesky(exact, m);
        model::cholesky(a, m);
        std::vector<double> b;
        for (int k = 0; k < m; ++k) b.push_back(1.0 + k);
        std::vector<double> solution = b;
        model::solve_lower(a, m, [&](int k) -> double& { return solution[k]; });
        QuadVector expected(m);
        for (int i = 0; i < m; ++i) {
            Quad rest = b[i];
            for (int j = 0; j < i; ++j) rest -= exact[i * m + j] * expected[j];
            expected[i] = rest / exact[i * m + i];
        }
        for (int i = 0; i < m; ++i) {
            for (int j = 0; j <= i; ++j)
                EXPECT_LT(relative(a[i * m + j], exact[i * m + j], 0.1), 1e-13) << m;
            EXPECT_LT(relative(solution[i], expected[i], 1.0), 1e-12) << m;
        }
    }
    Matrix indefinite{{1.0, 2.0, 2.0, 1.0}};
    model::cholesky(indefinite, 2);
    EXPECT_TRUE(std::isnan(indefinite[3]));
}

}  // namespace
