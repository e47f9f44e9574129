#pragma once
/// The bodies of the kernels of kernel_list.hpp.

#include "kernels/flow.hpp"
#include "kernels/kernel_list.hpp"
#include "kernels/monitored_descent.hpp"
#include "kernels/reduce.hpp"

namespace softmaxflow::kernels {

template <Precision>
struct RealOf {
    using Type = double;
};
template <>
struct RealOf<Precision::f32> {
    using Type = float;
};

}  // namespace softmaxflow::kernels

/// The body of a row as a function of (arguments, item, team).
#define SOFTMAXFLOW_BODY(precision, order, body)                          \
    [](const auto& arguments, long long item, auto team) {                \
        using namespace softmaxflow::kernels;                             \
        using Real [[maybe_unused]] = RealOf<Precision::precision>::Type; \
        using Team [[maybe_unused]] = decltype(team);                     \
        constexpr int Order [[maybe_unused]] = order;                     \
        body(arguments, item, team);                                      \
    }
