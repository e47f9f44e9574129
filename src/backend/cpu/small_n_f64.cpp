#include "backend/cpu/small_n.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
template Kernel small_n<double>(int);
}
}  // namespace softmaxflow::cpu
