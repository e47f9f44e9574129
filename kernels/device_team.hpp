#pragma once
/// Teams of threads of a device.

#include "softmaxflow/model/numerics/team.hpp"

namespace softmaxflow::kernels {

/// S neighbouring lanes of a warp, S a power of two. Lanes of other teams may be elsewhere in the
/// code, so each exchange names those of this one.
template <int S>
struct WarpTeam {
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

/// All S threads of a block, several warps: lanes of one warp exchange by shuffles, others through
/// memory that the block shares.
template <int S>
struct BlockTeam {
    static constexpr int size = S;
    __device__ __forceinline__ static int rank() { return int(threadIdx.x); }
    template <class Real>
    __device__ __forceinline__ static Real exchange(Real x, int distance) {
        if (distance < 32) return __shfl_xor_sync(0xffffffffU, x, distance);
        __shared__ Real slot[S];
        __syncthreads();  // nobody still reads what was exchanged last
        slot[rank()] = x;
        __syncthreads();
        return slot[rank() ^ distance];
    }
};

/// A lane alone, those of a part of a warp, or those of a block.
template <int S, int Kind = (S == 1    ? 0
                             : S <= 32 ? 1
                                       : 2)>
struct TeamOf {
    using Type = model::Solo;
};
template <int S>
struct TeamOf<S, 1> {
    using Type = WarpTeam<S>;
};
template <int S>
struct TeamOf<S, 2> {
    using Type = BlockTeam<S>;
};

}  // namespace softmaxflow::kernels
