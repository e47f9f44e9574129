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

/// A lane alone, or several.
template <int S>
struct TeamOf {
    using Type = Lanes<S>;
};
template <>
struct TeamOf<1> {
    using Type = model::Solo;
};

}  // namespace softmaxflow::kernels
