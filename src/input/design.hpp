#pragma once
/// A regression design in the basis where K = W W^T is diagonal (the singular basis).

#include <cstdint>
#include <string>
#include <vector>

#include "softmaxflow/problem.hpp"

namespace softmaxflow {

struct DesignInput {
    std::vector<double> design;    ///< X: (sample, dim), row-major
    std::vector<double> response;  ///< y: (sample); empty: drawn later, only X is decomposed
    std::int64_t samples = 0;
    std::int64_t dim = 0;
    double loss_factor = 0.5;    ///< c
    double solution_norm = 0.0;  ///< > 0: y is rescaled so that |X^+ y| equals it
};

/// X = U S R^T with m = min(samples, dim) singular values, largest first; the largest entry of each
/// right singular vector is positive. Returns projection W = S R^T (m x dim) = U^T X, metric S^2,
/// response U^T y and floor c |y - U U^T y|^2.
/// Throws Error(usage), naming `file`, if X does not have full rank (S_min < 1e-12 S_max) or if y
/// has no part in its column space to rescale.
ObjectiveData decompose_design(const DesignInput& input, const std::string& file);

/// Throws the same error unless design (samples x dim, row-major) has full rank; for users of X as
/// it is, without its singular basis.
void require_full_rank(const std::vector<double>& design, std::int64_t samples, std::int64_t dim,
                       const std::string& file);

}  // namespace softmaxflow
