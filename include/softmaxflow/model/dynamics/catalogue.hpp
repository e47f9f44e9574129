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

/// The system with its map and its loss chosen at run time, of sizes known at run time.
template <class Real, class Team>
using AnyValueSoftmax = ValueSoftmax<Any<Maps>, Any<Losses>, Real, Team, 0, 0>;

template <class Map, class Loss, class Real, class Team, int N, int M>
struct SystemFamily<ValueSoftmax<Map, Loss, Real, Team, N, M>> {
    template <class OtherReal, class OtherTeam>
    using General = AnyValueSoftmax<OtherReal, OtherTeam>;
    using Selection = typename ValueSoftmax<Map, Loss, Real, Team, N, M>::Selection;

    SOFTMAXFLOW_HD static typename General<Real, Team>::Selection generalise(Selection selection) {
        return {any_of<Maps>(selection.map), any_of<Losses>(selection.loss)};
    }
};

static_assert(CheckSystem<AnyValueSoftmax<double, Solo>>::kept);

/// How the bins of an observable are laid out; see ensemble/edges.cpp.
enum class Bins { linear, logarithmic, signed_logarithmic };

/// What takes the upper end of the bins further, if it is above that end.
enum class BinGrowth {
    nothing,
    tokens,      ///< n
    log_tokens,  ///< log n
    arc,         ///< the horizon of the arc clock
    ten_arcs,    ///< 10 times it
    log_time,    ///< |log t| of the horizon: t grows like the exponential of the arc
};

struct Interval {
    double low, high;
};

/// The range of the bins. Linear: what the observable can be. Logarithmic: from what rounding
/// leaves of a quantity of order 1, or further down where values of interest are small by nature,
/// to well above anything a run that makes sense reaches. Signed logarithmic: of the absolute
/// value.
struct BinRange {
    Interval ends;
    BinGrowth reach = BinGrowth::nothing;
    Interval signed_interval = {};  ///< of maps whose weights leave [0, 1]; {}: the same
};

/// Where weights leave [0, 1]; a few units is what runs that keep off the pole reach.
inline constexpr double most_signed_weight = 8.0;
inline constexpr BinRange weight_range = {
    {0.0, 1.0}, BinGrowth::nothing, {-most_signed_weight, most_signed_weight}};
inline constexpr BinRange largest_weight_range = {
    {0.0, 1.0}, BinGrowth::nothing, {0.0, most_signed_weight}};
inline constexpr BinRange order_one_range = {{1e-16, 1e4}};
inline constexpr BinRange growing_range = {{1e-8, 1e4}, BinGrowth::ten_arcs};

struct ObservableInfo {
    const char* name;
    const char* unit;
    const char* long_name;
    Bins bins;
    BinRange range;
};

/// One line per observable: name, unit, long name, layout and range of its bins. Docs and files
/// list them in this order too.
#define SOFTMAXFLOW_OBSERVABLES(X)                                                             \
    X(loss, "1", "objective g(z)", Bins::logarithmic, order_one_range)                         \
    X(entropy, "nat", "entropy of the attention weights", Bins::linear,                        \
      {{0.0, 0.0}, BinGrowth::log_tokens})                                                     \
    X(effective_tokens, "1", "exp(entropy)", Bins::linear, {{1.0, 1.0}, BinGrowth::tokens})    \
    X(participation_ratio, "1", "1 / sum of squared weights", Bins::linear,                    \
      {{1.0, 1.0}, BinGrowth::tokens, {0.0, 1.0}})                                             \
    X(max_probability, "1", "largest attention weight", Bins::linear, largest_weight_range)    \
    X(margin, "1", "largest minus second largest weight", Bins::linear, largest_weight_range)  \
    X(log10_deficit, "1", "log10(1 - largest weight)", Bins::linear, {{-20.0, 0.0}})           \
    X(logit_range, "1", "largest minus smallest logit", Bins::logarithmic, growing_range)      \
    X(leader_probability, "1", "weight of the initial leader", Bins::linear, weight_range)     \
    X(leader_logit_gap, "1", "logit of the initial leader above the best other",               \
      Bins::signed_logarithmic, growing_range)                                                 \
    X(leader_value_gap, "1", "projected value of the initial leader above the best other",     \
      Bins::signed_logarithmic, growing_range)                                                 \
    X(output_norm, "1", "norm of the projected output z", Bins::logarithmic, growing_range)    \
    X(residual_norm, "1", "norm of the output residual q", Bins::logarithmic, order_one_range) \
    X(value_gradient_norm, "1", "norm of dV/dt", Bins::logarithmic, order_one_range)           \
    X(logit_gradient_norm, "1", "norm of da/dt", Bins::logarithmic, {{1e-20, 1e4}})            \
    X(value_norm, "1", "Frobenius norm of the part of V that can move", Bins::logarithmic,     \
      growing_range)                                                                           \
    X(arc, "1", "arc length tau: integral of the residual norm", Bins::logarithmic,            \
      {{1e-6, 1e6}, BinGrowth::arc})                                                           \
    X(log_time, "log(time)", "logarithm of time", Bins::signed_logarithmic,                    \
      {{1e-2, 1e2}, BinGrowth::log_time})

inline constexpr ObservableInfo observables[] = {
#define SOFTMAXFLOW_LINE(name, unit, long_name, bins, ...) \
    {#name, unit, long_name, bins, __VA_ARGS__},
    SOFTMAXFLOW_OBSERVABLES(SOFTMAXFLOW_LINE)
#undef SOFTMAXFLOW_LINE
};

enum class Observable : int {
#define SOFTMAXFLOW_LINE(name, ...) name,
    SOFTMAXFLOW_OBSERVABLES(SOFTMAXFLOW_LINE)
#undef SOFTMAXFLOW_LINE
        count,
};
inline constexpr int observable_count = static_cast<int>(Observable::count);

/// Bins of the curves per rank (record.ranked): the weight, the logit and the projected value.
struct RankedBins {
    Bins bins;
    BinRange range;
};
inline constexpr RankedBins ranked_bins[] = {{Bins::linear, weight_range},
                                             {Bins::signed_logarithmic, growing_range},
                                             {Bins::signed_logarithmic, growing_range}};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
