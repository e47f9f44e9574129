// Which kernel runs a problem.

#include "backend/cpu/pack_kernel.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
namespace {

template <class T>
Kernel choose(const KernelKey& key, int tokens, int outputs) {
    if (key.monitored && !key.flow) return monitored_descent_kernel();
    return key.flow ? flow_kernel<T>(key, tokens) : descent_kernel<T>(key, tokens, outputs);
}

}  // namespace
}  // namespace SOFTMAXFLOW_TARGET

#define SOFTMAXFLOW_JOIN(a, b) a##b
#define SOFTMAXFLOW_NAMED(target, what) SOFTMAXFLOW_JOIN(target, what)

Kernel SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _kernel)(const KernelKey& key, int tokens,
                                                      int outputs) {
    return key.single ? choose<float>(key, tokens, outputs) : choose<double>(key, tokens, outputs);
}
int SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _width)() {
    return vector_bytes / static_cast<int>(sizeof(double));
}

}  // namespace softmaxflow::cpu
