#pragma once
/// The measuring loop of `bench`.

#include <functional>

#include "throughput/workloads.hpp"

namespace softmaxflow::throughput {

struct Measurement {
    int threads = 1;       ///< of the backend; replicas of a case come in rounds of so many blocks
    int repeats = 5;       ///< samples of every case
    double seconds = 0.5;  ///< of a sample, about
};

/// What hears of a measurement; all may be empty. `between` is called before, between and after the
/// rounds; `begin` once sizes are chosen, with all replica-steps that are to be done; `done` after
/// every sample, with its replica-steps.
struct MeasureCallbacks {
    std::function<void()> between = {};
    std::function<void(double replica_steps)> begin = {};
    std::function<void(std::int64_t replica_steps)> done = {};
};

/// Chooses the size of every case, then samples all cases in turn, again and again, so that
/// whatever else the machine does hits all alike. The samples stand in the cases.
void measure(Workloads& workloads, Backend& backend, const Measurement& measurement,
             const MeasureCallbacks& callbacks);

}  // namespace softmaxflow::throughput
