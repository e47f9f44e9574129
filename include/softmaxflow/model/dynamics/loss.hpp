#pragma once
/// Objectives l(beta) = g(z) of m projected outputs z = W beta: value g and residual q = -grad g.
///
/// A loss offers
///   outputs                           m if it is fixed, 0 if it depends on the problem
///   kind                              what its data are drawn from (initial_state.hpp)
///   value(objective, items, z)        g(z); `items` runs over the outputs
///   residual(objective, items, z, q, scratch)
///   finite_arc                        whether the flow reaches q = 0 within a finite integral of
///                                     |q|
/// and, for the flow (vector_field.hpp),
///   unit_residual(objective, items, z, u, scratch)    u = q / |q|, also where q underflows;
///                                                     returns |q|
///   curvature(objective, items, z, r, speed, g)       for q = speed r: the Hessian G of g is
///                                                     speed diag(g), or, for a loss with
///                                                     `simplex`, G x = speed g (x - speed <g, x>)
/// and, for the host (traits.hpp),
///   constant                          which number `constant` of the objective is
///   residual_work                     operations that residual() takes per output
/// What else the host must know follows from the kind: see objective_traits below.

#include "softmaxflow/model/dynamics/map.hpp"
#include "softmaxflow/model/numerics/arena.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// What W, and with it K = W W^T, is made of.
enum class ObjectiveKind {
    direction,       ///< one direction: W = target^T, K = |target|^2
    unit_direction,  ///< the same, normalised: K = 1
    design,          ///< W = X in its singular basis, K = S^2
    classes,         ///< W = I, K = I
    samples,         ///< W = X, K = X X^T, the only K that is not diagonal
};

/// How many outputs m there are, for d dimensions and N samples: 1, d, N, or the lesser of both.
enum class OutputRule { one, dim, samples, samples_or_dim };

/// What `response` holds: nothing, the radius B, the output of least loss y, labels of +1 and -1,
/// or a distribution over classes p.
enum class ResponseRole { none, radius, optimum, labels, distribution };

/// The response of an objective in states.nc.
struct ResponseText {
    const char *variable, *dimension;  // over states and this dimension
    const char *long_name, *comment;
};

/// What follows from the kind of an objective.
struct ObjectiveTraits {
    OutputRule outputs;
    const char* outputs_key = nullptr;  // the config keys that decide on m, if some do
    ResponseRole response = ResponseRole::none;
    ResponseText text = {};
    bool has_target = false;   // W is the transpose of a direction
    bool dense = false;        // K is not diagonal
    bool has_floor = false;    // some loss remains whatever the output
    const char* keys[6] = {};  // config keys that other kinds may not look at
};
inline constexpr ResponseText optimum_text = {
    "response", "output", "value of the output z at which the loss is least",
    "regression: y in the basis of metric; square: the radius B"};
/// In the order of ObjectiveKind.
inline constexpr ObjectiveTraits objective_traits[] = {
    {.outputs = OutputRule::one, .has_target = true, .keys = {"objective.target", "init.tie_gap"}},
    {.outputs = OutputRule::one,
     .response = ResponseRole::radius,
     .text = optimum_text,
     .has_target = true,
     .keys = {"objective.target", "init.tie_gap"}},
    {.outputs = OutputRule::samples_or_dim,
     .outputs_key = "min(objective.samples, model.dim)",
     .response = ResponseRole::optimum,
     .text = optimum_text,
     .has_floor = true,
     .keys = {"objective.design", "objective.response", "objective.samples",
              "objective.condition_number", "objective.solution_norm", "objective.file"}},
    {.outputs = OutputRule::dim,
     .outputs_key = "model.dim",
     .response = ResponseRole::distribution,
     .text = {"distribution", "class", "target distribution p of the cross-entropy", ""},
     .keys = {"objective.sharpness", "objective.file"}},
    {.outputs = OutputRule::samples,
     .outputs_key = "objective.samples",
     .response = ResponseRole::labels,
     .text = {"response", "output", "labels y of the samples, +1 or -1", ""},
     .dense = true,
     .keys = {"objective.samples", "objective.file"}},
};

/// Which config key `constant` of an objective is: none, objective.radius or
/// objective.loss_factor.
enum class LossConstant { none, radius, factor };
inline constexpr const char* constant_keys[] = {nullptr, "objective.radius",
                                                "objective.loss_factor"};

