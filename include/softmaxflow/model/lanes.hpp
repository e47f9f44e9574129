#pragma once
/// Replicas side by side in the lanes of a Real, each on its own course.

#include "softmaxflow/model/course.hpp"
#include "softmaxflow/model/recorder.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The replicas in the lanes of one Real: their objectives, states and courses.
template <class FlowType>
struct Lanes {
    using Flow = FlowType;
    using Real = typename Flow::Real;
    using Team = typename Flow::Team;
    static constexpr int width = width_of<Real>;

    Flow flow;
    Recorder<Real, Team> origin;  // what is known of them since their start
    Field<Flow> field;
    typename Flow::State x;
    Course<Real> course;
    int checkpoint[width], threshold[width];

    SOFTMAXFLOW_HD Lanes(const Parameters& p, const Record& record, Team team, Arena& arena,
                         typename Flow::Map map, typename Flow::Loss loss)
        : flow(arena, team, p.tokens, p.outputs, map, loss),
          origin(p, record, team, arena, any_of<Maps>(map), any_of<Losses>(loss), 0),
          field(flow, p),
          x(arena, flow.slots(), p.outputs) {
        for (int i = 0; i < width; ++i) checkpoint[i] = threshold[i] = 0;
    }
};

/// The largest share.
template <class Flow>
SOFTMAXFLOW_COLD typename Flow::Real top_share(const Flow& flow, typename Flow::Evaluation& e) {
    using Real = typename Flow::Real;
    Real top(0.0);
    visit(flow.map, [&](auto map) SOFTMAXFLOW_INLINE {
        top = map.signed_weights
                  ? largest(flow.tokens, e.token_scratch,
                            [&](int j) SOFTMAXFLOW_INLINE { return e.share(j); })
                  : e.scales.share * largest(flow.tokens, e.token_scratch,
                                             [&](int j)
                                                 SOFTMAXFLOW_INLINE { return e.numerators[j]; });
    });
    return top;
}

/// The token of the largest share, the first on ties.
template <class Flow>
SOFTMAXFLOW_COLD typename Flow::Real largest_token(const Flow& flow, typename Flow::Evaluation& e) {
    using Real = typename Flow::Real;
    const Real most =
        largest(flow.tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE { return e.share(j); });
    return smallest(flow.tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE {
        return select(e.share(j) == most, Real(flow.tokens.index(j)), Real(flow.tokens.count()));
    });
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
