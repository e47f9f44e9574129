// Own packs against xsimd on the same exponential: the measurement behind docs/decisions/0004.
// Both run the operations of model::exp_flushed on 1024 numbers that stay in the first cache.

#include <benchmark/benchmark.h>

#include <vector>
#include <xsimd/xsimd.hpp>

#include "softmaxflow/model/math.hpp"
#include "softmaxflow/model/pack.hpp"

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
        for (int i = 0; i < count / (W * P); ++i) out[i] = model::exp_flushed(in[i]);
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

template <class Batch>
Batch exp_flushed(Batch x) {
    using Bits = xsimd::batch<std::int64_t, typename Batch::arch_type>;
    const Batch shifter(6755399441055744.0);
    const Batch free = xsimd::fma(x, Batch(1.4426950408889634), shifter);
    const Batch shifted =
        xsimd::min(xsimd::max(free, shifter - Batch(1023.0)), shifter + Batch(1024.0));
    const Batch k = shifted - shifter;
    const Batch r =
        xsimd::fma(k, Batch(-1.9082149292705877e-10), xsimd::fma(k, Batch(-0.6931471803691238), x));
    const Batch p = horner(r, 1.0, 1.0, 0.5000000000000001, 0.16666666666666669,
                           0.04166666666662413, 0.008333333333330062, 0.0013888888917213717,
                           0.00019841269863053618, 2.4801521295954376e-05, 2.7557268459997064e-06,
                           2.7620088445409746e-07, 2.510038549551032e-08);
    const Bits scale = (xsimd::bitwise_cast<Bits>(shifted) + Bits(1023)) << 52;
    return p * xsimd::bitwise_cast<Batch>(scale);
}

template <class Arch>
void library(benchmark::State& state) {
    using Batch = xsimd::batch<double, Arch>;
    auto x = arguments();
    auto y = x;
    for (auto _ : state) {
        for (int i = 0; i < count; i += static_cast<int>(Batch::size))
            exp_flushed(Batch::load_aligned(&x[static_cast<std::size_t>(i)]))
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