/// Operations of a residual per output; softmax: one of all outputs. All 0: not counted.
struct ResidualWork {
    int sigmoid, fma, add;
    bool softmax;
};

/// The data of one replica's objective. MayBeDense: whether some loss in question has a dense K.
template <class Real, int M, bool MayBeDense = true>
struct Objective {
    bool dense;  // K is a matrix, else diagonal
    bool has_factor;
    Storage<Real, M> metric;    // diagonal of K = W W^T
    Storage<Real, M> response;  // y, p, labels or B
    Storage<Real, 0> matrix;    // dense: K (m x m); with a factor alone, room for it
    Storage<Real, 0> factor;    // L (m x m), on and below the diagonal; dense: L L^T = K
    Real floor;                 // loss that no beta can remove
    ScalarOf<Real> constant;    // c of regression

    SOFTMAXFLOW_HD Objective(Arena& arena, int m, bool is_dense, bool needs_factor)
        : dense(is_dense),
          has_factor(needs_factor),
          metric(arena, m),
          response(arena, m),
          matrix(arena, is_dense || needs_factor ? m * m : 0),
          factor(arena, needs_factor ? m * m : 0),
          floor(0.0),
          constant(1) {}

    /// Takes over the data of the same objective in other storage or another format.
    template <class Other>
    SOFTMAXFLOW_HD void copy(const Other& other, int m) {
        for (int k = 0; k < m; ++k) {
            metric[k] = convert<Real>(other.metric[k]);
            response[k] = convert<Real>(other.response[k]);
        }
        for (int k = 0; dense && k < m * m; ++k) matrix[k] = convert<Real>(other.matrix[k]);
        floor = convert<Real>(other.floor);
        constant = static_cast<ScalarOf<Real>>(other.constant);
    }

    /// The same data, without taking up memory of its own.
    template <class Other>
    SOFTMAXFLOW_HD void adopt(const Other& other) {
        metric.adopt(other.metric);
        response.adopt(other.response);
        matrix.adopt(other.matrix);
        factor.adopt(other.factor);
        floor = other.floor;
        constant = other.constant;
    }

    /// Lane i takes over the data of lane j of another.
    template <class Other>
    SOFTMAXFLOW_COLD void copy_lane(int i, const Other& other, int j, int m) {
        const auto copy = [&](Real& to, const auto& from) { model::copy_lane(to, i, from, j); };
        for (int k = 0; k < m; ++k) {
            copy(metric[k], other.metric[k]);
            copy(response[k], other.response[k]);
        }
        for (int k = 0; dense && k < m * m; ++k) copy(matrix[k], other.matrix[k]);
        for (int k = 0; dense && has_factor && other.has_factor && k < m * m; ++k)
            copy(factor[k], other.factor[k]);
        copy(floor, other.floor);
        constant = static_cast<ScalarOf<Real>>(other.constant);
    }

    /// (K x)_k
    template <class Array>
    SOFTMAXFLOW_HD Real metric_times(const Array& x, int k, int m) const {
        if (!MayBeDense || !dense) return metric[k] * x[k];
        Real total = matrix[k * m] * x[0];
        SOFTMAXFLOW_UNROLL_FIXED(M)
        for (int l = 1; l < m; ++l) total = fma(matrix[k * m + l], x[l], total);
        return total;
    }
};

/// |q| = norm e^log_scale; only logarithms of it are taken where it is small beyond all numbers.
template <class Real>
struct Magnitude {
    Real norm, log_scale;
};

template <class L>
concept HasLossTraits = requires {
    { L::name } -> Same<const char* const&>;
    { L::kind } -> Same<const ObjectiveKind&>;
    { L::outputs } -> Same<const int&>;
    { L::finite_arc } -> Same<const bool&>;
    { L::simplex } -> Same<const bool&>;
};
/// What functions of a loss are handed, for one replica in f64.
struct LossArguments {
    Objective<double, 0> objective;
    Tokens<Solo, 0> items;
    Storage<double, 0> numbers;
};
template <class L>
concept HasValue = requires(const LossArguments& x) {
    { L::value(x.objective, x.items, x.numbers) } -> Same<double>;
};
template <class L>
concept HasResidual = requires(const LossArguments& x, Storage<double, 0>& q) {
    L::residual(x.objective, x.items, x.numbers, q, q);
};
template <class L>
concept HasUnitResidual = requires(const LossArguments& x, Storage<double, 0>& u) {
    { L::unit_residual(x.objective, x.items, x.numbers, u, u) } -> Same<Magnitude<double>>;
};
template <class L>
concept HasCurvature = requires(const LossArguments& x, double speed, Storage<double, 0>& g) {
    L::curvature(x.objective, x.items, x.numbers, x.numbers, speed, g);
};
template <class L>
concept Loss =
    HasLossTraits<L> && HasValue<L> && HasResidual<L> && HasUnitResidual<L> && HasCurvature<L>;

