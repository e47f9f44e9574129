#pragma once
/// Checks of what an objective is made of, wherever it is read.

#include <cstdint>
#include <string>
#include <vector>

#include "input/netcdf_input.hpp"
#include "softmaxflow/config.hpp"

namespace softmaxflow {

/// A loss of one output, whose W is the transpose of a target.
inline bool has_target(const Config& config) {
    const std::string& loss = config.objective.loss;
    return loss == "logistic" || loss == "exponential" || loss == "square";
}

/// Labels of classification (variable `response`): exactly +1 or -1.
void check_labels(const NetcdfInput& file, const std::vector<double>& labels);
/// One distribution over classes (variable `distribution`): not negative, with sum 1.
void check_distribution(const NetcdfInput& file, const std::vector<double>& p);

/// K = W W^T of one replica (variable `metric`), row-major: with positive diagonal and symmetric;
/// diagonal in the basis that all losses but classification are written in.
void check_metric(const NetcdfInput& file, const std::vector<double>& metric, std::int64_t outputs,
                  const std::string& loss);

}  // namespace softmaxflow
