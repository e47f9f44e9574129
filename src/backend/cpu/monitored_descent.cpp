// The kernel of descent that claims are monitored along.

#include "backend/cpu/pack_kernel.hpp"
#include "softmaxflow/model/claims/monitor.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
namespace {

using One = Vectors<double, 1>;
using AnyFlow =
    model::Flow<model::Any<model::Maps>, model::Any<model::Losses>, One, model::Solo, 0, 0>;

}  // namespace

Kernel monitored_descent_kernel() {
    return kernel<AnyFlow, model::Any<model::Methods>, model::Monitor<AnyFlow>>;
}

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
