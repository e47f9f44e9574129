// Own packs against xsimd on the same exponential: the measurement behind docs/decisions/0004.
// Both run the operations of model::exp_clamped on 1024 numbers that stay in the first cache; the
// library has no lookup in a table of 16, so it gathers.

#include <benchmark/benchmark.h>

#include <vector>
#include <xsimd/xsimd.hpp>

#include "softmaxflow/model/numerics/math.hpp"
#include "softmaxflow/model/numerics/pack.hpp"

namespace model = softmaxflow::model;

namespace {

constexpr int count = 1024;

std::vector<double, xsimd::aligned_allocator<double, 64>> arguments() {
    std::vector<double, xsimd::aligned_allocator<double, 64>> x(count);
    for (int i = 0; i < count; ++i) x[static_cast<std::size_t>(i)] = -20.0 + 0.04 * i;
    return x;
}

template <int W, int P>
void own(benchmark::State& state) {
    using Pack = model::Pack<W, P>;
    auto x = arguments();
    auto y = x;
    const auto* in = reinterpret_cast<const Pack*>(x.data());
    auto* out = reinterpret_cast<Pack*>(y.data());
    for (auto _ : state) {
        for (int i = 0; i < count / (W * P); ++i) out[i] = model::exp_clamped(in[i]);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * count);
}

template <class Batch>
Batch horner(Batch, double c0) {
    return Batch(c0);
}
template <class Batch, class... Rest>
Batch horner(Batch x, double c0, Rest... rest) {
    return xsimd::fma(x, horner(x, rest...), Batch(c0));
}

const double* powers() {
    static const std::vector<double> table = [] {
        std::vector<double> powers_of_two;
        for (model::Bits i = 0; i < 16; ++i) powers_of_two.push_back(model::sixteenth_power(i));
        return powers_of_two;
    }();
    return table.data();
}

template <class Batch>
Batch exp_clamped(Batch x) {
    using Bits = xsimd::batch<std::int64_t, typename Batch::arch_type>;
    const Batch clamped = xsimd::max(xsimd::min(x, Batch(708.0)), Batch(-708.0));
    const Batch shifter(0x1.8p48);
    const Batch shifted = xsimd::fma(clamped, Batch(1.4426950408889634), shifter);
    const Batch k = shifted - shifter;
    const Batch r = xsimd::fma(k, Batch(-1.9082149292705877e-10),
                               xsimd::fma(k, Batch(-0.6931471803691238), clamped));
    const Batch series = horner(r, 1.0, 0.5, 0.16666666665301144, 0.041666666664959766,
                                0.008333449724528355, 0.0013889034377693012);
    const Bits bits = xsimd::bitwise_cast<Bits>(shifted);
    const Batch power = Batch::gather(powers(), bits & Bits(15));
    const Batch p = xsimd::fma(power, r * series, power);
    return xsimd::bitwise_cast<Batch>(xsimd::bitwise_cast<Bits>(p) + ((bits >> 4) << 52));
}

template <class Arch>
void library(benchmark::State& state) {
    using Batch = xsimd::batch<double, Arch>;
    auto x = arguments();
    auto y = x;
    for (auto _ : state) {
        for (int i = 0; i < count; i += static_cast<int>(Batch::size))
            exp_clamped(Batch::load_aligned(&x[static_cast<std::size_t>(i)]))
                .store_aligned(&y[static_cast<std::size_t>(i)]);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * count);
}

#if defined(__AVX512F__)
BENCHMARK(own<8, 1>);
BENCHMARK(own<8, 2>);
BENCHMARK(library<xsimd::avx512dq>);
#endif
#if defined(__AVX2__)
BENCHMARK(own<4, 1>);
BENCHMARK(own<4, 2>);
BENCHMARK(library<xsimd::fma3<xsimd::avx2>>);
#endif

}  // namespace

BENCHMARK_MAIN();
