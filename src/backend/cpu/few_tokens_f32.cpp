#include "backend/cpu/few_tokens.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
template Kernel few_tokens<float>(int);
}
}  // namespace softmaxflow::cpu
