#pragma once
/// Cholesky factor of a small matrix, in a fixed order of operations: the same bits everywhere.

#include "softmaxflow/model/numerics/arena.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The lower triangle of a symmetric matrix (m x m) becomes its Cholesky factor.
template <class Matrix>
SOFTMAXFLOW_COLD void cholesky(Matrix& a, int m) {
    using Real = typename Matrix::Element;
    for (int j = 0; j < m; ++j) {
        for (int l = 0; l < j; ++l)
            for (int k = j; k < m; ++k)
                a[k * m + j] = fma(-a[k * m + l], a[j * m + l], a[k * m + j]);
        const Real pivot = sqrt(a[j * m + j]);
        for (int k = j; k < m; ++k) a[k * m + j] = a[k * m + j] / pivot;
    }
}

/// x <- L^-1 x by forward substitution; entry(k) is a reference to x_k.
template <class Matrix, class Entry>
SOFTMAXFLOW_HD void solve_lower(const Matrix& factor, int m, Entry entry) {
    for (int k = 0; k < m; ++k) {
        for (int l = 0; l < k; ++l) entry(k) = fma(-factor[k * m + l], entry(l), entry(k));
        entry(k) = entry(k) / factor[k * m + k];
    }
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
