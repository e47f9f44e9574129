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
    /// The lane whose turn it is: an empty object, as teams of a device are, so that what holds one
    /// is laid out as there.
    struct Team {
        static constexpr int size = S;

        [[nodiscard]] static int rank() { return current()->turn_; }
        /// Floats and the integers of a run pass through a double unchanged.
        template <class Real>
        [[nodiscard]] static Real exchange(Real x, int distance) {
            Fibers& f = *current();
            const int lane = f.turn_;
            // Consecutive exchanges use alternate slots.
            double* slot = f.slot_[f.lanes_[lane].parity ^= 1];
            slot[lane] = static_cast<double>(x);
            f.hand_over(lane);
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
        turn_ = 0;
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
        f.call_(f.body_, Team{});
        f.lanes_[lane].done = true;
        // The last to end goes back to whom it all began with.
        const int next = (lane + 1) % S;
        f.turn_ = next;
        setcontext(f.lanes_[next].done ? &f.caller_ : &f.lanes_[next].context);
    }
    void hand_over(int lane) {
        turn_ = (lane + 1) % S;
        swapcontext(&lanes_[lane].context, &lanes_[turn_].context);
    }

    const void* body_ = nullptr;
    void (*call_)(const void*, const Team&) = nullptr;
    double slot_[2][S];
    int turn_ = 0;
    Lane lanes_[S];
    ucontext_t caller_;
};

}  // namespace emulated
