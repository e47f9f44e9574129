#pragma once
/// Exact (Clopper-Pearson) bounds for the probability behind k successes in n trials.

#include <cstdint>

#include "softmaxflow/result.hpp"

namespace softmaxflow {

/// Share k / n with two-sided bounds that cover the true probability with at least `level`.
/// k = 0 gives [0, 1 - (alpha/2)^(1/n)] with alpha = 1 - level, k = n its mirror image; all three
/// numbers are NaN for n = 0. Throws Error(internal) unless 0 <= k <= n and 0 < level < 1.
Proportion clopper_pearson(std::int64_t k, std::int64_t n, double level = 0.95);

/// One-sided upper bound: the probability is below it with confidence at least `level`; 1 for
/// k = n, NaN for n = 0.
double clopper_pearson_upper(std::int64_t k, std::int64_t n, double level = 0.95);

}  // namespace softmaxflow