template <class L>
struct CheckLoss {
    static_assert(HasLossTraits<L>,
                  "a loss needs a name, a kind, the int outputs and the bools finite_arc and "
                  "simplex: see loss.hpp");
    static_assert(HasValue<L>, "a loss needs value(objective, items, z): see loss.hpp");
    static_assert(HasResidual<L>,
                  "a loss needs residual(objective, items, z, q, scratch): see loss.hpp");
    static_assert(HasUnitResidual<L>,
                  "a loss needs unit_residual(objective, items, z, u, scratch): see loss.hpp");
    static_assert(HasCurvature<L>,
                  "a loss needs curvature(objective, items, z, r, speed, g): see loss.hpp");
    static constexpr bool kept = Loss<L>;
};

/// What most losses share.
template <class Loss>
struct BoundedResidual {
    static constexpr bool finite_arc = true, simplex = false;
    static constexpr LossConstant constant = LossConstant::none;

    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto unit_residual(const Objective& o, const Outputs& items,
                                             const Array& z, Array& u, Array& scratch) {
        Loss::residual(o, items, z, u, scratch);
        return normalise(items, u);
    }

    template <class Outputs, class Array>
    SOFTMAXFLOW_HD static auto normalise(const Outputs& items, Array& u) {
        using Real = typename Array::Element;
        Real square = u[0] * u[0];
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 1; k < items.slots(); ++k) square = fma(u[k], u[k], square);
        const Real norm = items.slots() == 1 ? abs(u[0]) : sqrt(square);
        const Real scale = Real(1.0) / norm;
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 0; k < items.slots(); ++k) u[k] = u[k] * scale;
        return Magnitude<Real>{norm, Real(0.0)};
    }
};

struct Logistic {
    static constexpr const char* name = "logistic";
    static constexpr ObjectiveKind kind = ObjectiveKind::direction;
    static constexpr int outputs = 1;
    static constexpr LossConstant constant = LossConstant::none;
    static constexpr ResidualWork residual_work = {1, 0, 0, false};

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

    static constexpr bool finite_arc = false, simplex = false;
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto unit_residual(const Objective&, const Outputs&, const Array& z,
                                             Array& u, Array&) {
        using Real = typename Array::Element;
        u[0] = Real(1.0);
        return Magnitude<Real>{Real(1.0), -softplus(z[0])};
    }
    template <class Objective, class Outputs, class Array, class Real>
    SOFTMAXFLOW_HD static void curvature(const Objective&, const Outputs&, const Array& z,
                                         const Array& r, Real, Array& g) {
        g[0] = r[0] * sigmoid(z[0]);
    }
};

struct Exponential {
    static constexpr const char* name = "exponential";
    static constexpr ObjectiveKind kind = ObjectiveKind::direction;
    static constexpr int outputs = 1;
    static constexpr LossConstant constant = LossConstant::none;
    static constexpr ResidualWork residual_work = {};

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

    static constexpr bool finite_arc = false, simplex = false;
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto unit_residual(const Objective&, const Outputs&, const Array& z,
                                             Array& u, Array&) {
        using Real = typename Array::Element;
        u[0] = Real(1.0);
        return Magnitude<Real>{Real(1.0), -z[0]};
    }
    template <class Objective, class Outputs, class Array, class Real>
    SOFTMAXFLOW_HD static void curvature(const Objective&, const Outputs&, const Array&,
                                         const Array& r, Real, Array& g) {
        g[0] = r[0];
    }
};

struct Square : BoundedResidual<Square> {
    static constexpr const char* name = "square";
    static constexpr ObjectiveKind kind = ObjectiveKind::unit_direction;
    static constexpr int outputs = 1;
    static constexpr LossConstant constant = LossConstant::radius;
    static constexpr ResidualWork residual_work = {0, 0, 1, false};

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
    template <class Objective, class Outputs, class Array, class Real>
    SOFTMAXFLOW_HD static void curvature(const Objective&, const Outputs&, const Array&,
                                         const Array&, Real speed, Array& g) {
        g[0] = Real(1.0) / speed;
    }
};

