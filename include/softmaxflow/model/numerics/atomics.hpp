#pragma once
/// Numbers that lanes, or threads of the host, share: exact whoever comes first.

#include "softmaxflow/model/numerics/scalar.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Adds to a counter that lanes share, and returns what it was before.
SOFTMAXFLOW_HD Int fetch_add(Int& counter, Int by) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return static_cast<Int>(atomicAdd(reinterpret_cast<Bits*>(&counter), static_cast<Bits>(by)));
#else
    return __atomic_fetch_add(&counter, by, __ATOMIC_RELAXED);
#endif
}
SOFTMAXFLOW_HD unsigned fetch_add(unsigned& counter, unsigned by) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return atomicAdd(&counter, by);
#else
    return __atomic_fetch_add(&counter, by, __ATOMIC_RELAXED);
#endif
}
/// What such a counter holds now.
SOFTMAXFLOW_HD Int peek(const Int& counter) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    return *static_cast<const volatile Int*>(&counter);
#else
    return __atomic_load_n(&counter, __ATOMIC_RELAXED);
#endif
}

enum class Extreme { least, greatest };
/// Keeps in `kept` the least, or the greatest, number that any lane has shown it.
template <Extreme Which>
SOFTMAXFLOW_HD void fetch_extreme(Int& kept, Int x) {
    constexpr bool least = Which == Extreme::least;
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    if constexpr (least)
        atomicMin(&kept, x);
    else
        atomicMax(&kept, x);
#else
    Int seen = peek(kept);
    while (
        (least ? x < seen : x > seen) &&
        !__atomic_compare_exchange_n(&kept, &seen, x, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
#endif
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
