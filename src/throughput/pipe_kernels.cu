// The pipes that bound the loop of steps, each kept busy by itself: `softmaxflow bench` compares
// with what they do.
#include "throughput/pipe_kernels.hpp"

using namespace softmaxflow::kernels;

/// Chains that do not wait for each other.
template <class Number, class Operation>
__device__ __forceinline__ void chain(const PipeArguments& arguments, Operation operation) {
    Number x[rate_chains];
    for (int i = 0; i < rate_chains; ++i) x[i] = Number(threadIdx.x + i) * Number(1e-3);
    for (int round = 0; round < arguments.rounds; ++round) {
#pragma unroll
        for (int i = 0; i < rate_chains * rate_length; ++i)
            x[i % rate_chains] = operation(x[i % rate_chains]);
    }
    Number total = 0;
    for (int i = 0; i < rate_chains; ++i) total += x[i];
    // Never true, but the compiler cannot know.
    if (total == Number(-1)) arguments.out[threadIdx.x] = double(total);
}

extern "C" __global__ void __launch_bounds__(256)
    rate_f64(const __grid_constant__ PipeArguments arguments) {
    const double a = arguments.a, b = arguments.b;
    chain<double>(arguments, [=](double x) { return fma(x, a, b); });
}
extern "C" __global__ void __launch_bounds__(256)
    rate_f32(const __grid_constant__ PipeArguments arguments) {
    const float a = float(arguments.a), b = float(arguments.b);
    chain<float>(arguments, [=](float x) { return fmaf(x, a, b); });
}
extern "C" __global__ void __launch_bounds__(256)
    rate_special(const __grid_constant__ PipeArguments arguments) {
    chain<float>(arguments, [](float x) {
        float y;
        asm volatile("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
        return y;
    });
}
