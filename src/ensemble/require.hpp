#pragma once
/// What problems are checked with.

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "softmaxflow/error.hpp"
#include "softmaxflow/problem.hpp"

namespace softmaxflow {

/// Throws Error(usage) unless the condition holds.
template <class... Args>
void require(bool condition, fmt::format_string<Args...> message, Args&&... args) {
    if (!condition) throw Error(Exit::usage, fmt::format(message, std::forward<Args>(args)...));
}

inline void require_positive(const char* key, std::int64_t value, std::int64_t least = 1) {
    require(value >= least, "{} = {}: expected at least {}", key, value, least);
}

/// The key that says where a run ends.
inline const char* end_key(const Config& config) {
    return is_flow(config) ? "dynamics.horizon" : "dynamics.iterations";
}

}  // namespace softmaxflow
