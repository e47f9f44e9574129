#pragma once
/// How much memory kernels need.

#include <string>

#include "backend/host/kernel_key.hpp"
#include "softmaxflow/model/dynamics/parameters.hpp"

namespace softmaxflow::cuda {

/// Lanes whose arrays take turns in memory: those of a warp.
inline constexpr long long tile = 32;

struct Sizes {
    unsigned long item = 0;        ///< bytes that a replica keeps between launches
    unsigned long lane = 0;        ///< bytes that a lane uses in a launch of steps
    unsigned long initialize = 0;  ///< flow: bytes that a replica uses when it is initialised
};

/// `lanes` share a replica, with sizes known at run time; kernels of a fixed shape need no more.
Sizes sizes_of(const host::KernelKey& key, const model::Parameters& parameters, int lanes);

/// Bytes of `count` arenas.
inline unsigned long arenas(unsigned long bytes, long long count) {
    return bytes * static_cast<unsigned long>((count + tile - 1) / tile * tile);
}

/// What a kernel compiled at run time must agree with.
unsigned long replica_bytes(const std::string& real, bool flow);

}  // namespace softmaxflow::cuda
