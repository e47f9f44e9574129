// Rates of a GPU that bound our kernels: copy, and the pipes of fused multiply-adds in f32 and f64
// and of special functions. Bounds in docs/performance.md are made from what this prints.
//
//   gpu_rates            one JSON object on stdout; exit status 7 where there is no usable device
//   gpu_rates --probe    only looks for the device
//
// Each kernel keeps eight independent chains a thread, and enough threads to fill every
// multiprocessor. Times are from events, the best and the median of nine launches. The clock is
// what the multiprocessors counted meanwhile, so that rates can be given per clock.

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr int chains = 8, repeats = 9, threads = 256;

void check(cudaError_t status, const char* what) {
    if (status == cudaSuccess) return;
    std::fprintf(stderr, "gpu_rates: %s: %s\n", what, cudaGetErrorString(status));
    std::exit(7);
}

/// Adds up the clocks and nanoseconds that one thread of the grid sees.
struct Stopwatch {
    long long clocks = 0, nanoseconds = 0;
};
__device__ long long nanoseconds_now() {
    long long now;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    return now;
}

struct Fma32 {
    using Number = float;
    __device__ static float apply(float x, float a, float b) { return fmaf(x, a, b); }
};
struct Fma64 {
    using Number = double;
    __device__ static double apply(double x, double a, double b) { return fma(x, a, b); }
};
/// The special-function unit: 2^x, whose values stay within [1/2, 2] here.
struct Exp2 {
    using Number = float;
    __device__ static float apply(float x, float, float) {
        float y;
        asm volatile("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
        return y;
    }
};
/// Not the reciprocal: the compiler knows that two of them cancel.
struct ReciprocalRoot {
    using Number = float;
    __device__ static float apply(float x, float, float) {
        float y;
        asm volatile("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
        return y;
    }
};

template <class Operation>
__global__ void chain(int rounds, typename Operation::Number a, typename Operation::Number b,
                      typename Operation::Number* out, Stopwatch* watch) {
    using Number = typename Operation::Number;
    Number x[chains];
    for (int i = 0; i < chains; ++i) x[i] = Number(threadIdx.x + i) * Number(1e-3);
    const bool leads = blockIdx.x == 0 && threadIdx.x == 0;
    const long long clock = clock64(), now = nanoseconds_now();
    for (int round = 0; round < rounds; ++round) {
#pragma unroll
        for (int i = 0; i < chains * 8; ++i) x[i % chains] = Operation::apply(x[i % chains], a, b);
    }
    if (leads) *watch = {clock64() - clock, nanoseconds_now() - now};
    Number total = 0;
    for (int i = 0; i < chains; ++i) total += x[i];
    // Never true, but the compiler cannot know.
    if (total == Number(-1)) out[threadIdx.x] = total;
}

__global__ void copy(const double2* from, double2* to, long long count) {
    const long long step = static_cast<long long>(gridDim.x) * blockDim.x;
    for (long long i = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x; i < count;
         i += step)
        to[i] = from[i];
}

struct Times {
    double best, median;
};

template <class Launch>
Times time(Launch launch) {
    cudaEvent_t begin, end;
    check(cudaEventCreate(&begin), "event");
    check(cudaEventCreate(&end), "event");
    launch();
    check(cudaDeviceSynchronize(), "warm-up");
    std::vector<double> seconds;
    for (int i = 0; i < repeats; ++i) {
        float milliseconds = 0;
        check(cudaEventRecord(begin), "record");
        launch();
        check(cudaEventRecord(end), "record");
        check(cudaEventSynchronize(end), "run");
        check(cudaEventElapsedTime(&milliseconds, begin, end), "time");
        seconds.push_back(milliseconds * 1e-3);
    }
    std::sort(seconds.begin(), seconds.end());
    check(cudaEventDestroy(begin), "event");
    check(cudaEventDestroy(end), "event");
    return {seconds.front(), seconds[repeats / 2]};
}

template <class Operation>
void print_rate(const char* name, int multiprocessors, int rounds, Stopwatch* watch) {
    using Number = typename Operation::Number;
    Number* out = nullptr;
    check(cudaMalloc(&out, sizeof(Number) * threads), "memory");
    const int blocks = multiprocessors * 2048 / threads;
    const Times t = time([&] {
        chain<Operation><<<blocks, threads>>>(rounds, Number(0.999), Number(1e-3), out, watch);
        check(cudaGetLastError(), name);
    });
    Stopwatch seen;
    check(cudaMemcpy(&seen, watch, sizeof seen, cudaMemcpyDeviceToHost), "stopwatch");
    check(cudaFree(out), "memory");
    const double operations = 1.0 * blocks * threads * rounds * chains * 8;
    const double hertz =
        1e9 * static_cast<double>(seen.clocks) / static_cast<double>(seen.nanoseconds);
    std::printf(
        ",\n \"%s\": {\"per_second\": %.5g, \"per_second_median\": %.5g, "
        "\"per_clock_and_multiprocessor\": %.4g, \"clock_hz\": %.5g}",
        name, operations / t.best, operations / t.median,
        operations / t.best / hertz / multiprocessors, hertz);
}

void print_copy(std::size_t bytes) {
    double2 *from = nullptr, *to = nullptr;
    check(cudaMalloc(&from, bytes), "memory");
    check(cudaMalloc(&to, bytes), "memory");
    check(cudaMemset(from, 0x3f, bytes), "memory");
    const auto count = static_cast<long long>(bytes / sizeof(double2));
    const Times t = time([&] {
        copy<<<8192, threads>>>(from, to, count);
        check(cudaGetLastError(), "copy");
    });
    check(cudaFree(from), "memory");
    check(cudaFree(to), "memory");
    const double moved = 2.0 * static_cast<double>(bytes);
    std::printf(
        ",\n \"copy\": {\"bytes_per_second\": %.5g, \"bytes_per_second_median\": %.5g, "
        "\"bytes\": %zu}",
        moved / t.best, moved / t.median, bytes);
}

}  // namespace

int main(int argc, char** argv) {
    int count = 0;
    check(cudaGetDeviceCount(&count), "no device");
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, 0), "properties");
    Stopwatch* watch = nullptr;
    check(cudaMalloc(&watch, sizeof(Stopwatch)), "memory");
    const int multiprocessors = properties.multiProcessorCount;
    std::printf("{\"device\": \"%s\", \"compute_capability\": \"%d.%d\", \"multiprocessors\": %d",
                properties.name, properties.major, properties.minor, multiprocessors);
    if (argc < 2 || std::strcmp(argv[1], "--probe") != 0) {
        print_copy(std::size_t{1} << 31);
        print_rate<Fma32>("ffma", multiprocessors, 1 << 14, watch);
        print_rate<Fma64>("dfma", multiprocessors, 1 << 13, watch);
        print_rate<Exp2>("mufu_ex2", multiprocessors, 1 << 11, watch);
        print_rate<ReciprocalRoot>("mufu_rsq", multiprocessors, 1 << 11, watch);
    }
    std::printf("}\n");
    check(cudaFree(watch), "memory");
    return 0;
}
