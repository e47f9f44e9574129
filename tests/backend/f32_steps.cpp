// Steps of descent in f32, of every map, loss and method: what f32_steps.py disassembles.

#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/numerics/pack.hpp"

namespace model = softmaxflow::model;

// Another format shows that the disassembly is able to find it.
#if !defined(STEP_SCALAR)
#define STEP_SCALAR float
#endif

namespace {

using AnySystem = model::AnyValueSoftmax<model::Pack<8, 1, STEP_SCALAR>, model::Solo>;
using ShortFlow = model::ValueSoftmax<model::Softmax, model::Logistic,
                                      model::Pack<8, 2, STEP_SCALAR>, model::Solo, 8, 1>;

/// As Replicas::take_steps does it, without looking at the states.
template <class System, class Method>
typename System::Real take_steps(System& system, typename System::State& x,
                                 typename System::Evaluation& e, typename System::State* memory,
                                 model::MethodSettingsOf<System>& settings, Method method,
                                 long count) {
    typename System::Real arc(0);
    for (long i = 0; i < count; ++i) {
        system.evaluate(x, e);
        arc = fma(typename System::Real(settings.eta), system.residual_norm(e), arc);
        settings.advance();
        visit(method, [&](auto item) { item.step(system, e, x, memory, settings); });
    }
    return arc;
}

}  // namespace

void any_steps(AnySystem& system, AnySystem::State& x, AnySystem::Evaluation& e,
               AnySystem::State* memory, model::MethodSettingsOf<AnySystem>& settings, int method,
               long count, AnySystem::Real& arc) {
    arc = take_steps(system, x, e, memory, settings, model::Any<model::Methods>{method}, count);
}
void short_steps(ShortFlow& system, ShortFlow::State& x, ShortFlow::Evaluation& e,
                 model::MethodSettingsOf<ShortFlow>& settings, long count, ShortFlow::Real& arc) {
    arc = take_steps(system, x, e, nullptr, settings, model::GradientDescent{}, count);
}
