#pragma once
/// The explicit scheme that a config means.

#include <fmt/format.h>

#include "softmaxflow/error.hpp"
#include "softmaxflow/model/integrator/tableau.hpp"

namespace softmaxflow::host {

/// f(Scheme{}) for the scheme of that order. Throws Error(internal) if there is none.
template <class F>
void with_scheme(int order, F f) {
    if (!model::with_scheme(order, f))
        throw Error(Exit::internal, fmt::format("no scheme of the flow has order {}", order));
}

}  // namespace softmaxflow::host
