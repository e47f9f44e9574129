#include "backend/cpu/descent_kernels.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
template Kernel descent_kernel<float>(const KernelKey&, int, int);
}
}  // namespace softmaxflow::cpu
