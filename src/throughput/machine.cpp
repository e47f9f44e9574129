#include "throughput/machine.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

namespace softmaxflow::throughput {
namespace {

/// Shortest of several runs, each well below the time slice of a scheduler.
double seconds_per_round(void (*loop)(long long)) {
    using Clock = std::chrono::steady_clock;
    constexpr double enough = 1e-4;  // seconds
    constexpr int runs = 8;
    long long rounds = 64;
    double best = std::numeric_limits<double>::infinity();
    for (int done = 0; done < runs;) {
        const auto begin = Clock::now();
        loop(rounds);
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        best = std::min(best, seconds / static_cast<double>(rounds));
        if (seconds < enough)
            rounds *= 2;
        else
            ++done;
    }
    return best;
}

}  // namespace

Machine::Machine(const std::string& instruction_set, bool single, int threads)
    : loops_(cpu::peak_loops(instruction_set, single)), best_(threads) {
    for (Times& times : best_) {
        times.alone.fill(std::numeric_limits<double>::infinity());
        times.beside.fill(std::numeric_limits<double>::infinity());
    }
}

void Machine::sample(Times& best) const {
    for (std::size_t u = 0; u < cpu::unit_count; ++u) {
        best.alone[u] = std::min(best.alone[u], seconds_per_round(loops_.alone[u]));
        if (loops_.beside[u] != nullptr)
            best.beside[u] = std::min(best.beside[u], seconds_per_round(loops_.beside[u]));
    }
}

void Machine::sample() {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < best_.size(); ++i)
        helpers.emplace_back([this, i] { sample(best_[i]); });
    sample(best_[0]);
}

Costs Machine::costs() const {
    Costs costs{loops_.vector, loops_.registers, {}};
    for (std::size_t u = 0; u < cpu::unit_count; ++u) {
        UnitCost& cost = costs.unit[u];
        double beside = 0.0;
        for (const Times& times : best_) {
            const double fma = times.alone[0] / loops_.alone_count;
            cost.alone += times.alone[u] / loops_.alone_count;
            beside += (times.beside[u] - loops_.beside_fma * fma) / loops_.beside_count;
        }
        const auto threads = static_cast<double>(best_.size());
        cost.alone /= threads;
        // What an operation delays others by is at most what it takes where it is alone.
        cost.beside = loops_.beside[u] == nullptr ? cost.alone
                                                  : std::clamp(beside / threads, 0.0, cost.alone);
    }
    return costs;
}

}  // namespace softmaxflow::throughput
