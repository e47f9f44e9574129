#pragma once
/// One cell of a run, ready to compute: the config with its choices resolved, its files read into
/// memory, its random key, its checkpoints and its histogram edges. A backend needs nothing else.

#include <cstdint>
#include <string>
#include <vector>

#include "softmaxflow/config.hpp"

namespace softmaxflow {

/// Starts read from `init.file`. Arrays are row-major; an empty array was absent from the file.
struct StartData {
    std::int64_t replicas = 0;
    std::vector<double> values;  ///< V(0): (replica, dim, token)
    std::vector<double> logits;  ///< a(0): (replica, token)
    std::vector<double> target;  ///< (replica, dim): logistic, exponential, square
};

/// The objective read from `objective.file`, already in the canonical basis where K is diagonal.
struct ObjectiveData {
    std::vector<double> projection;  ///< regression: W, rotated: (output, dim); empty otherwise
    std::vector<double> metric;      ///< regression: diagonal of K = W W^T: (output)
    std::vector<double> response;    ///< regression: rotated y, (output); empty if only X was given
    double floor = 0.0;              ///< regression: c |part of y outside the column space|^2
    std::vector<double> distribution;  ///< cross_entropy: p, (class)
};

struct Problem {
    Config config;
    StartData starts;
    ObjectiveData objective;
    std::int64_t outputs = 1;               ///< m
    std::uint64_t random_key = 0;           ///< key of the draws: mix(seed, cell key)
    std::vector<std::int64_t> checkpoints;  ///< iterations, increasing, first 0, last = iterations
    std::vector<double>
        edges;  ///< (observable, bins + 1): ends of the bins; the outer two are open
};

}  // namespace softmaxflow
