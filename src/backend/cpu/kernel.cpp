// The replicas of a block on SIMD packs. Compiled once per instruction set; SOFTMAXFLOW_TARGET
// names it.

#include "backend/cpu/kernel.hpp"

#include "softmaxflow/model/fast.hpp"
#include "softmaxflow/model/pack.hpp"
#include "softmaxflow/model/replica.hpp"

namespace softmaxflow::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int width = 8;
#elif defined(__AVX2__)
constexpr int width = 4;
#else
constexpr int width = 2;
#endif
constexpr Lanes lanes{width, 2};

/// Two vectors in flight hide the latency of the chain exp - sum - reciprocal - output - residual
/// where there are few tokens; where there are many, one has enough to do and fits the first cache.
using Two = model::Pack<width, 2>;
using One = model::Pack<width, 1>;

template <class Flow, class Method>
bool run(const Choice& choice, const model::Parameters& parameters, const model::Record& record,
         long long first, long long count, char* memory) {
    using Map = typename Flow::Map;
    using Loss = typename Flow::Loss;
    constexpr int step = model::width_of<typename Flow::Real>;
    for (long long done = 0; done < count; done += step) {
        model::Arena arena(memory);
        const int live = count - done < step ? static_cast<int>(count - done) : step;
        model::Replicas<Flow, Method> replicas(parameters, record, model::Solo{}, arena,
                                               first + done, live, model::chosen<Map>(choice.map),
                                               model::chosen<Loss>(choice.loss),
                                               model::chosen<Method>(choice.method));
        if (!replicas.run()) return false;
    }
    return true;
}

template <class Flow, class Method>
unsigned long memory(const Choice& choice, const model::Parameters& parameters) {
    model::Arena counter(nullptr);
    const model::Replicas<Flow, Method> probe(parameters, model::Record{}, model::Solo{}, counter,
                                              0, 0, model::chosen<typename Flow::Map>(choice.map),
                                              model::chosen<typename Flow::Loss>(choice.loss),
                                              model::chosen<Method>(choice.method));
    return counter.used();
}

template <class Flow, class Method>
constexpr Kernel kernel{run<Flow, Method>, memory<Flow, Method>};

using model::Any;
using model::Solo;
using AnyLoss = Any<model::Losses>;

template <class Loss, class Real, int N, int M>
constexpr Kernel descent =
    kernel<model::Flow<model::Softmax, Loss, Real, Solo, N, M>, model::GradientDescent>;
template <class Loss, class Real, int N, int M>
constexpr Kernel carried = kernel<model::CarriedFlow<Loss, Real, N, M>, model::CarriedDescent>;
constexpr Kernel anything =
    kernel<model::Flow<Any<model::Maps>, AnyLoss, One, Solo, 0, 0>, Any<model::Methods>>;

/// A shape that the compiler gets to know: the benchmark's and the paper's. The others run the same
/// arithmetic with loops of run-time length and branches on map, loss and method.
struct Special {
    const char* loss;
    int tokens, outputs;
    Kernel strict, fast;
};
/// With few tokens the specialised strict kernel is the fastest, so "fast" takes it too.
template <class Loss, class Real, int N, int M>
constexpr Special strict_only{Loss::name, N, M, descent<Loss, Real, N, M>,
                              descent<Loss, Real, N, M>};
template <class Loss, int N, int M>
constexpr Special strict_and_fast{Loss::name, N, M, descent<Loss, One, N, M>,
                                  carried<Loss, One, N, M>};

constexpr Special specials[] = {
    strict_only<model::Logistic, Two, 8, 1>,
#if defined(__AVX2__)
    strict_only<model::Logistic, Two, 4, 1>,       strict_only<model::Logistic, Two, 16, 1>,
    strict_and_fast<model::Logistic, 32, 1>,       strict_and_fast<model::Logistic, 64, 1>,
    strict_only<model::CrossEntropy, One, 10, 10>, strict_only<model::Regression, One, 20, 20>,
#endif
};

Kernel choose(const Choice& choice, int tokens, int outputs) {
    const bool plain = choice.map == model::index_of<model::Maps>(model::Softmax::name) &&
                       choice.method ==
                           model::index_of<model::Methods>(model::GradientDescent::name);
    if (plain)
        for (const Special& s : specials)
            if (s.loss == model::Losses::names[choice.loss] && s.tokens == tokens &&
                s.outputs == outputs)
                return choice.fast ? s.fast : s.strict;
    return choice.fast ? carried<AnyLoss, One, 0, 0> : anything;
}

}  // namespace

#define SOFTMAXFLOW_JOIN(a, b) a##b
#define SOFTMAXFLOW_NAMED(target, what) SOFTMAXFLOW_JOIN(target, what)

Kernel SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _kernel)(const Choice& choice, int tokens,
                                                      int outputs) {
    return choose(choice, tokens, outputs);
}
Lanes SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _lanes)() { return lanes; }

}  // namespace softmaxflow::cpu
