#pragma once
/// What statistics give where there is nothing to tell, or no end.

#include <limits>

namespace softmaxflow {

inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace softmaxflow
