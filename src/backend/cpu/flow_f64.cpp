#include "backend/cpu/flow_kernels.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
template Kernel flow_kernel<double>(const Choice&, int);
}
}  // namespace softmaxflow::cpu
