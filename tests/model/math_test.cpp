// Maximum errors of the elementary functions over their whole ranges, in units in the last place,
// against 113-bit arithmetic. docs/numerics.md quotes the bounds asserted here.

#include <gtest/gtest.h>

#include <boost/math/special_functions/erf.hpp>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "softmaxflow/model/math.hpp"
#include "softmaxflow/model/pack.hpp"

namespace model = softmaxflow::model;
using Quad = boost::multiprecision::cpp_bin_float_quad;
using Generator = std::mt19937_64;

namespace {

double ulp(double x) {
    if (std::fabs(x) < std::numeric_limits<double>::min())
        return std::numeric_limits<double>::denorm_min();
    return std::ldexp(1.0, std::ilogb(x) - 52);
}

/// The largest error of f against the exact g over `count` arguments drawn by `draw`.
template <class F, class G, class Draw>
double largest_error(F f, G g, Draw draw, int count) {
    Generator generator(1);
    double worst = 0.0;
    for (int i = 0; i < count; ++i) {
        const double x = draw(generator);
        const Quad exact = g(Quad(x));
        const double error =
            std::fabs(static_cast<double>((Quad(f(x)) - exact) / ulp(static_cast<double>(exact))));
        worst = std::fmax(worst, error);
        if (!(error < 1e3)) ADD_FAILURE() << "error " << error << " at " << x;
    }
    return worst;
}

auto between(double low, double high) {
    return [=](Generator& g) { return std::uniform_real_distribution<>(low, high)(g); };
}
/// Magnitudes from 10^low to 10^high.
auto magnitudes(double low, double high, bool both_signs = false) {
    return [=](Generator& g) {
        const double x = std::pow(10.0, std::uniform_real_distribution<>(low, high)(g));
        return both_signs && (g() & 1) != 0 ? -x : x;
    };
}

struct Sizes {
    int plain, slow;
};

void expect_errors_below_bounds(Sizes count) {
    const auto exp_ours = [](double x) { return model::exp(x); };
    const auto exp_exact = [](Quad x) { return Quad(exp(x)); };
    EXPECT_LT(largest_error(exp_ours, exp_exact, between(-745.1, 709.78), count.plain), 0.95);
    EXPECT_LT(largest_error(exp_ours, exp_exact, magnitudes(-20, 2, true), count.plain), 0.95);

    const auto log_ours = [](double x) { return model::log(x); };
    const auto log_exact = [](Quad x) { return Quad(log(x)); };
    EXPECT_LT(largest_error(log_ours, log_exact, magnitudes(-323, 308), count.plain), 0.9);
    EXPECT_LT(largest_error(log_ours, log_exact, between(0.5, 2.0), count.plain), 0.9);

    const auto log1p_ours = [](double x) { return model::log1p(x); };
    const auto log1p_exact = [](Quad x) {
        return x < 1e-15 ? Quad(x - x * x / 2) : Quad(log(1 + x));
    };
    EXPECT_LT(largest_error(log1p_ours, log1p_exact, magnitudes(-30, 308), count.plain), 1.3);

    const auto softplus_ours = [](double x) { return model::softplus(x); };
    const auto softplus_exact = [](Quad x) {
        const Quad e = exp(-abs(x));
        const Quad tail = e < 1e-15 ? Quad(e - e * e / 2) : Quad(log(1 + e));
        return x > 0 ? Quad(x + tail) : tail;
    };
    EXPECT_LT(largest_error(softplus_ours, softplus_exact, between(-708, 800), count.plain), 2.0);
    EXPECT_LT(largest_error(softplus_ours, softplus_exact, between(-40, 40), count.plain), 2.0);

    const auto sigmoid_ours = [](double x) { return model::sigmoid(x); };
    const auto sigmoid_exact = [](Quad x) { return Quad(1 / (1 + exp(-x))); };
    EXPECT_LT(largest_error(sigmoid_ours, sigmoid_exact, between(-708, 100), count.plain), 2.5);
    EXPECT_LT(largest_error(sigmoid_ours, sigmoid_exact, between(-5, 5), count.plain), 2.5);

    // The draws' grid: k / 2^53 + 2^-54 rounded to 54 bits, both tails down to 2^-53.
    const auto quantile_ours = [](double p) { return model::normal_quantile(p); };
    const auto quantile_exact = [](Quad p) {
        using boost::math::erfc_inv;
        return p < 0.5 ? Quad(-sqrt(Quad(2)) * erfc_inv(Quad(2 * p)))
                       : Quad(sqrt(Quad(2)) * erfc_inv(Quad(2 * (1 - p))));
    };
    const auto grid_tail = [](Generator& g) {
        const double p = std::exp2(std::uniform_real_distribution<>(-52.9, -1.1)(g));
        const double on_grid = (std::floor(std::ldexp(p, 52)) + 0.5) * 0x1p-52;
        return (g() & 1) != 0 ? on_grid : 1.0 - on_grid;
    };
    const auto grid = [](Generator& g) { return (static_cast<double>(g() >> 12) + 0.5) * 0x1p-52; };
    EXPECT_LT(largest_error(quantile_ours, quantile_exact, grid_tail, count.slow), 1.75);
    EXPECT_LT(largest_error(quantile_ours, quantile_exact, grid, count.slow), 1.75);
}

TEST(Math, ErrorsOverTheWholeRange) { expect_errors_below_bounds({20'000, 2'000}); }
TEST(MathLong, ErrorsOverTheWholeRange) { expect_errors_below_bounds({1'000'000, 100'000}); }

TEST(Math, SpecialValues) {
    const double inf = model::infinity(), nan = model::not_a_number();
    EXPECT_EQ(model::exp(0.0), 1.0);
    EXPECT_EQ(model::exp(-0.0), 1.0);
    EXPECT_EQ(model::exp(inf), inf);
    EXPECT_EQ(model::exp(-inf), 0.0);
    EXPECT_EQ(model::exp(709.79), inf);
    EXPECT_EQ(model::exp(-746.0), 0.0);
    EXPECT_EQ(model::exp(-745.0), 0x1p-1074);
    EXPECT_TRUE(std::isnan(model::exp(nan)));
    EXPECT_EQ(model::log(1.0), 0.0);
    EXPECT_EQ(model::log(0.0), -inf);
    EXPECT_EQ(model::log(-0.0), -inf);
    EXPECT_EQ(model::log(inf), inf);
    EXPECT_TRUE(std::isnan(model::log(-1.0)));
    EXPECT_TRUE(std::isnan(model::log(nan)));
    EXPECT_EQ(model::log1p(0.0), 0.0);
    EXPECT_EQ(model::log1p(inf), inf);
    EXPECT_EQ(model::sigmoid(inf), 1.0);
    EXPECT_EQ(model::sigmoid(-inf), 0.0);
    EXPECT_EQ(model::sigmoid(0.0), 0.5);
    EXPECT_EQ(model::normal_quantile(0.5), 0.0);
    EXPECT_EQ(model::normal_quantile(0.25), -model::normal_quantile(0.75));
    EXPECT_EQ(model::normal_quantile(0x1p-53), -model::normal_quantile(1.0 - 0x1p-53));
}

TEST(Math, ExpFlushedEqualsExpInRangeAndIsCaughtOutside) {
    Generator generator(2);
    for (int i = 0; i < 100'000; ++i) {
        const double x = between(-708.0, 709.0)(generator);
        ASSERT_EQ(model::exp(x), model::exp_flushed(x)) << x;
    }
    for (const double x : {-710.0, -1e4, -1e9}) EXPECT_EQ(model::exp_flushed(x), 0.0) << x;
    // A sum with such a term is not below 2^1000, so the softmax takes its slow path.
    for (const double x : {710.0, 1e4, 1e300, model::infinity(), -model::infinity()})
        EXPECT_FALSE(model::exp_flushed(x) < 0x1p1000) << x;
}

TEST(Math, PacksEqualScalar) {
    using Pack = model::Pack<4, 2>;
    Generator generator(3);
    for (int i = 0; i < 20'000; ++i) {
        Pack x;
        for (int k = 0; k < 8; ++k) set_lane(x, k, magnitudes(-320, 300, true)(generator));
        Pack p;
        for (int k = 0; k < 8; ++k)
            set_lane(p, k, (static_cast<double>(generator() >> 12) + 0.5) * 0x1p-52);
        const Pack e = model::exp(x), l = model::log(abs(x)), s = model::sigmoid(x),
                   q = model::normal_quantile(p), t = model::softplus(x);
        for (int k = 0; k < 8; ++k) {
            ASSERT_EQ(lane(e, k), model::exp(lane(x, k)));
            ASSERT_EQ(lane(l, k), model::log(std::fabs(lane(x, k))));
            ASSERT_EQ(lane(s, k), model::sigmoid(lane(x, k)));
            ASSERT_EQ(lane(t, k), model::softplus(lane(x, k)));
            ASSERT_EQ(lane(q, k), model::normal_quantile(lane(p, k)));
        }
    }
}

TEST(Math, BroadcastKeepsTheSignOfZero) {
    const model::Pack<2, 1> minus(-0.0);
    EXPECT_TRUE(std::signbit(lane(minus, 0)) && std::signbit(lane(minus, 1)));
}

}  // namespace
