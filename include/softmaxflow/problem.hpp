#pragma once
/// One cell of a run, ready to compute: the config with its choices resolved, its files read into
/// memory, its random key, its checkpoints and its histogram edges. A backend needs nothing else.

#include <cstdint>
#include <string>
#include <vector>

#include "softmaxflow/column_arrays.hpp"
#include "softmaxflow/config.hpp"

namespace softmaxflow {

/// Starts read from `init.file`. Arrays are row-major; an empty array was absent from the file.
struct StartData {
    std::int64_t replicas = 0;
    std::vector<double> values;  ///< V(0): (replica, dim, token)
    std::vector<double> logits;  ///< a(0): (replica, token)
    std::vector<double> target;  ///< (replica, dim): logistic, exponential, square
};

/// States read from a states.nc, to go on from. Replicas are numbered as in the file, from 0.
struct RestartData {
    std::int64_t replicas = 0;
    double checkpoint = 0.0;  ///< iteration, or value of the clock, at which they were recorded
    /// By state column: (replica, extents). What the method remembers may be absent: it then starts
    /// from rest.
    ColumnArrays columns;
};

/// The objective read from `objective.file`, regression already in the basis where K is diagonal.
struct ObjectiveData {
    std::vector<double> projection;  ///< regression: W, rotated; classification: X: (output, dim)
    std::vector<double> metric;      ///< regression: diagonal of K = W W^T: (output)
    std::vector<double>
        response;        ///< rotated y, or labels +-1, (output); empty if only X was given
    double floor = 0.0;  ///< regression: c |part of y outside the column space|^2
    std::vector<double> distribution;  ///< cross_entropy: p, (class)
};

/// Whether the run integrates the flow, by its clock; else it counts iterations of descent.
inline bool is_flow(const Config& config) { return config.dynamics.method == flow_method; }
inline bool has_arc_clock(const Config& config) {
    return is_flow(config) && config.dynamics.clock == "arc";
}
/// Where a run ends: iterations, or the horizon of the flow.
inline double end_of_run(const Config& config) {
    return is_flow(config) ? config.dynamics.horizon
                           : static_cast<double>(config.dynamics.iterations);
}

/// What a run is to watch for claims about trajectories (model/claims/monitor.hpp).
struct MonitorPlan {
    std::uint64_t claims = 0;  ///< bit i: claim i of model/claims/claim_list.hpp
    bool sorted = false;       ///< number tokens by their projected values at the start
    int mutant = 0;            ///< wrong dynamics, to test the claims: a model::Mutant; 0: none
};

struct Problem {
    Config config;
    StartData starts;
    RestartData restart;
    ObjectiveData objective;
    MonitorPlan monitor;
    std::int64_t outputs = 1;         ///< m
    std::uint64_t random_key = 0;     ///< key of the draws: mix(seed, cell key)
    std::vector<double> checkpoints;  ///< iterations, or values of the clock: increasing; first 0
                                      ///< or that of the restart, last = iterations or horizon
    /// (curve, bins + 1): ends of the bins; the outer two are open.
    std::vector<double> edges;

    /// Curves with statistics: the observables of the catalogue, then with record.ranked
    /// (probability, logit, value) x rank.
    [[nodiscard]] std::int64_t curves() const {
        return static_cast<std::int64_t>(edges.size()) / (config.record.bins + 1);
    }
};

}  // namespace softmaxflow
