#pragma once
/// The functions of math.hpp on packs, compiled once per instruction set as the backend's kernels
/// are. Plain pointers on plain data: see backend/cpu/kernel.hpp.

/// f(x) for every function in turn, the larger magnitude of x and 500, and the quantile at p.
struct FunctionValues {
    double exp, exp_clamped, clamp, log, sigmoid, softplus, sixteenth_power, larger_magnitude,
        normal_quantile;
};

/// The same in f32, without what it lacks.
struct FloatFunctionValues {
    float exp, exp_clamped, clamp, log, sigmoid, softplus, sqrt;
};

/// Arrays of `count` elements, a multiple of 48.
using PackFunctions = void (*)(const double* x, const double* p, int count,
                               FunctionValues* results);
using FloatPackFunctions = void (*)(const float* x, int count, FloatFunctionValues* results);

void generic_pack_functions(const double*, const double*, int, FunctionValues*);
void avx2_pack_functions(const double*, const double*, int, FunctionValues*);
void avx512_pack_functions(const double*, const double*, int, FunctionValues*);
void generic_float_pack_functions(const float*, int, FloatFunctionValues*);
void avx2_float_pack_functions(const float*, int, FloatFunctionValues*);
void avx512_float_pack_functions(const float*, int, FloatFunctionValues*);
