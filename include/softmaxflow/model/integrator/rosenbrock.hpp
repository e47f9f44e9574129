#pragma once
/// A stepper as those of explicit_rk.hpp for stiff stretches: Rodas5P, a Rosenbrock method of order
/// 5 with an embedded one of order 4, L-stable (Steinebach 2023). With the exact Jacobian J,
///
///     (1 / (gamma h) - J) u_i = f(x + sum_{j<i} a_ij u_j) + sum_{j<i} (c_ij / h) u_j,
///
/// x + sum_j a_8j u_j + u_8 is the new state, and u_8 the estimate of its error.

#include "softmaxflow/model/dynamics/jacobian.hpp"
#include "softmaxflow/model/integrator/explicit_rk.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct Rodas5P {
    static constexpr const char* name = "rodas5p";
    static constexpr int order = 5, error_order = 5, stages = 8;
    static constexpr double gamma = 0.21193756319429014;

    SOFTMAXFLOW_HD static constexpr double a(int i, int j) {
        constexpr double rows[stages - 1][stages - 1] = {
            {3.0},
            {2.849394379747939, 0.45842242204463923},
            {-6.954028509809101, 2.489845061869568, -10.358996098473584},
            {2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641},
            {-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256,
             0.030198172008377946},
            {-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256,
             0.030198172008377946, 1.0},
            {-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256,
             0.030198172008377946, 1.0, 1.0}};
        return rows[i - 1][j];
    }
    SOFTMAXFLOW_HD static constexpr double c(int i, int j) {
        constexpr double rows[stages - 1][stages - 1] = {
            {-14.155112264123755},
            {-17.97296035885952, -2.859693295451294},
            {147.12150275711716, -1.41221402718213, 71.68940251302358},
            {165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306},
            {24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125,
             -0.6610691825249471},
            {30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783,
             -19.097331116725623, -28.087943162872662},
            {37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047,
             -40.06618937091002, -54.66780262877968, -9.48861652309627}};
        return rows[i - 1][j];
    }
};

template <class SystemType>
class Implicit {
public:
    using Scheme = Rodas5P;
    using System = SystemType;
    using Real = typename System::Real;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;
    static constexpr int order = Scheme::order, error_order = Scheme::error_order;
    static constexpr bool implicit = true;
    static constexpr int evaluations = Scheme::stages;

    SOFTMAXFLOW_HD Implicit(Arena& arena, int slots, int m)
        : next_(arena, slots, m),
          evaluation_(arena, slots, m),
          linear_(arena, slots, m),
          at_x_(arena, slots, m),
          derivative_(arena, slots, m),
          slope_(arena, slots, m) {
        for (int i = 0; i < Scheme::stages; ++i) stages_[i] = State(arena, slots, m);
    }

    SOFTMAXFLOW_HD State& next() { return next_; }
    SOFTMAXFLOW_HD Evaluation& evaluation() { return evaluation_; }
    SOFTMAXFLOW_HD Real error() const { return error_; }
    SOFTMAXFLOW_HD Real arc() const { return arc_; }
    SOFTMAXFLOW_HD Real stiffness() const { return Real(0.0); }
    SOFTMAXFLOW_HD State& derivative() { return derivative_; }
    SOFTMAXFLOW_HD const State& next_derivative() const { return slope_; }

    SOFTMAXFLOW_COLD void attempt(const VectorField<System>& field,
                                  const Tolerance<Real>& tolerance, const State& x, Real speed,
                                  const Frame<Real>& frame, Real h) {
        // The Jacobian needs what the field leaves behind at x.
        field(x, at_x_, frame, slope_, speed);
        const Real eta = Real(Scheme::gamma) * h;
        linear_.set(field, x, at_x_, frame, speed, eta);
        for (int i = 0; i < Scheme::stages; ++i) {
            if (i > 0) {
                place(field, x, i);
                field(next_, evaluation_, frame, slope_, speed);
            }
            take_stage(field, x, frame, i, eta, speed);
        }
        const int last = Scheme::stages - 1;
        for_each_entry(field.system, [&](auto at) { at(next_) = at(next_) + at(stages_[last]); });
        arc_ = arc_stages_[0] * Real(Scheme::a(last, 0)) + arc_stages_[last];
        for (int j = 1; j < last; ++j) arc_ = fma(Real(Scheme::a(last, j)), arc_stages_[j], arc_);
        error_ = root_mean(field.system, evaluation_, [&](auto at) {
            const Real ratio = at(stages_[last]) / tolerance(at(x), at(next_));
            return ratio * ratio;
        });
        field(next_, evaluation_, frame, slope_, speed);
    }

private:
    /// next = x + sum_j a_ij u_j
    SOFTMAXFLOW_COLD void place(const VectorField<System>& field, const State& x, int i) {
        for_each_entry(field.system, [&](auto at) {
            Real total = at(x);
            for (int j = 0; j < i; ++j) total = fma(Real(Scheme::a(i, j)), at(stages_[j]), total);
            at(next_) = total;
        });
    }

    /// u_i from the field at its state, in slope_. |q| obeys the same linear equation, so its
    /// integral goes along: d|q| = <q / |q|, dq>.
    SOFTMAXFLOW_COLD void take_stage(const VectorField<System>& field, const State& x,
                                     const Frame<Real>& frame, int i, Real eta, Real speed) {
        State& u = stages_[i];
        const auto earlier = [&](auto term) {
            Real total(0.0);
            for (int j = 0; j < i; ++j) total = fma(Real(Scheme::c(i, j)), term(j), total);
            return Real(Scheme::gamma) * total;
        };
        for_each_entry(field.system, [&](auto at) {
            at(u) = fma(eta, at(slope_), earlier([&](int j) { return at(stages_[j]); }));
        });
        linear_.solve(field, x, at_x_, frame, u);
        Real change(0.0), norm(0.0);
        for (int k = 0; k < field.system.output_count(); ++k) {
            change = fma(at_x_.residual[k], linear_.residual_change(k), change);
            norm = fma(at_x_.residual[k], at_x_.residual[k], norm);
        }
        const Real along = select(norm > Real(0.0), change / sqrt(norm), Real(0.0));
        arc_stages_[i] = fma(eta, speed + along, earlier([&](int j) { return arc_stages_[j]; }));
    }

    State next_;
    Evaluation evaluation_;
    Real error_{0.0}, arc_{0.0};
    LinearisedField<System> linear_;
    Evaluation at_x_;
    State derivative_, slope_;
    State stages_[Scheme::stages];
    Real arc_stages_[Scheme::stages];
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
