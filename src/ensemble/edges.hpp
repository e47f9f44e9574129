#pragma once
/// Grids that are fixed before a run from its config alone: checkpoints and edges of histograms.
/// All logarithmic spacing goes through the strict exp and log of model/numerics/math.hpp, so the
/// grids have the same bits on every machine.

#include <cstdint>
#include <vector>

#include "softmaxflow/config.hpp"

namespace softmaxflow {

/// round(first (last / first)^(i / (points - 1))), i = 0 ... points - 1, without duplicates:
/// increasing integers from `first` to `last`, fewer than `points` where the spacing is below 1.
/// For points >= 2, 1 <= first <= last.
std::vector<std::int64_t> log_spaced_integers(std::int64_t first, std::int64_t last,
                                              std::int64_t points);

/// round(last i / (points - 1)), halves upwards, i = 0 ... points - 1, without duplicates. For
/// points >= 2, last >= 1, and both small enough for last + points^2 to fit.
std::vector<std::int64_t> linearly_spaced_integers(std::int64_t last, std::int64_t points);

/// first (last / first)^(i / (points - 1)), i = 0 ... points - 1, both ends exact and increasing:
/// fewer than `points` where neighbours round to the same number. For points >= 2 and
/// 0 < first <= last.
std::vector<double> log_spaced(double first, double last, std::int64_t points);

/// last i / (points - 1), i = 0 ... points - 1, the last one exact. For points >= 2, last > 0.
std::vector<double> linearly_spaced(double last, std::int64_t points);

/// Edges of record.bins bins for every curve of the problem: (curve, bins + 1), each row
/// increasing; the observables of the catalogue, then with record.ranked the probability, logit and
/// value of every rank. The outer bins are open and exact extremes are kept apart, so a range that
/// proves too narrow costs resolution only.
std::vector<double> curve_edges(const Config& config);

/// Edges for first passages, which are integers from `start` to `end`: `start` and at most 4096
/// integers up to end + 1, their distance to `start` log-spaced; bins of width 1, hence exact, at
/// the lower end.
std::vector<double> passage_edges(std::int64_t start, std::int64_t end);

/// Edges for first passages of a flow, by its clock from `start` to `end`: `start` and at most 4096
/// numbers up to `end`, their distance to `start` log-spaced from a billionth of the whole, or from
/// 1e-3 if that is less.
std::vector<double> flow_passage_edges(double start, double end);

}  // namespace softmaxflow
