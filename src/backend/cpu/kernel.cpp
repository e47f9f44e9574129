// Which kernel runs a problem.

#include "backend/cpu/run.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
namespace {

using One = model::Pack<width, 1>;
using AnyLoss = model::Any<model::Losses>;

/// Every map, loss, method and size: the same arithmetic with loops of run-time length and branches
/// on map, loss and method.
constexpr Kernel anything =
    kernel<model::Flow<model::Any<model::Maps>, AnyLoss, One, model::Solo, 0, 0>,
           model::Any<model::Methods>>;

template <class Loss>
constexpr int place = model::index_of<model::Losses>(Loss::name);

/// A shape that the compiler gets to know: the benchmark's and the paper's.
struct Special {
    int loss;
    int tokens, outputs;
    Kernel strict, fast;
};
#if defined(__AVX2__)
constexpr Special specials[] = {
    {place<model::Logistic>, 32, 1, descent<model::Logistic, One, 32, 1>,
     carried<model::Logistic, One, 32, 1>},
    {place<model::Logistic>, 64, 1, descent<model::Logistic, One, 64, 1>,
     carried<model::Logistic, One, 64, 1>},
    {place<model::CrossEntropy>, 10, 10, descent<model::CrossEntropy, One, 10, 10>,
     descent<model::CrossEntropy, One, 10, 10>},
    {place<model::Regression>, 20, 20, descent<model::Regression, One, 20, 20>,
     descent<model::Regression, One, 20, 20>},
};
#endif

/// No kernel where the shape is not special. Fast numerics takes the strict kernel where that is
/// the faster one.
Kernel find_special(const Choice& choice, int tokens, [[maybe_unused]] int outputs) {
    const bool plain =
        choice.map == model::index_of<model::Maps>(model::Softmax::name) &&
        choice.method == model::index_of<model::Methods>(model::GradientDescent::name);
    if (!plain) return {};
#if defined(__AVX2__)
    for (const Special& s : specials)
        if (s.loss == choice.loss && s.tokens == tokens && s.outputs == outputs)
            return choice.fast ? s.fast : s.strict;
#endif
    return choice.loss == place<model::Logistic> ? few_tokens(tokens) : Kernel{};
}

Kernel choose(const Choice& choice, int tokens, int outputs) {
    if (choice.flow) return flow_kernel(choice, tokens, outputs);
    if (choice.watched) return watched_kernel();
    const Kernel special = find_special(choice, tokens, outputs);
    if (special.run != nullptr) return special;
    return choice.fast ? carried<AnyLoss, One, 0, 0> : anything;
}

}  // namespace
}  // namespace SOFTMAXFLOW_TARGET

#define SOFTMAXFLOW_JOIN(a, b) a##b
#define SOFTMAXFLOW_NAMED(target, what) SOFTMAXFLOW_JOIN(target, what)

Kernel SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _kernel)(const Choice& choice, int tokens,
                                                      int outputs) {
    return choose(choice, tokens, outputs);
}
int SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _width)() { return width; }

}  // namespace softmaxflow::cpu
