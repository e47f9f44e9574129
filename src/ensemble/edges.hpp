#pragma once
/// Grids that are fixed before a run from its config alone: checkpoints and edges of histograms.
/// All logarithmic spacing goes through the strict exp and log of model/math.hpp, so the grids have
/// the same bits on every machine.

#include <cstdint>
#include <vector>

#include "softmaxflow/config.hpp"

namespace softmaxflow {

/// round(last^(i / (points - 1))), i = 0 ... points - 1, without duplicates: increasing integers
/// from 1 to `last`, fewer than `points` where the spacing is below 1. For points >= 2, last >= 1.
std::vector<std::int64_t> log_spaced_integers(std::int64_t last, std::int64_t points);

/// Edges of record.bins bins for every observable of the catalogue: (observable, bins + 1), each
/// row increasing. The outer bins are open and exact extremes are kept apart, so a range that
/// proves too narrow costs resolution only.
std::vector<double> observable_edges(const Config& config);

/// Edges for first passages, which are integers from 0 to `iterations`: 0 and at most 4096
/// log-spaced integers up to iterations + 1; bins of width 1, hence exact, at the lower end.
std::vector<double> passage_edges(std::int64_t iterations);

}  // namespace softmaxflow
