#pragma once
/// The bodies of the kernels of list.hpp.

#include "kernels/flow.hpp"
#include "kernels/list.hpp"
#include "kernels/reduce.hpp"
#include "kernels/watch.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

template <class Real, class Scheme>
using AnyExplicit = ExplicitPart<AnyFlow<Real, model::Solo>, Scheme>;
template <class Real>
using AnyImplicit = ImplicitPart<AnyFlow<Real, model::Solo>>;

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
