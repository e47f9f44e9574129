#pragma once
/// Classes of measured claims.

#include "claims/measured/measured.hpp"
#include "softmaxflow/model/claims/claim.hpp"

namespace softmaxflow::claims {

/// Class U without square loss, whose arc ends.
inline constexpr unsigned class_u_unbounded = model::class_u | model::unbounded_arc;

}  // namespace softmaxflow::claims
