#include "backend/cpu/small_n.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
template Kernel few_tokens<double>(int);
}
}  // namespace softmaxflow::cpu
