// Steps of descent in f32, of every map, loss and method: what f32_steps.py disassembles.

#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/numerics/pack.hpp"

namespace model = softmaxflow::model;

// Another format shows that the disassembly is able to find it.
#if !defined(STEP_SCALAR)
#define STEP_SCALAR float
#endif

namespace {

using AnyFlow = model::Flow<model::Any<model::Maps>, model::Any<model::Losses>,
                            model::Pack<8, 1, STEP_SCALAR>, model::Solo, 0, 0>;
using ShortFlow =
    model::Flow<model::Softmax, model::Logistic, model::Pack<8, 2, STEP_SCALAR>, model::Solo, 8, 1>;

/// As Replicas::take_steps does it, without looking at the states.
template <class Flow, class Method>
typename Flow::Real take_steps(Flow& flow, typename Flow::State& x, typename Flow::Evaluation& e,
                               typename Flow::State* memory,
                               model::MethodSettingsOf<Flow>& settings, Method method, long count) {
    typename Flow::Real arc(0);
    for (long i = 0; i < count; ++i) {
        flow.evaluate(x, e);
        arc = fma(typename Flow::Real(settings.eta), flow.residual_norm(e), arc);
        settings.advance();
        visit(method, [&](auto item) { item.step(flow, e, x, memory, settings); });
    }
    return arc;
}

}  // namespace

void any_steps(AnyFlow& flow, AnyFlow::State& x, AnyFlow::Evaluation& e, AnyFlow::State* memory,
               model::MethodSettingsOf<AnyFlow>& settings, int method, long count,
               AnyFlow::Real& arc) {
    arc = take_steps(flow, x, e, memory, settings, model::Any<model::Methods>{method}, count);
}
void short_steps(ShortFlow& flow, ShortFlow::State& x, ShortFlow::Evaluation& e,
                 model::MethodSettingsOf<ShortFlow>& settings, long count, ShortFlow::Real& arc) {
    arc = take_steps(flow, x, e, nullptr, settings, model::GradientDescent{}, count);
}
