// Maximum errors of the elementary functions over their whole ranges, in units in the last place,
// against 113-bit arithmetic (docs/numerics.md quotes the bounds asserted here); and packs of every
// instruction set against the scalar functions, bit by bit.

#include <gtest/gtest.h>

#include <boost/math/special_functions/erf.hpp>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "model/numerics/pack_functions.hpp"
#include "softmaxflow/model/numerics/math.hpp"
#include "softmaxflow/model/numerics/pack.hpp"

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
    EXPECT_LT(largest_error(exp_ours, exp_exact, between(-745.1, 709.78), count.plain), 1.3);
    EXPECT_LT(largest_error(exp_ours, exp_exact, magnitudes(-20, 2, true), count.plain), 1.3);

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
    EXPECT_LT(largest_error(softplus_ours, softplus_exact, between(-708, 800), count.plain), 2.8);
    EXPECT_LT(largest_error(softplus_ours, softplus_exact, between(-40, 40), count.plain), 2.8);

    const auto sigmoid_ours = [](double x) { return model::sigmoid(x); };
    const auto sigmoid_exact = [](Quad x) { return Quad(1 / (1 + exp(-x))); };
    EXPECT_LT(largest_error(sigmoid_ours, sigmoid_exact, between(-708, 100), count.plain), 3.4);
    EXPECT_LT(largest_error(sigmoid_ours, sigmoid_exact, between(-5, 5), count.plain), 3.4);

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

