#pragma once
/// The start of smallest margin within a bounded domain, looked for by an optimiser (NLopt). What
/// it draws enters no interval.

#include <string>

#include "claims/check.hpp"

namespace softmaxflow::claims {

struct Search {
    const Claim* claim = nullptr;
    std::string domain;  ///< where the starts were looked for
    std::string method;
    std::int64_t evaluations = 0;
    double smallest_margin = 0.0, clock = 0.0;
    double learning_rate = 0.0;  ///< descent: where the smallest was found
    RestartData start;           ///< of the smallest margin
    bool apparent = false;       ///< below the tolerance: then it was replayed
    Replayed replayed;
    Problem problem;  ///< of the best start
};

/// Whether this build has the optimiser.
bool can_search();

/// Starts of `base` are varied as projected values Z in [-size, size], size = 20 value_scale, its
/// first replica giving objective and logits; for descent also the learning rate, 1e-1 ... 1e4 on a
/// logarithmic scale. `evaluations`: how many trajectories. Throws Error(usage) without NLopt, and
/// for a claim that is not monitored.
Search run_search(const Problem& base, Backend& backend, const Claim& claim,
                  const CheckRequest& request, std::int64_t evaluations, const Progress& progress);

}  // namespace softmaxflow::claims
