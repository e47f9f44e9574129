#pragma once
/// How many lanes share one replica, and how they sum.
///
/// Token i lives on lane i mod size, in slot i / size. A sum over tokens runs over a halving tree
/// of fixed shape: with W the power of two at or above n, leaf i is added to leaf i + W/2, then to
/// i + W/4, and so on. A team of S lanes does the levels at distance >= S inside a lane and the
/// others by exchange, which is the same tree; so every team size gives the same bits. Leaves past
/// n are -0.0, the neutral element of addition.
///
/// A Team offers `size`, a power of two, `rank()` and `exchange(x, distance)`: x of lane
/// rank() ^ distance.

#include "softmaxflow/model/numerics/math.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

template <class T>
concept HasSize = requires {
    { T::size } -> Same<const int&>;
    requires(T::size > 0 && (T::size & (T::size - 1)) == 0);
};
template <class T>
concept HasRank = requires(const T& team) {
    { team.rank() } -> Same<int>;
};
template <class T>
concept HasExchange = requires(const T& team, double x, int distance) {
    { team.exchange(x, distance) } -> Same<double>;
};
template <class T>
concept Team = HasSize<T> && HasRank<T> && HasExchange<T>;

template <class T>
struct CheckTeam {
    static_assert(HasSize<T>, "a team needs an int `size`, a power of two: see team.hpp");
    static_assert(HasRank<T>, "a team needs rank(): see team.hpp");
    static_assert(HasExchange<T>, "a team needs exchange(x, distance): see team.hpp");
    static constexpr bool kept = Team<T>;
};

/// One lane for one replica: every pack on the CPU, and the GPU where a replica fits one thread.
struct Solo {
    static constexpr int size = 1;
    SOFTMAXFLOW_HD static constexpr int rank() { return 0; }
    template <class Real>
    SOFTMAXFLOW_HD static Real exchange(Real x, int) {
        return x;
    }
};

/// What lane 0 holds, on every lane.
template <class Team, class T>
SOFTMAXFLOW_HD T from_first(const Team& team, T x) {
    for (int distance = Team::size / 2; distance > 0; distance /= 2) {
        const T other = team.exchange(x, distance);
        if ((team.rank() & distance) != 0) x = other;
    }
    return x;
}

/// The levels of a tree with n leaves.
SOFTMAXFLOW_HD constexpr int levels(int n) {
    int count = 0;
    while (1 << count < n) ++count;
    return count;
}

/// n items dealt to the lanes of a team. Count > 0: n is known to the compiler; 0: at run time.
template <class Team, int Count>
struct Tokens {
    static_assert(CheckTeam<Team>::kept);
    static constexpr int known = Count;
    Team team;
    int run_time_count;

    SOFTMAXFLOW_HD constexpr Tokens(Team t, int n) : team(t), run_time_count(n) {}
    SOFTMAXFLOW_HD constexpr int count() const { return Count > 0 ? Count : run_time_count; }
    SOFTMAXFLOW_HD constexpr int slots() const { return (count() + Team::size - 1) / Team::size; }
    SOFTMAXFLOW_HD constexpr int index(int slot) const { return slot * Team::size + team.rank(); }
    SOFTMAXFLOW_HD constexpr bool valid(int slot) const {
        return Team::size == 1 || index(slot) < count();
    }
};

/// The slot in which lanes of another team keep the token of slot j; Solo keeps them all.
template <class Team, int N, class OtherTeam, int M>
SOFTMAXFLOW_HD constexpr int slot_of(const Tokens<Team, N>& own, int j,
                                     const Tokens<OtherTeam, M>&) {
    static_assert(OtherTeam::size == Team::size || OtherTeam::size == 1);
    return OtherTeam::size == Team::size ? j : own.index(j);
}

template <int N>
struct Constant {
    static constexpr int value = N;
};

/// Calls block(first, Constant<4>) for four slots at a time and block(slot, Constant<1>) for the
/// rest: loops of constant length inside unroll, and independent sums over outputs overlap.
template <int Slots, class Block>
SOFTMAXFLOW_HD void in_blocks(int slots, Block block) {
    const int whole = slots - slots % 4;
    SOFTMAXFLOW_UNROLL_FIXED(Slots / 4)
    for (int first = 0; first < whole; first += 4) block(first, Constant<4>{});
    SOFTMAXFLOW_UNROLL_FIXED(Slots % 4)
    for (int slot = whole; slot < slots; ++slot) block(slot, Constant<1>{});
}

