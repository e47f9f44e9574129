#pragma once
/// What exp in f64 looks up, and where a device keeps it: its constants, and powers 2^(j/16).

#include "softmaxflow/model/numerics/scalar.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Numbers of exp in f64 (math.hpp) that do not fit an instruction of a device.
struct ExpConstants {
    double log2_e = 1.4426950408889634;
    double ln2_high = 0.6931471803691238;  // 32 bits: 16 k * ln2_high is exact
    double ln2_low = 1.9082149292705877e-10;
    double series[4] = {0.16666666665301144, 0.041666666664959766, 0.008333449724528355,
                        0.0013889034377693012};
};
inline constexpr ExpConstants exp_constants_on_host;
#if defined(__CUDACC__)
/// Whence an instruction takes one; else it would be put together from its halves at every step.
static __constant__ ExpConstants exp_constants_on_device;
#endif
SOFTMAXFLOW_HD const ExpConstants& exp_constants() {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return exp_constants_on_device;
#else
    return exp_constants_on_host;
#endif
}

/// The bits of 2^(j/16) - j 2^48: adding k 2^48 for a whole number k = 16 i + j gives 2^(k/16).
SOFTMAXFLOW_HD Bits sixteenth_of_table(int index) {
    constexpr Bits table[16] = {
        0x3ff0000000000000ULL, 0x3fefb5586cf9890fULL, 0x3fef72b83c7d517bULL, 0x3fef387a6e756238ULL,
        0x3fef06fe0a31b715ULL, 0x3feedea64c123422ULL, 0x3feebfdad5362a27ULL, 0x3feeab07dd485429ULL,
        0x3feea09e667f3bcdULL, 0x3feea11473eb0187ULL, 0x3feeace5422aa0dbULL, 0x3feec49182a3f090ULL,
        0x3feee89f995ad3adULL, 0x3fef199bdd85529cULL, 0x3fef5818dcfba487ULL, 0x3fefa4afa2a490daULL,
    };
    return table[index];
}

#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
/// The table where every lane of a warp can read its own entry at once. Each kernel fills it first.
SOFTMAXFLOW_DEVICE double* shared_sixteenths() {
    __shared__ __align__(128) double table[16];
    return table;
}
SOFTMAXFLOW_DEVICE void fill_tables() {
    for (int i = int(threadIdx.x); i < 16; i += int(blockDim.x))
        shared_sixteenths()[i] = from_bits(sixteenth_of_table(i));
    __syncthreads();
}
#endif

/// 2^(k/16), k the low 16 bits, with a sign, as long as this is a normal number.
SOFTMAXFLOW_HD double sixteenth_power(Bits k) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    // The address by one instruction, from a shifted index: the table is aligned.
    const unsigned table = unsigned(__cvta_generic_to_shared(shared_sixteenths()));
    const unsigned address = table | (unsigned(k) << 3 & 120U);
    double entry;
    asm volatile("ld.shared.f64 %0, [%1];" : "=d"(entry) : "r"(address));
    return add_exponent(entry, k << 48);
#else
    return from_bits(sixteenth_of_table(int(k & 15)) + (k << 48));
#endif
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