TEST(Math, ErrorsOverTheWholeRange) { expect_errors_below_bounds({5'000, 500}); }
TEST(MathLong, ErrorsOverTheWholeRange) { expect_errors_below_bounds({1'000'000, 100'000}); }

struct FloatErrors {
    double exp = 0.0, log = 0.0, log1p = 0.0, softplus = 0.0, sigmoid = 0.0;
};

/// Units of f32 by which `found` is off; 0 where it is the rounded exact value.
double float_error(float found, double exact) {
    const auto rounded = static_cast<float>(exact);
    if (found == rounded || (std::isnan(found) && std::isnan(exact))) return 0.0;
    const double size =
        std::fabs(exact) < 0x1p-126 ? 0x1p-149 : std::ldexp(1.0, std::ilogb(exact) - 23);
    const double error = std::fabs(static_cast<double>(found) - exact) / size;
    return error < 1e3 ? error : 1e3;
}

/// Every `stride`th float of [first, last) as bits, against f64, whose own errors count nothing.
FloatErrors float_errors(std::uint64_t first, std::uint64_t last, std::uint64_t stride) {
    FloatErrors worst;
    const auto note = [](double& most, float found, double exact) {
        most = std::fmax(most, float_error(found, exact));
    };
    for (std::uint64_t bits = first; bits < last; bits += stride) {
        const float x = model::from_bits(static_cast<std::uint32_t>(bits));
        const double y = x, decayed = std::exp(-std::fabs(y));
        note(worst.exp, model::exp(x), y > 0.0 ? std::exp(y) : decayed);
        note(worst.log, model::log(x), std::log(y));
        if (!(x < 0.0F)) note(worst.log1p, model::log1p(x), std::log1p(y));
        note(worst.softplus, model::softplus(x), std::fmax(y, 0.0) + std::log1p(decayed));
        note(worst.sigmoid, model::sigmoid(x),
             y < 0.0 ? decayed / (1.0 + decayed) : 1.0 / (1.0 + decayed));
    }
    return worst;
}

void expect_float_errors_below_bounds(const FloatErrors& worst) {
    EXPECT_LT(worst.exp, 1.15);
    EXPECT_LT(worst.log, 0.9);
    EXPECT_LT(worst.log1p, 1.3);
    EXPECT_LT(worst.softplus, 2.1);
    EXPECT_LT(worst.sigmoid, 2.5);
    std::printf("f32, largest errors: exp %.3f log %.3f log1p %.3f softplus %.3f sigmoid %.3f\n",
                worst.exp, worst.log, worst.log1p, worst.softplus, worst.sigmoid);
}

constexpr std::uint64_t all_floats = std::uint64_t{1} << 32;

TEST(Math, ErrorsOfEvery4093rdFloat) {
    expect_float_errors_below_bounds(float_errors(0, all_floats, 4093));
}

TEST(MathLong, ErrorsOfAllFloats) {
    constexpr std::uint64_t parts = 4;
    FloatErrors of_part[parts];
    {
        std::vector<std::jthread> threads;
        for (std::uint64_t i = 0; i < parts; ++i)
            threads.emplace_back([&, i] {
                of_part[i] =
                    float_errors(i * (all_floats / parts), (i + 1) * (all_floats / parts), 1);
            });
    }
    FloatErrors worst;
    for (const FloatErrors& e : of_part)
        worst = {std::fmax(worst.exp, e.exp), std::fmax(worst.log, e.log),
                 std::fmax(worst.log1p, e.log1p), std::fmax(worst.softplus, e.softplus),
                 std::fmax(worst.sigmoid, e.sigmoid)};
    expect_float_errors_below_bounds(worst);
}

TEST(Math, SpecialFloats) {
    const float inf = std::numeric_limits<float>::infinity();
    EXPECT_EQ(model::exp(0.0F), 1.0F);
    EXPECT_EQ(model::exp(88.8F), inf);
    EXPECT_EQ(model::exp(-103.0F), 0x1p-149F);
    EXPECT_EQ(model::exp(-104.0F), 0.0F);
    EXPECT_EQ(model::log(0.0F), -inf);
    EXPECT_EQ(model::log(0x1p-149F), static_cast<float>(-149.0 * std::log(2.0)));
    EXPECT_EQ(model::sigmoid(-inf), 0.0F);
    EXPECT_EQ(model::sigmoid(inf), 1.0F);
    const float high = model::exp(87.0F), low = model::exp(-87.0F);
    for (const float x : {87.0F, 87.1F, 1e30F, inf, std::numeric_limits<float>::quiet_NaN()}) {
        EXPECT_EQ(model::exp_clamped(x), high) << x;
        EXPECT_EQ(model::exp_clamped(-x), low) << x;
    }
    // The softmax finds a sum with a raised or lowered term by its size.
    EXPECT_GT(high, 0x1p64F);
    EXPECT_LT(low, 0x1p-125F);
}

TEST(Math, FloatExpClampedEqualsExpInRange) {
    for (std::uint32_t bits = 0; bits < 0x42ae0000U; bits += 1021) {
        const float x = model::from_bits(bits);
        ASSERT_EQ(model::exp(x), model::exp_clamped(x)) << x;
        ASSERT_EQ(model::exp(-x), model::exp_clamped(-x)) << -x;
    }
}

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

TEST(Math, ExpClampedEqualsExpInRange) {
    Generator generator(2);
    for (int i = 0; i < 100'000; ++i) {
        const double x = between(-708.0, 708.0)(generator);
        ASSERT_EQ(model::exp(x), model::exp_clamped(x)) << x;
    }
    const double inf = model::infinity(), nan = model::not_a_number();
    const double high = model::exp(708.0), low = model::exp(-708.0);
    for (const double x : {0.0, -0.0, 5e-324, -1e-300, 708.0, -708.0})
        EXPECT_EQ(model::exp_clamped(x), model::exp(x)) << x;
    for (const double x : {708.1, 1e4, 1e300, inf, nan}) {
        EXPECT_EQ(model::exp_clamped(x), high) << x;
        EXPECT_EQ(model::exp_clamped(-x), low) << -x;
    }
    // The softmax finds a sum with a raised or lowered term by its size.
    EXPECT_GT(high, 0x1p1000);
    EXPECT_LT(low, 0x1p-1021);
}

TEST(Math, ExpInRangeIsExpThereAndKeepsNaN) {
    Generator generator(3);
    for (int i = 0; i < 100'000; ++i) {
        const double x = between(-708.0, 708.0)(generator);
        ASSERT_EQ(model::exp_in_range(x), model::exp(x)) << x;
    }
    EXPECT_TRUE(std::isnan(model::exp_in_range(model::not_a_number())));
    EXPECT_TRUE(std::isnan(model::exp_in_range(float(model::not_a_number()))));
}

TEST(Math, ReachIsTheLargestMagnitude) {
    for (const double x : {0.0, 707.9999, -707.9999, 708.0, -708.0, 708.1, 1e30, -0x1p1016}) {
        model::LargestMagnitude<double> reach;
        for (const double y : {1.0, x, -2.0}) reach.add(y);
        EXPECT_EQ(reach.below(708.0), std::abs(x) < 708.0) << x;
        model::LargestMagnitude<float> single;
        for (const double y : {1.0, x, -2.0}) single.add(static_cast<float>(y));
        EXPECT_EQ(single.below(708.0F), std::abs(static_cast<float>(x)) < 708.0F) << x;
    }
    // Beyond, what it may not see spoils a sum of exponentials, which is then summed again.
    for (const double x : {0x1p1017, 1e308, std::numeric_limits<double>::max(), model::infinity()})
        for (const double y : {x, -x})
            EXPECT_FALSE(model::between(1.0 + model::exp_in_range(y), 0x1p-500, 0x1p1000)) << y;
}

/// By high words, which alone a device looks at, as by whole numbers.
TEST(Math, RangesByHighWords) {
    const double inf = model::infinity(), nan = model::not_a_number();
    const double low = 0x1p-500, high = 0x1p1000, next = std::nextafter(low, 0.0);
    for (const double x : {0.0, 5e-324, next, low, 1.0, 707.9999, std::nextafter(708.0, 0.0), 708.0,
                           708.1, 1e30, std::nextafter(high, 0.0), high, 0x1p1017, 1e308, inf, nan})
        for (const double y : {x, -x}) {
            EXPECT_EQ(model::within(y, 708.0), std::abs(y) < 708.0) << y;
            EXPECT_EQ(model::between(y, low, high), y >= low && y < high) << y;
        }
    EXPECT_EQ(model::larger_number(1.0F, float(nan)), 1.0F);
    EXPECT_EQ(model::larger_number(float(nan), 1.0F), 1.0F);
    EXPECT_EQ(model::larger_number(2.0F, 1.0F), 2.0F);
}

TEST(Math, ClampKeepsSignsAndEndsNaN) {
    const double inf = model::infinity(), nan = model::not_a_number();
    for (const double x : {0.0, 5e-324, 1.0, 707.9999, 708.0, 708.1, 1e308, inf, nan}) {
        const double expected = x < 708.0 ? x : 708.0;
        EXPECT_EQ(model::to_bits(model::clamp(x, 708.0)), model::to_bits(expected)) << x;
        EXPECT_EQ(model::to_bits(model::clamp(-x, 708.0)), model::to_bits(-expected)) << -x;
    }
}

TEST(Math, SixteenthPowersAreRounded) {
    for (model::Bits j = 0; j < 16; ++j) {
        const Quad exact = pow(Quad(2), Quad(static_cast<int>(j)) / 16);
        EXPECT_EQ(model::sixteenth_power(j), static_cast<double>(exact)) << j;
        // The bits of k above the lowest 16 do not count.
        for (int i = -1022; i < 1024; ++i)
            EXPECT_EQ(model::sixteenth_power(model::Bits(16 * i) + j + 0xabc0000),
                      std::ldexp(static_cast<double>(exact), i))
                << i << ' ' << j;
    }
}

/// Arguments of every size, and all the special ones in every lane.
std::vector<double> arguments(int count) {
    const double special[] = {0.0,
                              5e-324,
                              1e-310,
                              0x1p-1022,
                              1.0,
                              707.9999,
                              708.0,
                              708.1,
                              709.0,
                              710.0,
                              745.2,
                              746.5,
                              1e10,
                              1e308,
                              model::infinity(),
                              model::not_a_number()};
    Generator generator(3);
    std::vector<double> x;
    for (int i = 0; i < count; ++i) {
        const double drawn =
            i % 2 == 0 ? magnitudes(-320, 300, true)(generator) : between(-800.0, 800.0)(generator);
        const double chosen = special[generator() % std::size(special)];
        const bool negative = (generator() & 1) != 0;
        x.push_back(i % 5 == 0 ? (negative ? -chosen : chosen) : drawn);
    }
    return x;
}

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }
/// The sign and payload of a computed NaN may differ; they are never stored.
bool same(double a, double b) { return same_bits(a, b) || (std::isnan(a) && std::isnan(b)); }

void expect_packs_equal_scalar(const char* name, PackFunctions functions) {
    constexpr int count = 48 * 500;
    Generator generator(4);
    const std::vector<double> x = arguments(count);
    std::vector<double> p;
    for (int i = 0; i < count; ++i)
        p.push_back((static_cast<double>(generator() >> 12) + 0.5) * 0x1p-52);
    std::vector<FunctionValues> found(count);
    functions(x.data(), p.data(), count, found.data());
    int unequal = 0;
    for (int i = 0; i < count; ++i) {
        const FunctionValues& f = found[i];
        const bool equal =
            same(f.exp, model::exp(x[i])) && same_bits(f.exp_clamped, model::exp_clamped(x[i])) &&
            same_bits(f.clamp, model::clamp(x[i], 708.0)) && same(f.log, model::log(x[i])) &&
            same(f.sigmoid, model::sigmoid(x[i])) && same(f.softplus, model::softplus(x[i])) &&
            same_bits(f.sixteenth_power, model::sixteenth_power(model::to_bits(x[i]))) &&
            (std::isnan(x[i]) || f.larger_magnitude == std::max(std::abs(x[i]), 500.0)) &&
            same_bits(f.normal_quantile, model::normal_quantile(p[i]));
        unequal += !equal;
        if (!equal && unequal < 5) ADD_FAILURE() << name << " differs at " << x[i] << ", " << p[i];
    }
    EXPECT_EQ(unequal, 0) << name;
}

bool same(float a, float b) {
    return model::to_bits(a) == model::to_bits(b) || (std::isnan(a) && std::isnan(b));
}

void expect_float_packs_equal_scalar(const char* name, FloatPackFunctions functions) {
    constexpr int count = 48 * 2000;
    Generator generator(5);
    const float special[] = {0.0F,
                             1e-45F,
                             0x1p-126F,
                             86.9F,
                             87.0F,
                             87.1F,
                             103.9F,
                             1e30F,
                             3e38F,
                             std::numeric_limits<float>::infinity(),
                             std::numeric_limits<float>::quiet_NaN()};
    std::vector<float> x;
    for (int i = 0; i < count; ++i) {
        // Plus zero makes signalling NaNs quiet: no arithmetic yields one, and the clamp of AVX-512
        // takes them otherwise.
        const float any = model::from_bits(static_cast<std::uint32_t>(generator())) + 0.0F;
        const auto near = static_cast<float>(between(-100.0, 100.0)(generator));
        const float chosen = special[generator() % std::size(special)];
        x.push_back(i % 5 == 0 ? ((generator() & 1) != 0 ? -chosen : chosen)
                               : (i % 2 == 0 ? any : near));
    }
    std::vector<FloatFunctionValues> found(count);
    functions(x.data(), count, found.data());
    int unequal = 0;
    for (int i = 0; i < count; ++i) {
        const FloatFunctionValues& f = found[i];
        const bool equal =
            same(f.exp, model::exp(x[i])) && same(f.exp_clamped, model::exp_clamped(x[i])) &&
            model::to_bits(f.clamp) == model::to_bits(model::clamp(x[i], 87.0F)) &&
            same(f.log, model::log(x[i])) && same(f.sigmoid, model::sigmoid(x[i])) &&
            same(f.softplus, model::softplus(x[i])) && same(f.sqrt, model::sqrt(x[i]));
        unequal += !equal;
        if (!equal && unequal < 5) ADD_FAILURE() << name << " differs at " << x[i];
    }
    EXPECT_EQ(unequal, 0) << name;
}

TEST(Math, PacksOfEveryInstructionSetEqualScalar) {
    expect_packs_equal_scalar("generic", generic_pack_functions);
    expect_float_packs_equal_scalar("generic", generic_float_pack_functions);
#if defined(SOFTMAXFLOW_HAS_AVX2)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        expect_packs_equal_scalar("avx2", avx2_pack_functions);
        expect_float_packs_equal_scalar("avx2", avx2_float_pack_functions);
    }
#endif
#if defined(SOFTMAXFLOW_HAS_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        expect_packs_equal_scalar("avx512", avx512_pack_functions);
        expect_float_packs_equal_scalar("avx512", avx512_float_pack_functions);
    }
#endif
}

TEST(Math, BroadcastKeepsTheSignOfZero) {
    const model::Pack<2, 1> minus(-0.0);
    EXPECT_TRUE(std::signbit(lane(minus, 0)) && std::signbit(lane(minus, 1)));
}

}  // namespace