/// `symmetric`: op(a, b) has the bits of op(b, a), NaN or not.
struct Add {
    static constexpr double neutral = -0.0;
    static constexpr bool symmetric = true;
    template <class Real>
    SOFTMAXFLOW_HD Real operator()(Real a, Real b) const {
        return a + b;
    }
};
struct Max {
    static constexpr double neutral = -infinity();
    static constexpr bool symmetric = false;
    template <class Real>
    SOFTMAXFLOW_HD Real operator()(Real a, Real b) const {
        return max(a, b);
    }
};
struct Min {
    static constexpr double neutral = infinity();
    static constexpr bool symmetric = false;
    template <class Real>
    SOFTMAXFLOW_HD Real operator()(Real a, Real b) const {
        return min(a, b);
    }
};

/// A piece of the tree inside a lane: leaves slot, slot + d, slot + 2 d, ... of the next Levels
/// levels, held in registers. Missing leaves count as neutral.
template <int Levels, class Op, class Entry>
SOFTMAXFLOW_HD auto subtree(int slot, int distance, int slots, Op op, Entry entry) {
    if constexpr (Levels == 0) {
        return entry(slot);
    } else {
        const auto left = subtree<Levels - 1>(slot, 2 * distance, slots, op, entry);
        if (slot + distance >= slots) return left;  // NOLINT(performance-no-automatic-move)
        return op(left, subtree<Levels - 1>(slot + distance, 2 * distance, slots, op, entry));
    }
}

/// The levels of the tree inside a lane for a number of slots known at run time only: the first
/// three in registers, the others in scratch, which is used up.
template <class Op, class Array, class Entry>
SOFTMAXFLOW_HD auto reduce_slots(int slots, Array& scratch, Op op, Entry entry) {
    int distance = 1;
    while (8 * distance < slots) distance *= 2;
    for (int k = 0; k < distance; ++k) scratch[k] = subtree<3>(k, distance, slots, op, entry);
    for (distance /= 2; distance > 0; distance /= 2)
        for (int k = 0; k < distance; ++k) scratch[k] = op(scratch[k], scratch[k + distance]);
    return scratch[0];
}

/// Reduces entry(slot) over all tokens. Every lane gets the result. `scratch` is used up where the
/// number of tokens is not known to the compiler.
template <class Op, class Team, int Count, class Array, class Entry>
SOFTMAXFLOW_HD auto reduce(const Tokens<Team, Count>& tokens, Array& scratch, Op op, Entry entry) {
    using Real = typename Array::Element;
    const auto leaf = [&](int k) SOFTMAXFLOW_INLINE -> Real {
        return tokens.valid(k) ? entry(k) : Real(Op::neutral);
    };
    Real result;
    if constexpr (Count > 0) {
        constexpr int slots = (Count + Team::size - 1) / Team::size;
        if constexpr (slots <= 16)
            result = subtree<levels(slots)>(0, 1, slots, op, leaf);
        else
            result = reduce_slots(slots, scratch, op, leaf);
    } else {
        result = reduce_slots(tokens.slots(), scratch, op, leaf);
    }
    for (int distance = Team::size / 2; distance > 0; distance /= 2) {
        const Real other = tokens.team.exchange(result, distance);
        // All lanes must get one result, or they would go different ways.
        if (Op::symmetric || (tokens.team.rank() & distance) == 0)
            result = op(result, other);
        else
            result = op(other, result);
    }
    return result;
}

template <class Team, int Count, class Array, class Entry>
SOFTMAXFLOW_HD auto sum(const Tokens<Team, Count>& tokens, Array& scratch, Entry entry) {
    return reduce(tokens, scratch, Add{}, entry);
}
/// Largest and smallest; adding zero makes the sign of a zero independent of the order.
template <class Team, int Count, class Array, class Entry>
SOFTMAXFLOW_HD auto largest(const Tokens<Team, Count>& tokens, Array& scratch, Entry entry) {
    return reduce(tokens, scratch, Max{}, entry) + typename Array::Element(0.0);
}
template <class Team, int Count, class Array, class Entry>
SOFTMAXFLOW_HD auto smallest(const Tokens<Team, Count>& tokens, Array& scratch, Entry entry) {
    return reduce(tokens, scratch, Min{}, entry) + typename Array::Element(0.0);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
