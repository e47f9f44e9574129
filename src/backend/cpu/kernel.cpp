// Which kernel runs a problem.

#include "backend/cpu/pack_kernel.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
namespace {

template <class T>
Kernel choose(const Choice& choice, int tokens, int outputs) {
    if (choice.watched && !choice.flow) return watched_descent_kernel();
    return choice.flow ? flow_kernel<T>(choice, tokens)
                       : descent_kernel<T>(choice, tokens, outputs);
}

}  // namespace
}  // namespace SOFTMAXFLOW_TARGET

#define SOFTMAXFLOW_JOIN(a, b) a##b
#define SOFTMAXFLOW_NAMED(target, what) SOFTMAXFLOW_JOIN(target, what)

Kernel SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _kernel)(const Choice& choice, int tokens,
                                                      int outputs) {
    return choice.single ? choose<float>(choice, tokens, outputs)
                         : choose<double>(choice, tokens, outputs);
}
int SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _width)() {
    return vector_bytes / static_cast<int>(sizeof(double));
}

}  // namespace softmaxflow::cpu
