#include "input/design.hpp"

#include <fmt/format.h>

// This object alone includes Eigen: its templates would otherwise be shared with objects that
// vectorise them, and the bits of a design would depend on the linker's choice.
#include <Eigen/SVD>
#include <cmath>

#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

struct Decomposition {
    Eigen::MatrixXd left;   ///< U: (sample, output)
    Vector singular;        ///< S: (output)
    Eigen::MatrixXd right;  ///< R: (dim, output)
};

/// Largest entry of each right vector positive: U and R are unique up to a common sign.
void fix_signs(Decomposition& svd) {
    for (Eigen::Index k = 0; k < svd.singular.size(); ++k) {
        Eigen::Index largest = 0;
        svd.right.col(k).cwiseAbs().maxCoeff(&largest);
        if (svd.right(largest, k) >= 0) continue;
        svd.right.col(k) *= -1;
        svd.left.col(k) *= -1;
    }
}

/// `singular` are in decreasing order; `finite` tells whether the decomposition succeeded.
void check_rank(const Vector& singular, bool finite, const std::string& file) {
    const double largest = singular(0), smallest = singular(singular.size() - 1);
    if (!finite || !std::isfinite(largest)) {
        throw Error(Exit::usage,
                    fmt::format("{}: variable `design`: entries too large to decompose; "
                                "rescale them",
                                file));
    }
    if (!(smallest >= 1e-12 * largest) || largest == 0.0) {
        throw Error(
            Exit::usage,
            fmt::format("{}: variable `design`: expected full rank, found singular values from "
                        "{} down to {}; remove dependent rows or columns",
                        file, largest, smallest));
    }
}

Decomposition decompose(const DesignInput& input, const std::string& file) {
    const Eigen::Map<const Matrix> design(input.design.data(), input.samples, input.dim);
    const Eigen::JacobiSVD<Eigen::MatrixXd> svd(design, Eigen::ComputeThinU | Eigen::ComputeThinV);
    Decomposition parts{svd.matrixU(), svd.singularValues(), svd.matrixV()};
    check_rank(parts.singular, parts.left.allFinite() && parts.right.allFinite(), file);
    fix_signs(parts);
    return parts;
}

/// The factor on y that gives |X^+ y| the norm asked for.
double response_factor(const DesignInput& input, const Vector& rotated, const Decomposition& svd,
                       const std::string& file) {
    if (input.solution_norm <= 0) return 1.0;
    const double norm = Eigen::Map<const Vector>(input.response.data(), input.samples).norm();
    // What is left of a y orthogonal to all columns is rounding.
    if (!(rotated.norm() > 1e-13 * norm)) {
        throw Error(
            Exit::usage,
            fmt::format("{}: variable `response`: orthogonal to every column of the design, so "
                        "objective.solution_norm cannot rescale it; set solution_norm = 0",
                        file));
    }
    return input.solution_norm / rotated.cwiseQuotient(svd.singular).norm();
}

std::vector<double> to_vector(const Vector& x) { return {x.data(), x.data() + x.size()}; }

}  // namespace

ObjectiveData decompose_design(const DesignInput& input, const std::string& file) {
    const Decomposition svd = decompose(input, file);
    ObjectiveData data;
    const Matrix projection = svd.singular.asDiagonal() * svd.right.transpose();
    data.projection.assign(projection.data(), projection.data() + projection.size());
    data.metric = to_vector(svd.singular.cwiseAbs2());
    if (input.response.empty()) return data;

    const Vector response = Eigen::Map<const Vector>(input.response.data(), input.samples);
    const Vector rotated = svd.left.transpose() * response;
    const double factor = response_factor(input, rotated, svd, file);
    data.response = to_vector(factor * rotated);
    // A square X reaches every y; rounding must not leave a floor there.
    if (input.samples > input.dim) {
        data.floor = input.loss_factor * (factor * (response - svd.left * rotated)).squaredNorm();
    }
    return data;
}

void require_full_rank(const std::vector<double>& design, std::int64_t samples, std::int64_t dim,
                       const std::string& file) {
    const Eigen::Map<const Matrix> x(design.data(), samples, dim);
    check_rank(Eigen::JacobiSVD<Eigen::MatrixXd>(x).singularValues(), true, file);
}

}  // namespace softmaxflow
