// The replicas of a block on SIMD packs. Compiled once per instruction set; SOFTMAXFLOW_TARGET
// names it.

#include "backend/cpu/kernel.hpp"

#include "softmaxflow/model/pack.hpp"
#include "softmaxflow/model/replica.hpp"

namespace softmaxflow::cpu {
namespace {

#if defined(__AVX512F__)
constexpr Lanes lanes{8, 2};
#elif defined(__AVX2__)
constexpr Lanes lanes{4, 2};
#else
constexpr Lanes lanes{2, 2};
#endif
using Real = model::Pack<lanes.vector, lanes.vectors>;

template <class Flow, class Method>
bool run(const model::Parameters& parameters, const model::Record& record, long long first,
         long long count, char* memory) {
    constexpr int width = model::width_of<Real>;
    for (long long done = 0; done < count; done += width) {
        model::Arena arena(memory);
        const int live = count - done < width ? static_cast<int>(count - done) : width;
        model::Replicas<Flow, Method> replicas(parameters, record, model::Solo{}, arena,
                                               first + done, live);
        if (!replicas.run()) return false;
    }
    return true;
}

template <class Flow, class Method>
unsigned long memory(const model::Parameters& parameters) {
    model::Arena counter(nullptr);
    const model::Replicas<Flow, Method> probe(parameters, model::Record{}, model::Solo{}, counter,
                                              0, 0);
    return counter.used();
}

template <class Flow, class Method>
constexpr Kernel kernel{run<Flow, Method>, memory<Flow, Method>};

/// The size known to the compiler where it pays, else 0. One output is always known.
template <class Map, class Loss, class Method>
Kernel choose_size(int tokens) {
    if constexpr (Loss::outputs == 1) {
        if (tokens == 8) return kernel<model::Flow<Map, Loss, Real, model::Solo, 8, 1>, Method>;
    }
    return kernel<model::Flow<Map, Loss, Real, model::Solo, 0, Loss::outputs>, Method>;
}

Kernel choose(const Choice& choice, int tokens) {
    Kernel found;
    with_item(model::Maps{}, choice.map, [&]<class Map>(Map) {
        with_item(model::Losses{}, choice.loss, [&]<class Loss>(Loss) {
            with_item(model::Methods{}, choice.method, [&]<class Method>(Method) {
                found = choose_size<Map, Loss, Method>(tokens);
            });
        });
    });
    return found;
}

}  // namespace

#define SOFTMAXFLOW_JOIN(a, b) a##b
#define SOFTMAXFLOW_NAMED(target, what) SOFTMAXFLOW_JOIN(target, what)

Kernel SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _kernel)(const Choice& choice, int tokens) {
    return choose(choice, tokens);
}
Lanes SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _lanes)() { return lanes; }

}  // namespace softmaxflow::cpu
