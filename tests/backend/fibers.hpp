#pragma once
/// The lanes of a team as fibers of one thread that take turns: at an exchange a lane writes its
/// number and hands over to the next; when its turn comes again, all have written.

#include <ucontext.h>

#include <cstddef>
#include <memory>

namespace emulated {

template <int S>
class Fibers {
public:
    struct Team {
        static constexpr int size = S;
        Fibers* fibers;
        int lane;
        int* parity;  // of this lane: consecutive exchanges use alternate slots

        [[nodiscard]] int rank() const { return lane; }
        /// A float passes through a double unchanged.
        template <class Real>
        [[nodiscard]] Real exchange(Real x, int distance) const {
            double* slot = fibers->slot_[*parity ^= 1];
            slot[lane] = static_cast<double>(x);
            fibers->hand_over(lane);
            return static_cast<Real>(slot[lane ^ distance]);
        }
    };

    /// Runs body(team) on every lane. All lanes must exchange equally often.
    template <class Body>
    void run(const Body& body) {
        body_ = &body;
        call_ = [](const void* any, const Team& team) { (*static_cast<const Body*>(any))(team); };
        current() = this;
        for (int lane = 0; lane < S; ++lane) {
            Lane& l = lanes_[lane];
            l.done = false;
            l.parity = 0;
            getcontext(&l.context);
            l.context.uc_stack.ss_sp = l.stack.get();
            l.context.uc_stack.ss_size = stack_size;
            l.context.uc_link = nullptr;
            makecontext(&l.context, reinterpret_cast<void (*)()>(enter), 1, lane);
        }
        swapcontext(&caller_, &lanes_[0].context);
    }

private:
    // Not more than needed: the address sanitizer goes over all of it at every change of hands.
    static constexpr std::size_t stack_size = std::size_t{1} << 17;

    struct Lane {
        ucontext_t context;
        std::unique_ptr<char[]> stack = std::make_unique<char[]>(stack_size);
        int parity = 0;
        bool done = false;
    };

    static Fibers*& current() {
        thread_local Fibers* fibers = nullptr;
        return fibers;
    }
    static void enter(int lane) {
        Fibers& f = *current();
        f.call_(f.body_, Team{&f, lane, &f.lanes_[lane].parity});
        f.lanes_[lane].done = true;
        // The last to end goes back to whom it all began with.
        const int next = (lane + 1) % S;
        setcontext(f.lanes_[next].done ? &f.caller_ : &f.lanes_[next].context);
    }
    void hand_over(int lane) {
        swapcontext(&lanes_[lane].context, &lanes_[(lane + 1) % S].context);
    }

    const void* body_ = nullptr;
    void (*call_)(const void*, const Team&) = nullptr;
    double slot_[2][S];
    Lane lanes_[S];
    ucontext_t caller_;
};

}  // namespace emulated
