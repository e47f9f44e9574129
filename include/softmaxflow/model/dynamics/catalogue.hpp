#pragma once
/// The only list of maps, losses, methods and observables. The command line, the config keys, the
/// files, dispatch and the generated tests all iterate over what stands here. To add one, write its
/// struct (map.hpp, loss.hpp, update_rules.hpp) or formula (observables.hpp) and add it to its
/// list.

#include "softmaxflow/model/dynamics/loss.hpp"
#include "softmaxflow/model/dynamics/map.hpp"
#include "softmaxflow/model/dynamics/update_rules.hpp"
#include "softmaxflow/model/numerics/philox.hpp"
#include "softmaxflow/model/numerics/type_list.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

using Maps = List<Softmax, Sigmoid, Sum, L1, L2, Relu>;
using Losses = List<Logistic, Exponential, Square, Regression, Classification, CrossEntropy>;
using Methods = List<GradientDescent, Momentum, Adam, SignDescent>;
static_assert(all_keep<CheckMap>(Maps{}));
static_assert(all_keep<CheckLoss>(Losses{}));
static_assert(all_keep<CheckUpdateRule>(Methods{}));

/// How the bins of an observable are laid out; see ensemble/edges.cpp.
enum class Bins { linear, logarithmic, signed_logarithmic };

struct ObservableInfo {
    const char* name;
    const char* unit;
    const char* long_name;
    Bins bins;
};

/// In the order of the enumeration below; docs and files list them in this order too.
inline constexpr ObservableInfo observables[] = {
    {"loss", "1", "objective g(z)", Bins::logarithmic},
    {"entropy", "nat", "entropy of the attention weights", Bins::linear},
    {"effective_tokens", "1", "exp(entropy)", Bins::linear},
    {"participation_ratio", "1", "1 / sum of squared weights", Bins::linear},
    {"max_probability", "1", "largest attention weight", Bins::linear},
    {"margin", "1", "largest minus second largest weight", Bins::linear},
    {"log10_deficit", "1", "log10(1 - largest weight)", Bins::linear},
    {"logit_range", "1", "largest minus smallest logit", Bins::logarithmic},
    {"leader_probability", "1", "weight of the initial leader", Bins::linear},
    {"leader_logit_gap", "1", "logit of the initial leader above the best other",
     Bins::signed_logarithmic},
    {"leader_value_gap", "1", "projected value of the initial leader above the best other",
     Bins::signed_logarithmic},
    {"output_norm", "1", "norm of the projected output z", Bins::logarithmic},
    {"residual_norm", "1", "norm of the output residual q", Bins::logarithmic},
    {"value_gradient_norm", "1", "norm of dV/dt", Bins::logarithmic},
    {"logit_gradient_norm", "1", "norm of da/dt", Bins::logarithmic},
    {"value_norm", "1", "Frobenius norm of the part of V that can move", Bins::logarithmic},
    {"arc", "1", "arc length tau: integral of the residual norm", Bins::logarithmic},
    {"log_time", "log(time)", "logarithm of time", Bins::signed_logarithmic},
};

enum class Observable : int {
    loss,
    entropy,
    effective_tokens,
    participation_ratio,
    max_probability,
    margin,
    log10_deficit,
    logit_range,
    leader_probability,
    leader_logit_gap,
    leader_value_gap,
    output_norm,
    residual_norm,
    value_gradient_norm,
    logit_gradient_norm,
    value_norm,
    arc,
    log_time,
    count,
};
inline constexpr int observable_count = static_cast<int>(Observable::count);
static_assert(sizeof(observables) / sizeof(observables[0]) == observable_count);

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
