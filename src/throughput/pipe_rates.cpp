#include <algorithm>
#include <chrono>
#include <cmath>

#include "backend/cuda/device.hpp"
#include "backend/cuda/rtc.hpp"
#include "softmaxflow/backend.hpp"
#include "throughput/pipe_kernels.hpp"
#include "throughput/pipe_rates.hpp"

namespace softmaxflow::cuda {
namespace {

constexpr int threads = 256, threads_per_multiprocessor = 2048, repeats = 5;
/// Of a measurement: long beside a launch.
constexpr double wanted_seconds = 0.01;

/// Operations per second, the best of a few launches.
double rate(Stream& stream, Kernel kernel, int multiprocessors, double* out) {
    kernel.threads = threads;
    const long long items = static_cast<long long>(multiprocessors) * threads_per_multiprocessor;
    kernels::PipeArguments arguments{256, 0.999, 1e-3, out};
    const auto seconds = [&] {
        const auto begin = std::chrono::steady_clock::now();
        stream.launch(kernel, items, &arguments, sizeof arguments);
        stream.synchronize();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    seconds();  // the first launch loads
    arguments.rounds =
        static_cast<int>(std::clamp(arguments.rounds * wanted_seconds / seconds(), 256.0, 1e6));
    double best = seconds();
    for (int i = 1; i < repeats; ++i) best = std::min(best, seconds());
    return static_cast<double>(items) * arguments.rounds * kernels::rate_chains *
           kernels::rate_length / best;
}

}  // namespace

std::optional<PipeRates> measure_pipes() {
    if (!why_no_cuda().empty() || why_no_compiler()) return std::nullopt;
    const Devices devices = find_devices();
    Device& device = *devices.front();
    const DeviceInfo info = device.info();
    const std::vector<char> image = compile_rates(info.architecture());
    const std::unique_ptr<Stream> stream = device.stream();
    const Buffer out(*stream, threads * sizeof(double));
    const auto of = [&](const char* name) {
        return rate(*stream, device.load(image, name), info.multiprocessors, out.as<double>());
    };
    return PipeRates{of("rate_f64"), of("rate_f32"), of("rate_special")};
}

}  // namespace softmaxflow::cuda
