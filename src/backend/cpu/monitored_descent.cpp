// The kernel of descent that claims are monitored along.

#include "backend/cpu/pack_kernel.hpp"
#include "softmaxflow/model/claims/monitor.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
namespace {

using One = Vectors<double, 1>;
using AnySystem = model::AnyValueSoftmax<One, model::Solo>;

}  // namespace

Kernel monitored_descent_kernel() {
    return kernel<AnySystem, model::Any<model::Methods>, model::Monitor<AnySystem>>;
}

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
