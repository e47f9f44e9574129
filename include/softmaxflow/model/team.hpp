#pragma once
/// How many lanes share one replica, and how they sum.
///
/// Token i lives on lane i mod size, in slot i / size. A sum over tokens runs over a halving tree
/// of fixed shape: with W the power of two at or above n, leaf i is added to leaf i + W/2, then to
/// i + W/4, and so on. A team of S lanes does the levels at distance >= S inside a lane and the
/// others by exchange, which is the same tree; so every team size gives the same bits. Leaves past
/// n are -0.0, the neutral element of addition.
///
/// A Team offers `size`, `rank()` and `exchange(x, distance)`: x of lane rank() ^ distance.

#include "softmaxflow/model/math.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// One lane for one replica: every pack on the CPU, and the GPU where a replica fits one thread.
struct Solo {
    static constexpr int size = 1;
    SOFTMAXFLOW_HD static constexpr int rank() { return 0; }
    template <class Real>
    SOFTMAXFLOW_HD static Real exchange(Real x, int) {
        return x;
    }
};

/// n items dealt to the lanes of a team. Count > 0: n is known to the compiler; 0: at run time.
template <class Team, int Count>
struct Tokens {
    Team team;
    int run_time_count;

    SOFTMAXFLOW_HD constexpr Tokens(Team t, int n) : team(t), run_time_count(n) {}
    SOFTMAXFLOW_HD constexpr int count() const { return Count > 0 ? Count : run_time_count; }
    SOFTMAXFLOW_HD constexpr int slots() const { return (count() + Team::size - 1) / Team::size; }
    SOFTMAXFLOW_HD constexpr int index(int slot) const { return slot * Team::size + team.rank(); }
    SOFTMAXFLOW_HD constexpr bool valid(int slot) const {
        return Team::size == 1 || index(slot) < count();
    }
    /// The first lane-local distance in slots, W / 2 / size; W is the power of two >= n.
    SOFTMAXFLOW_HD constexpr int half_width() const {
        int width = 1;
        while (width < slots()) width *= 2;
        return width / 2;
    }
};

struct Add {
    static constexpr double neutral = -0.0;
    template <class Real>
    SOFTMAXFLOW_HD Real operator()(Real a, Real b) const {
        return a + b;
    }
};
struct Max {
    static constexpr double neutral = -infinity();
    template <class Real>
    SOFTMAXFLOW_HD Real operator()(Real a, Real b) const {
        return max(a, b);
    }
};
struct Min {
    static constexpr double neutral = infinity();
    template <class Real>
    SOFTMAXFLOW_HD Real operator()(Real a, Real b) const {
        return min(a, b);
    }
};

/// One level of the tree: leaf k takes leaf k + distance.
template <class Op, class Array>
SOFTMAXFLOW_HD void fold(Array& x, int distance, int slots, Op op) {
    for (int k = 0; k < distance && k + distance < slots; ++k) x[k] = op(x[k], x[k + distance]);
}

/// Reduces x[slot] over all tokens; x is used up. Every lane gets the result.
template <class Op, class Team, int Count, class Array>
SOFTMAXFLOW_HD auto reduce(const Tokens<Team, Count>& tokens, Array& x, Op op) {
    using Real = typename Array::Element;
    const int slots = tokens.slots();
    for (int k = 0; k < slots; ++k)
        if (!tokens.valid(k)) x[k] = Real(Op::neutral);
    if constexpr (Count > 0) {
        SOFTMAXFLOW_UNROLL(6)
        for (int distance = tokens.half_width(); distance > 0; distance /= 2)
            fold(x, distance, slots, op);
    } else {
        for (int distance = tokens.half_width(); distance > 0; distance /= 2)
            fold(x, distance, slots, op);
    }
    Real result = x[0];
    for (int distance = Team::size / 2; distance > 0; distance /= 2)
        result = op(result, tokens.team.exchange(result, distance));
    return result;
}

template <class Team, int Count, class Array>
SOFTMAXFLOW_HD auto sum(const Tokens<Team, Count>& tokens, Array& x) {
    return reduce(tokens, x, Add{});
}
/// Largest and smallest; adding zero makes the sign of a zero independent of the order.
template <class Team, int Count, class Array>
SOFTMAXFLOW_HD auto largest(const Tokens<Team, Count>& tokens, Array& x) {
    return reduce(tokens, x, Max{}) + typename Array::Element(0.0);
}
template <class Team, int Count, class Array>
SOFTMAXFLOW_HD auto smallest(const Tokens<Team, Count>& tokens, Array& x) {
    return reduce(tokens, x, Min{}) + typename Array::Element(0.0);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
