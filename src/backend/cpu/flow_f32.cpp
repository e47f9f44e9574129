#include "backend/cpu/flow_kernels.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
template Kernel flow_kernel<float>(const KernelKey&, int);
}
}  // namespace softmaxflow::cpu
