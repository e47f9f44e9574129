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

#if !defined(__CUDA_ARCH__) && !defined(__CUDACC_RTC__)
template <class Better>
SOFTMAXFLOW_HD void replace_by_better(Int& kept, Int x, Better better) {
    Int seen = __atomic_load_n(&kept, __ATOMIC_RELAXED);
    while (better(x, seen) && !__atomic_compare_exchange_n(&kept, &seen, x, true, __ATOMIC_RELAXED,
                                                           __ATOMIC_RELAXED)) {
    }
}
#endif
/// A smallest and a largest number that lanes share.
SOFTMAXFLOW_HD void fetch_min(Int& least, Int x) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    atomicMin(&least, x);
#else
    replace_by_better(least, x, [](Int a, Int b) { return a < b; });
#endif
}
SOFTMAXFLOW_HD void fetch_max(Int& most, Int x) {
#if defined(__CUDA_ARCH__) || defined(__CUDACC_RTC__)
    atomicMax(&most, x);
#else
    replace_by_better(most, x, [](Int a, Int b) { return a > b; });
#endif
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
