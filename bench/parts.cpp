// The parts of the mathematics, each alone on numbers that stay in the first cache: elementary
// functions, draws, steps, the reduction of a block. Compiled for the machine that builds it.
//
//   bench_parts --benchmark_filter=step

#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "softmaxflow/model/dynamics/carried_exponentials.hpp"
#include "softmaxflow/model/numerics/moments.hpp"
#include "softmaxflow/model/numerics/pack.hpp"
#include "softmaxflow/model/numerics/philox.hpp"

namespace model = softmaxflow::model;

namespace {

#if defined(__AVX512F__)
constexpr int width = 8;
#elif defined(__AVX2__)
constexpr int width = 4;
#else
constexpr int width = 2;
#endif
using One = model::Pack<width, 1>;
using Two = model::Pack<width, 2>;

/// A function of packs on 1024 numbers from low to high; the rate is in numbers per second.
template <class Real, class Function>
void elementary(benchmark::State& state, Function f, double low, double high) {
    constexpr int packs = 1024 / model::width_of<Real>;
    std::vector<Real> x(packs), y(packs);
    for (int i = 0; i < packs * model::width_of<Real>; ++i)
        model::set_lane(x[static_cast<std::size_t>(i / model::width_of<Real>)],
                        i % model::width_of<Real>, low + (high - low) * i / 1024);
    for (auto _ : state) {
        for (std::size_t i = 0; i < x.size(); ++i) y[i] = f(x[i]);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * packs * model::width_of<Real>);
}

template <class Real>
void exp_clamped(benchmark::State& state) {
    elementary<Real>(
        state, [](Real x) { return model::exp_clamped(x); }, -20.0, 20.0);
}
template <class Real>
void exp_full_range(benchmark::State& state) {
    elementary<Real>(
        state, [](Real x) { return model::exp(x); }, -20.0, 20.0);
}
template <class Real>
void sigmoid(benchmark::State& state) {
    elementary<Real>(
        state, [](Real x) { return model::sigmoid(x); }, -20.0, 20.0);
}
template <class Real>
void log(benchmark::State& state) {
    elementary<Real>(
        state, [](Real x) { return model::log(x); }, 0.1, 10.0);
}
template <class Real>
void normal_quantile(benchmark::State& state) {
    elementary<Real>(
        state, [](Real x) { return model::normal_quantile(x); }, 0x1p-12, 1.0);
}
BENCHMARK(exp_clamped<One>);
BENCHMARK(exp_clamped<Two>);
BENCHMARK(exp_full_range<Two>);
BENCHMARK(sigmoid<Two>);
BENCHMARK(log<Two>);
BENCHMARK(normal_quantile<Two>);

/// Normal numbers of one counter for all replicas of a pack, per number.
template <class Real>
void normals(benchmark::State& state) {
    const model::Draws<Real> draws{12345, 0};
    model::Word index = 0;
    for (auto _ : state) benchmark::DoNotOptimize(draws.normals(model::Purpose::values, index++));
    state.SetItemsProcessed(state.iterations() * 2 * model::width_of<Real>);
}
BENCHMARK(normals<One>);
BENCHMARK(normals<Two>);

/// Steps of gradient descent from a small start; the rate is in replica-steps per second. The same
/// sources as in the kernels, but not their compiler options.
template <class System, class Method>
void step(benchmark::State& state, int tokens, int outputs) {
    using Real = typename System::Real;
    constexpr int steps = 256;
    std::vector<Real> memory(static_cast<std::size_t>(8 * tokens * (outputs + 4) + 64));
    model::Arena arena(reinterpret_cast<char*>(memory.data()));
    System system(arena, model::Solo{}, tokens, outputs);
    typename System::State x(arena, tokens, outputs);
    typename System::Evaluation e(arena, tokens, outputs);
    e.scales = {Real(0.0), Real(0.0)};  // compilers cannot see that evaluate() comes first
    for (int k = 0; k < outputs; ++k) {
        system.objective.metric[k] = Real(1.0);
        system.objective.response[k] = Real(1.0 / outputs);
        for (int j = 0; j < tokens; ++j) x.value(k, j) = Real(0.1 * std::sin(7.0 * k + 3.0 * j));
    }
    for (int j = 0; j < tokens; ++j) x.logits[j] = Real(0.0);
    model::Parameters parameters;
    parameters.learning_rate = 1e-3;
    const model::MethodSettings<double> settings(parameters);
    for (auto _ : state) {
        for (int i = 0; i < steps; ++i) {
            system.evaluate(x, e);
            Method::step(system, e, x, nullptr, settings);
        }
        benchmark::DoNotOptimize(x.logits[0]);
    }
    state.SetItemsProcessed(state.iterations() * steps * model::width_of<Real>);
}

template <class Loss, class Real, int N, int M>
void strict_step(benchmark::State& state) {
    using System = model::ValueSoftmax<model::Softmax, Loss, Real, model::Solo, N, M>;
    step<System, model::GradientDescent>(state, N, M);
}
template <class Loss, class Real, int N, int M>
void carried_step(benchmark::State& state) {
    step<model::CarriedValueSoftmax<Loss, Real, N, M>, model::CarriedDescent>(state, N, M);
}
BENCHMARK(strict_step<model::Logistic, Two, 4, 1>);
BENCHMARK(strict_step<model::Logistic, One, 8, 1>);
BENCHMARK(strict_step<model::Logistic, Two, 8, 1>);
BENCHMARK(strict_step<model::Logistic, Two, 16, 1>);
BENCHMARK(strict_step<model::Logistic, One, 32, 1>);
BENCHMARK(strict_step<model::Logistic, One, 64, 1>);
BENCHMARK(strict_step<model::CrossEntropy, One, 10, 10>);
BENCHMARK(strict_step<model::Regression, One, 20, 20>);
BENCHMARK(carried_step<model::Logistic, Two, 8, 1>);
BENCHMARK(carried_step<model::Logistic, One, 32, 1>);
BENCHMARK(carried_step<model::Logistic, One, 64, 1>);
BENCHMARK(carried_step<model::CrossEntropy, One, 10, 10>);

/// What one observable at one checkpoint costs a block of 64 replicas; the rate is in blocks.
std::vector<double> block_values() {
    std::vector<double> values;
    for (int i = 0; i < 64; ++i) values.push_back(0.5 + 0.5 * std::sin(13.0 * i));
    return values;
}

void block_moments(benchmark::State& state) {
    const std::vector<double> values = block_values();
    for (auto _ : state) {
        benchmark::ClobberMemory();
        benchmark::DoNotOptimize(model::block_moments<64>(values.data(), 64));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(block_moments);

void count_bins(benchmark::State& state) {
    const int bins = static_cast<int>(state.range(0));
    const std::vector<double> values = block_values();
    std::vector<double> edges;
    for (int i = 0; i <= bins; ++i) edges.push_back(static_cast<double>(i) / bins);
    std::vector<unsigned> counts(static_cast<std::size_t>(bins));
    for (auto _ : state) {
        model::count_bins(values.data(), 64, edges.data(), bins, counts.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(count_bins)->Arg(64)->Arg(256)->Arg(1024);

}  // namespace

BENCHMARK_MAIN();
