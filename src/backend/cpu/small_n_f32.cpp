#include "backend/cpu/small_n.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
template Kernel few_tokens<float>(int);
}
}  // namespace softmaxflow::cpu
