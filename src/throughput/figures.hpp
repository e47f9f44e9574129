#pragma once
/// The figures of a benchmark, from its samples.

#include <optional>

#include "throughput/limit.hpp"
#include "throughput/workloads.hpp"

namespace softmaxflow::throughput {

struct Throughput {
    double median = 0.0, best = 0.0;       ///< replica-steps per second
    double spread = 0.0;                   ///< of the times: (longest - shortest) / median
    double core_seconds = 0.0;             ///< per replica-step and core, of the median
    std::optional<Counts> counts;          ///< empty: this kind of step is not counted
    Limit limit;                           ///< where it is counted
    double share = 0.0, best_share = 0.0;  ///< of the limit, where it is counted
};
Throughput throughput_of(const Case& c, int threads, const Costs& costs);

/// A ratio of two cases that took turns: median, smallest and largest over the repeats.
struct Ratio {
    double median = 0.0, low = 0.0, high = 0.0;
};
/// What the statistics of all checkpoints add to the time of two, as a share.
Ratio statistics_cost(const Case& all, const Case& two);

/// The share of the processors' time that this program got while it measured; 1 on a machine that
/// does nothing else.
double share_of_processors(const Workloads& workloads, int threads);

struct DimFigures {
    double core_seconds = 0.0;   ///< per replica-step and core: the slope over iterations
    double start_seconds = 0.0;  ///< per replica and core: what is left at 0 iterations
    Ratio relative;              ///< slope, relative to the first dim
};
DimFigures dim_figures(const DimCase& d, const DimCase& first, int threads);

}  // namespace softmaxflow::throughput
