#pragma once
/// Objectives l(beta) = g(z) of m projected outputs z = W beta: value g and residual q = -grad g.
///
/// A loss offers
///   outputs                           m if it is fixed, 0 if it depends on the problem
///   kind                              what its data are drawn from (draw.hpp)
///   value(objective, items, z)        g(z); `items` runs over the outputs
///   residual(objective, items, z, q, scratch)
/// `response` holds y (regression), p (cross_entropy), labels (classification) or B (square).

#include "softmaxflow/model/map.hpp"
#include "softmaxflow/model/storage.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// What W, and with it K = W W^T, is made of.
enum class ObjectiveKind {
    direction,       ///< one direction: W = target^T, K = |target|^2
    unit_direction,  ///< the same, normalised: K = 1
    design,          ///< W = X in its singular basis, K = S^2
    classes,         ///< W = I, K = I
    samples,         ///< W = X, K = X X^T, the only K that is not diagonal
};

/// The data of one replica's objective.
template <class Real, int M>
struct Objective {
    bool dense;  // K is a matrix, else diagonal
    bool has_factor;
    Storage<Real, M> metric;    // diagonal of K = W W^T
    Storage<Real, M> response;  // y, p, labels or B
    Storage<Real, 0> matrix;    // dense: K (m x m); with a factor alone, room for it
    Storage<Real, 0> factor;    // L (m x m), on and below the diagonal; dense: L L^T = K
    Real floor;                 // loss that no beta can remove
    double constant;            // c of regression

    SOFTMAXFLOW_HD Objective(Arena& arena, int m, bool is_dense, bool needs_factor)
        : dense(is_dense),
          has_factor(needs_factor),
          metric(arena, m),
          response(arena, m),
          matrix(arena, is_dense || needs_factor ? m * m : 0),
          factor(arena, needs_factor ? m * m : 0),
          floor(0.0),
          constant(1.0) {}

    /// Takes over the data of the same objective in other storage.
    template <class Other>
    SOFTMAXFLOW_HD void copy(const Other& other, int m) {
        for (int k = 0; k < m; ++k) {
            metric[k] = other.metric[k];
            response[k] = other.response[k];
        }
        for (int k = 0; dense && k < m * m; ++k) matrix[k] = other.matrix[k];
        floor = other.floor;
        constant = other.constant;
    }

    /// (K x)_k
    template <class Array>
    SOFTMAXFLOW_HD Real metric_times(const Array& x, int k, int m) const {
        if (!dense) return metric[k] * x[k];
        Real total = matrix[k * m] * x[0];
        for (int l = 1; l < m; ++l) total = fma(matrix[k * m + l], x[l], total);
        return total;
    }
};

struct Logistic {
    static constexpr const char* name = "logistic";
    static constexpr ObjectiveKind kind = ObjectiveKind::direction;
    static constexpr int outputs = 1;

    /// log(1 + e^-z)
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto value(const Objective&, const Outputs&, const Array& z) {
        return softplus(-z[0]);
    }
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static void residual(const Objective&, const Outputs&, const Array& z, Array& q,
                                        Array&) {
        q[0] = sigmoid(-z[0]);
    }
};

struct Exponential {
    static constexpr const char* name = "exponential";
    static constexpr ObjectiveKind kind = ObjectiveKind::direction;
    static constexpr int outputs = 1;

    /// e^-z
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto value(const Objective&, const Outputs&, const Array& z) {
        return exp_call(-z[0]);
    }
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static void residual(const Objective&, const Outputs&, const Array& z, Array& q,
                                        Array&) {
        q[0] = exp(-z[0]);
    }
};

struct Square {
    static constexpr const char* name = "square";
    static constexpr ObjectiveKind kind = ObjectiveKind::unit_direction;
    static constexpr int outputs = 1;

    /// (B - z)^2 / 2
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto value(const Objective& o, const Outputs&, const Array& z) {
        using Real = typename Array::Element;
        const Real gap = o.response[0] - z[0];
        return Real(0.5) * gap * gap;
    }
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static void residual(const Objective& o, const Outputs&, const Array& z,
                                        Array& q, Array&) {
        q[0] = o.response[0] - z[0];
    }
};

struct Regression {
    static constexpr const char* name = "regression";
    static constexpr ObjectiveKind kind = ObjectiveKind::design;
    static constexpr int outputs = 0;

    /// c |y - z|^2 + floor
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto value(const Objective& o, const Outputs& items, const Array& z) {
        using Real = typename Array::Element;
        Real total(0.0);
        for (int k = 0; k < items.slots(); ++k) {
            const Real gap = o.response[k] - z[k];
            total = fma(gap, gap, total);
        }
        return fma(Real(o.constant), total, o.floor);
    }
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static void residual(const Objective& o, const Outputs& items, const Array& z,
                                        Array& q, Array&) {
        using Real = typename Array::Element;
        for (int k = 0; k < items.slots(); ++k)
            q[k] = Real(2.0 * o.constant) * (o.response[k] - z[k]);
    }
};

struct CrossEntropy {
    static constexpr const char* name = "cross_entropy";
    static constexpr ObjectiveKind kind = ObjectiveKind::classes;
    static constexpr int outputs = 0;

    /// -sum_k p_k log softmax(z)_k = sum_k p_k (logsumexp(z) - z_k)
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto value(const Objective& o, const Outputs& items, const Array& z) {
        using Real = typename Array::Element;
        Real top = z[0];
        for (int k = 1; k < items.slots(); ++k) top = max(top, z[k]);
        Real total(0.0), mean(0.0), mass(0.0);
        for (int k = 0; k < items.slots(); ++k) {
            total = total + exp_call(z[k] - top);
            mean = fma(o.response[k], top - z[k], mean);
            mass = mass + o.response[k];
        }
        return fma(mass, log(total), mean);
    }
    /// p - softmax(z)
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static void residual(const Objective& o, const Outputs& items, const Array& z,
                                        Array& q, Array& scratch) {
        using Real = typename Array::Element;
        const Scales<Real> scales = Softmax::weights(items, z, q, scratch);
        for (int k = 0; k < items.slots(); ++k) q[k] = fma(-q[k], scales.weight, o.response[k]);
    }
};

struct Classification {
    static constexpr const char* name = "classification";
    static constexpr ObjectiveKind kind = ObjectiveKind::samples;
    static constexpr int outputs = 0;

    /// Mean of log(1 + e^(-y z)).
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto value(const Objective& o, const Outputs& items, const Array& z) {
        using Real = typename Array::Element;
        Real total(0.0);
        for (int k = 0; k < items.slots(); ++k) total = total + softplus(-o.response[k] * z[k]);
        return total / Real(items.slots());
    }
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static void residual(const Objective& o, const Outputs& items, const Array& z,
                                        Array& q, Array&) {
        using Real = typename Array::Element;
        const Real share(1.0 / items.slots());
        for (int k = 0; k < items.slots(); ++k)
            q[k] = o.response[k] * share * sigmoid(-o.response[k] * z[k]);
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
