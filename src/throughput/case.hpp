#pragma once
/// One thing to time: a problem of a chosen size on a backend, without files.

#include <string>
#include <vector>

#include "softmaxflow/backend.hpp"

namespace softmaxflow::throughput {

/// What a case is for decides how its size is chosen.
enum class CaseKind {
    throughput,  ///< replica-steps per second: iterations, then replicas as time allows
    statistics,  ///< the same, and blocks are merged into the statistics of an ensemble
    config,      ///< as throughput, with no more replicas than the config has
    flow,        ///< whole flows: replicas alone as time allows, and no iterations
};

struct Case {
    std::string name;   ///< "P1-8"
    std::string title;  ///< "logistic, n = 8"
    Problem problem;
    CaseKind kind = CaseKind::throughput;
    std::int64_t replicas = 0, iterations = 0;  ///< of one sample; flow: one iteration
    std::int64_t failed = 0;                    ///< replicas, in the last sample
    std::vector<double> seconds = {};           ///< (repeat)

    /// Steps of a flow's lanes, and of them those of a replica, in the last sample.
    std::int64_t issued_steps = 0, useful_steps = 0;

    /// Of the processors, all threads together: less than seconds times threads where others ran.
    double cpu_seconds = 0.0;

    [[nodiscard]] double replica_steps() const {
        return static_cast<double>(replicas) * static_cast<double>(iterations);
    }
    /// Threads that have a block to work on.
    [[nodiscard]] int busy_threads(int threads) const;
};

/// Chooses replicas and iterations so that a sample takes about `seconds`, after a few short runs.
void choose_size(Case& c, Backend& backend, int threads, double seconds);
/// Sets them to given numbers.
void set_size(Case& c, std::int64_t replicas, std::int64_t iterations);
/// Runs it once.
void sample(Case& c, Backend& backend);

/// Middle of a sorted copy.
double median(std::vector<double> values);

}  // namespace softmaxflow::throughput
