#pragma once
/// Teams of threads of a device.

#include "softmaxflow/model/team.hpp"

namespace softmaxflow::kernels {

/// S neighbouring lanes of a warp, S a power of two. Lanes of other teams may be elsewhere in the
/// code, so each exchange names those of this one.
template <int S>
struct Lanes {
    static constexpr int size = S;
    __device__ __forceinline__ static int rank() { return int(threadIdx.x) % S; }
    __device__ __forceinline__ static unsigned members() {
        if (S == 32) return 0xffffffffU;
        return ((1U << (S % 32)) - 1U) << (int(threadIdx.x) % 32 / S * S);
    }
    template <class Real>
    __device__ __forceinline__ static Real exchange(Real x, int distance) {
        return __shfl_xor_sync(members(), x, distance);
    }
};

/// All S threads of a block.
template <int S>
struct Block {
    static constexpr int size = S;
    __device__ __forceinline__ static int rank() { return int(threadIdx.x); }
    template <class Real>
    __device__ __forceinline__ static Real exchange(Real x, int distance) {
        if (distance < 32) return __shfl_xor_sync(0xffffffffU, x, distance);
        __shared__ Real slots[S];
        __syncthreads();
        slots[rank()] = x;
        __syncthreads();
        return slots[rank() ^ distance];
    }
};

template <int S>
struct TeamOf {
    using Type = Lanes<S>;
};
template <>
struct TeamOf<1> {
    using Type = model::Solo;
};

}  // namespace softmaxflow::kernels