struct Regression : BoundedResidual<Regression> {
    static constexpr const char* name = "regression";
    static constexpr ObjectiveKind kind = ObjectiveKind::design;
    static constexpr int outputs = 0;
    static constexpr LossConstant constant = LossConstant::factor;
    static constexpr ResidualWork residual_work = {0, 1, 1, false};

    /// c |y - z|^2 + floor
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto value(const Objective& o, const Outputs& items, const Array& z) {
        using Real = typename Array::Element;
        Real total(0.0);
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
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
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 0; k < items.slots(); ++k)
            q[k] = Real(o.constant + o.constant) * (o.response[k] - z[k]);
    }
    template <class Objective, class Outputs, class Array, class Real>
    SOFTMAXFLOW_HD static void curvature(const Objective& o, const Outputs& items, const Array&,
                                         const Array&, Real speed, Array& g) {
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 0; k < items.slots(); ++k) g[k] = Real(o.constant + o.constant) / speed;
    }
};

struct CrossEntropy : BoundedResidual<CrossEntropy> {
    static constexpr const char* name = "cross_entropy";
    static constexpr ObjectiveKind kind = ObjectiveKind::classes;
    static constexpr int outputs = 0;
    static constexpr ResidualWork residual_work = {0, 1, 0, true};

    /// -sum_k p_k log softmax(z)_k = sum_k p_k (logsumexp(z) - z_k)
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto value(const Objective& o, const Outputs& items, const Array& z) {
        using Real = typename Array::Element;
        Real top = z[0];
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 1; k < items.slots(); ++k) top = max(top, z[k]);
        Real total(0.0), mean(0.0), mass(0.0);
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
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
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 0; k < items.slots(); ++k) q[k] = fma(-q[k], scales.weight, o.response[k]);
    }

    static constexpr bool simplex = true;
    /// softmax(z) = p - q.
    template <class Objective, class Outputs, class Array, class Real>
    SOFTMAXFLOW_HD static void curvature(const Objective& o, const Outputs& items, const Array&,
                                         const Array& r, Real speed, Array& g) {
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 0; k < items.slots(); ++k) g[k] = o.response[k] / speed - r[k];
    }
};

struct Classification {
    static constexpr const char* name = "classification";
    static constexpr ObjectiveKind kind = ObjectiveKind::samples;
    static constexpr int outputs = 0;
    static constexpr LossConstant constant = LossConstant::none;
    static constexpr ResidualWork residual_work = {1, 3, 0, false};

    /// Mean of log(1 + e^(-y z)).
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto value(const Objective& o, const Outputs& items, const Array& z) {
        using Real = typename Array::Element;
        Real total(0.0);
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 0; k < items.slots(); ++k) total = total + softplus(-o.response[k] * z[k]);
        return total / Real(items.slots());
    }
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static void residual(const Objective& o, const Outputs& items, const Array& z,
                                        Array& q, Array&) {
        using Real = typename Array::Element;
        const Real share(ScalarOf<Real>(1) / ScalarOf<Real>(items.slots()));
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 0; k < items.slots(); ++k)
            q[k] = o.response[k] * share * sigmoid(-o.response[k] * z[k]);
    }

    static constexpr bool finite_arc = false, simplex = false;
    /// Relative to the largest entry, log |q_k| = -softplus(y_k z_k) - log N.
    template <class Objective, class Outputs, class Array>
    SOFTMAXFLOW_HD static auto unit_residual(const Objective& o, const Outputs& items,
                                             const Array& z, Array& u, Array&) {
        using Real = typename Array::Element;
        Real top(-infinity());
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 0; k < items.slots(); ++k) {
            u[k] = -softplus(o.response[k] * z[k]);
            top = max(top, u[k]);
        }
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 0; k < items.slots(); ++k) u[k] = o.response[k] * exp_call(u[k] - top);
        const Real norm = BoundedResidual<Classification>::normalise(items, u).norm;
        return Magnitude<Real>{norm / Real(items.slots()), top};
    }
    template <class Objective, class Outputs, class Array, class Real>
    SOFTMAXFLOW_HD static void curvature(const Objective& o, const Outputs& items, const Array& z,
                                         const Array& r, Real, Array& g) {
        SOFTMAXFLOW_UNROLL_FIXED(Outputs::known)
        for (int k = 0; k < items.slots(); ++k)
            g[k] = o.response[k] * r[k] * sigmoid(o.response[k] * z[k]);
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
