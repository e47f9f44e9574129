#pragma once
/// Checks of what an objective is made of, wherever it is read.

#include <cstdint>
#include <string>
#include <vector>

#include "input/netcdf_input.hpp"
#include "softmaxflow/model/dynamics/traits.hpp"

namespace softmaxflow {

/// Labels (variable `response`): exactly +1 or -1.
void check_labels(const NetcdfInput& file, const std::vector<double>& labels);
/// One distribution over classes (variable `distribution`): not negative, with sum 1.
void check_distribution(const NetcdfInput& file, const std::vector<double>& p);

/// K = W W^T of one replica (variable `metric`), row-major: with positive diagonal and symmetric;
/// diagonal in the basis that losses are written in whose metric is not dense.
void check_metric(const NetcdfInput& file, const std::vector<double>& metric, std::int64_t outputs,
                  const model::LossTraits& loss);

}  // namespace softmaxflow
