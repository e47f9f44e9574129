#pragma once
/// The lanes of a team as threads of the host.

#include <barrier>

namespace fixture {

/// What the lanes of one emulated team share.
struct Exchange {
    explicit Exchange(int size) : barrier(size) {}
    std::barrier<> barrier;
    double slot[2][32];
};

/// S lanes as S threads that meet at every exchange, as the lanes of a warp do.
template <int S>
struct EmulatedTeam {
    static constexpr int size = S;
    Exchange* shared;
    int lane_rank;
    int* parity;  // of this lane: consecutive exchanges use alternate slots

    [[nodiscard]] int rank() const { return lane_rank; }
    /// A float passes through a double unchanged.
    template <class Real>
    [[nodiscard]] Real exchange(Real x, int distance) const {
        double* slot = shared->slot[*parity ^= 1];
        slot[lane_rank] = static_cast<double>(x);
        shared->barrier.arrive_and_wait();
        return static_cast<Real>(slot[lane_rank ^ distance]);
    }
};

}  // namespace fixture
