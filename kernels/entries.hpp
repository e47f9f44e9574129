#pragma once
/// The bodies of the kernels of list.hpp.

#include "kernels/flow.hpp"
#include "kernels/list.hpp"
#include "kernels/reduce.hpp"
#include "kernels/watch.hpp"

namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET {

template <class Real, class Team, class Scheme>
using AnyExplicit = ExplicitPart<AnyFlow<Real, Team>, Scheme>;
template <class Real, class Team>
using AnyImplicit = ImplicitPart<AnyFlow<Real, Team>>;

}  // namespace softmaxflow::kernels::inline SOFTMAXFLOW_TARGET
