#pragma once
/// What the host must know of the maps, losses and methods of the catalogue, as plain tables in the
/// order of its lists. A row repeats what a struct says of itself; nothing here names one.

#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct MapTraits {
    const char* name;
    bool signed_weights, exponential, fast_numerics;
    StartLogits start_logits;
    const char* why_no_flow;

    template <class Map>
    static constexpr MapTraits of() {
        return {Map::name,          Map::signed_weights, Map::exponential,
                Map::fast_numerics, Map::start_logits,   Map::why_no_flow};
    }
};

struct LossTraits {
    const char* name;
    ObjectiveKind kind;
    ObjectiveTraits objective;  // what follows from the kind
    LossConstant constant;
    const char* constant_key;  // the config key that it is, if it is one
    bool finite_arc;
    ResidualWork residual_work;

    template <class Loss>
    static constexpr LossTraits of() {
        constexpr ObjectiveTraits objective = objective_traits[static_cast<int>(Loss::kind)];
        static_assert((Loss::outputs == 1) == (objective.outputs == OutputRule::one));
        return {Loss::name,
                Loss::kind,
                objective,
                Loss::constant,
                constant_keys[static_cast<int>(Loss::constant)],
                Loss::finite_arc,
                Loss::residual_work};
    }
    constexpr bool has_samples() const {
        return objective.outputs == OutputRule::samples ||
               objective.outputs == OutputRule::samples_or_dim;
    }
};

struct MethodTraits {
    const char* name;
    int memories;
    MemoryText memory[most_memories];
    bool entrywise, gradient, fast_numerics;
    const char* keys[4];

    template <class Method>
    static constexpr MethodTraits of() {
        MethodTraits row = {Method::name,     Method::memories,      {}, Method::entrywise,
                            Method::gradient, Method::fast_numerics, {}};
        for (int i = 0; i < most_memories; ++i) row.memory[i] = Method::memory_texts[i];
        for (int i = 0; i < 4; ++i) row.keys[i] = Method::keys[i];
        return row;
    }
};

inline constexpr const auto& map_table = Maps::rows<MapTraits>;
inline constexpr const auto& loss_table = Losses::rows<LossTraits>;
inline constexpr const auto& method_table = Methods::rows<MethodTraits>;

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
