#pragma once
/// How much memory kernels need.

#include <string>

#include "backend/cpu/kernel.hpp"
#include "softmaxflow/model/parameters.hpp"

namespace softmaxflow::cuda {

/// Lanes whose arrays take turns in memory: those of a warp.
inline constexpr long long tile = 32;

struct Sizes {
    unsigned long item = 0;  ///< bytes that a replica of descent, or each lane of a flow, keeps
    unsigned long lane = 0;  ///< bytes that a lane uses in a launch
    int parked_numbers = 0;  ///< flow: numbers of a replica left to the implicit method
};

/// `lanes` share a replica, with sizes known at run time; kernels of a fixed shape need no more.
Sizes sizes_of(const cpu::Choice& choice, const model::Parameters& parameters, int lanes);

/// Bytes of `count` arenas.
inline unsigned long arenas(unsigned long bytes, long long count) {
    return bytes * static_cast<unsigned long>((count + tile - 1) / tile * tile);
}

/// What a kernel compiled at run time must agree with.
unsigned long standing_bytes(const std::string& real);

}  // namespace softmaxflow::cuda
