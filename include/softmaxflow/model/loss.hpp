#pragma once
/// Objectives l(beta) = g(z) of m projected outputs z = W beta: value g and residual q = -grad g.
///
/// A loss offers
///   outputs                           m if it is fixed, 0 if it depends on the problem
///   kind                              what its data are drawn from (draw.hpp)
///   value(objective, items, z)        g(z); `items` runs over the outputs
///   residual(objective, items, z, q, scratch)
/// `response` holds y (regression), p (cross_entropy) or B (square).

#include "softmaxflow/model/map.hpp"
#include "softmaxflow/model/storage.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// What W, and with it K = W W^T, is made of.
enum class ObjectiveKind {
    direction,       ///< one direction: W = target^T, K = |target|^2
    unit_direction,  ///< the same, normalised: K = 1
    design,          ///< W = X in its singular basis, K = S^2
    classes,         ///< W = I, K = I
};

/// The data of one replica's objective in the basis where K is diagonal.
template <class Real, int M>
struct Objective {
    Storage<Real, M> metric;    // diagonal of K = W W^T
    Storage<Real, M> response;  // y, p or B
    Real floor;                 // loss that no beta can remove
    double constant;            // c of regression

    SOFTMAXFLOW_HD Objective(Arena& arena, int m)
        : metric(arena, m), response(arena, m), floor(0.0), constant(1.0) {}
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
        Softmax::weights(items, z, q, scratch);
        for (int k = 0; k < items.slots(); ++k) q[k] = o.response[k] - q[k];
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
