#pragma once
/// Which token leads, by how much, and the rank of every token.

#include "softmaxflow/model/numerics/philox.hpp"
#include "softmaxflow/model/numerics/team.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The largest entry of x over tokens, its lowest index (n if x has NaN), and the best of the rest.
template <class Real>
struct Leader {
    Real index, value, second;
};

/// `x(slot)` gives the entry; `scratch` is used up.
template <class Team, int N, class Array, class Entry>
SOFTMAXFLOW_COLD auto find_leader(const Tokens<Team, N>& tokens, Array& scratch, Entry x) {
    using Real = typename Array::Element;
    Leader<Real> leader;
    leader.value = largest(tokens, scratch, x);
    leader.index = smallest(tokens, scratch, [&](int k) {
        return select(x(k) == leader.value, Real(tokens.index(k)), Real(tokens.count()));
    });
    leader.second = largest(tokens, scratch, [&](int k) {
        return select(leader.index == Real(tokens.index(k)), Real(-infinity()), x(k));
    });
    return leader;
}

/// x at token `index`, and the largest x among the others.
template <class Team, int N, class Array, class Real, class Entry>
SOFTMAXFLOW_COLD Pair<Real> against_others(const Tokens<Team, N>& tokens, Array& scratch,
                                           Real index, Entry x) {
    const auto is_own = [&](int k) { return index == Real(tokens.index(k)); };
    const Real own =
        sum(tokens, scratch, [&](int k) { return select(is_own(k), x(k), Real(-0.0)); });
    const Real best =
        largest(tokens, scratch, [&](int k) { return select(is_own(k), Real(-infinity()), x(k)); });
    return {own + Real(0.0), best};
}

/// rank[slot] = how many tokens come before that of the slot: those of larger x, and of equal x
/// and lower index. `x` is kept.
template <class Team, int N, class Array>
SOFTMAXFLOW_COLD void rank_tokens(const Tokens<Team, N>& tokens, const Array& x, Array& rank) {
    using Real = typename Array::Element;
    for (int k = 0; k < tokens.slots(); ++k) rank[k] = Real(0.0);
    for (int distance = 0; distance < Team::size; ++distance)
        for (int k = 0; k < tokens.slots(); ++k) {
            const Real other = distance == 0 ? x[k] : tokens.team.exchange(x[k], distance);
            const int index = k * Team::size + (tokens.team.rank() ^ distance);
            if (index >= tokens.count()) continue;
            for (int own = 0; own < tokens.slots(); ++own) {
                const Real before(index < tokens.index(own) ? 1.0 : 0.0);
                const Real tie = select(other == x[own], before, Real(0.0));
                rank[own] = rank[own] + select(other > x[own], Real(1.0), tie);
            }
        }
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
