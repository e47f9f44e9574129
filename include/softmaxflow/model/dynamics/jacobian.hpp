#pragma once
/// Solves (1 - eta J) x = b, J the Jacobian of the field of vector_field.hpp, without ever forming
/// it.
///
/// Write r for the residual in use (q, or q / |q| in the arc clock), s for the weights,
/// p_i = f'(a_i) / F and t_i = f''(a_i) / F for the slopes of the map (F its denominator), nu = 1
/// where the map divides by its sum, w = Z^T r, mu = <s, w>, c = w - nu mu, and
///
///     ds = p da - nu phi s,    phi = <p, da>,    dmu = d<s, w>,    dr = -H dz,    dz = dZ s + Z
///     ds.
///
/// Then, with kappa = r^T K r,
///
///     dZ   = b_Z + eta (K dr s^T + K r ds^T)
///     da_i = b_i + eta rho (t_i c_i da_i - nu p_i c_i phi + p_i (dw_i - nu dmu)),
///     dw   = dZ^T r + Z^T dr.
///
/// Everything is known once the numbers (dr, phi, dmu) are: da_i then needs one division. Its
/// divisor passes 0 where eta p_i sqrt(rho kappa) = 1, though nothing else does; a step gets so
/// long once the leader's share is nearly 1. So da_l of the leader stays unknown as well, and the
/// system is one of m + 3 equations, whose matrix takes sums over tokens. H = G for q itself, G the
/// Hessian of the loss, and (1 - r r^T) G / |q| in the arc clock.

#include "softmaxflow/model/dynamics/vector_field.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// A dense matrix, solved by elimination with row pivots, each replica of a Real on its own.
template <class Real>
class DenseSystem {
public:
    SOFTMAXFLOW_HD DenseSystem(Arena& arena, int size)
        : size_(size), matrix_(arena, size * size), pivots_(arena, size), solution(arena, size) {}

    SOFTMAXFLOW_HD Real& operator()(int row, int column) { return matrix_[row * size_ + column]; }
    SOFTMAXFLOW_HD int size() const { return size_; }

    SOFTMAXFLOW_COLD void factorise() {
        auto& a = *this;
        for (int k = 0; k < size_; ++k) {
            Real best = abs(a(k, k)), row = Real(k);
            for (int i = k + 1; i < size_; ++i) {
                const auto larger = abs(a(i, k)) > best;
                best = select(larger, abs(a(i, k)), best);
                row = select(larger, Real(i), row);
            }
            pivots_[k] = row;
            for (int j = 0; j < size_; ++j) exchange(k, [&](int i) -> Real& { return a(i, j); });
            const Real inverse = Real(1.0) / a(k, k);
            for (int i = k + 1; i < size_; ++i) {
                a(i, k) = a(i, k) * inverse;
                for (int j = k + 1; j < size_; ++j) a(i, j) = fma(-a(i, k), a(k, j), a(i, j));
            }
        }
    }

    /// solution <- matrix^-1 solution, after factorise().
    SOFTMAXFLOW_COLD void solve() {
        auto& a = *this;
        auto& x = solution;
        // factorise() swapped whole rows, so its factors belong to the rows in their final order.
        for (int k = 0; k < size_; ++k) exchange(k, [&](int i) -> Real& { return x[i]; });
        for (int k = 0; k < size_; ++k) {
            for (int i = k + 1; i < size_; ++i) x[i] = fma(-a(i, k), x[k], x[i]);
        }
        for (int k = size_ - 1; k >= 0; --k) {
            for (int j = k + 1; j < size_; ++j) x[k] = fma(-a(k, j), x[j], x[k]);
            x[k] = x[k] / a(k, k);
        }
    }

private:
    /// Swaps entry k with that of its pivot's row.
    template <class Entry>
    SOFTMAXFLOW_HD void exchange(int k, Entry entry) {
        for (int lane_index = 0; lane_index < width_of<Real>; ++lane_index) {
            const int row = int(lane(pivots_[k], lane_index));
            if (row == k) continue;
            const auto kept = lane(entry(k), lane_index);
            set_lane(entry(k), lane_index, lane(entry(row), lane_index));
            set_lane(entry(row), lane_index, kept);
        }
    }

    int size_;
    Storage<Real, 0> matrix_, pivots_;

public:
    Storage<Real, 0> solution;
};

template <class SystemType>
class LinearisedField {
public:
    using System = SystemType;
    using Real = typename System::Real;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;

    SOFTMAXFLOW_HD LinearisedField(Arena& arena, int slots, int m)
        : system_(arena, m + 3),
          drives_(arena, m),
          hessian_(arena, m),
          change_(arena, m),
          moved_(arena, m),
          slope_(arena, slots),
          weight_(arena, slots),
          value_(arena, slots),
          centred_(arena, slots),
          pivot_(arena, slots),
          leads_(arena, slots),
          fixed_(arena, slots),
          dots_(arena, slots),
          scratch_(arena, slots) {}

    /// At a state x that `field` has evaluated: q = speed r.
    SOFTMAXFLOW_COLD void set(const VectorField<System>& field, const State& x, const Evaluation& e,
                              const Frame<Real>& frame, Real speed, Real eta) {
        eta_ = eta;
        // A decay of Z divides what moves it.
        kept_ = Real(1.0) / fma(eta, Real(field.value_decay), Real(1.0));
        value_eta_ = eta * kept_;
        logit_eta_ = eta * Real(field.logit_rate);
        set_tokens(field, x, e, frame);
        set_outputs(field, e, speed);
        set_pivots(field, e, frame);
        assemble(field, x, e, frame);
        system_.factorise();
    }

    /// x <- (1 - eta J)^-1 x; residual(k) is then the change of r_k.
    SOFTMAXFLOW_COLD void solve(const VectorField<System>& field, const State& at,
                                const Evaluation& e, const Frame<Real>& frame, State& x) {
        const System& system = field.system;
        const int m = system.output_count();
        for (int j = 0; j < system.slots(); ++j) {
            Real dw(0.0);
            for (int k = 0; k < m; ++k) {
                x.value(k, j) = kept_ * x.value(k, j);
                dw = fma(x.value(k, j), e.residual[k], dw);
            }
            fixed_[j] = fma(logit_eta_ * slope_[j], dw, x.logits[j]) * pivot_[j];
            dots_[j] = dw;
        }
        right_hand_side(field, at, e, frame, x);
        system_.solve();
        const auto& y = system_.solution;
        const Real phi = y[m];
        for (int k = 0; k < m; ++k) moved_[k] = system.objective.metric_times(y, k, m);
        for (int j = 0; j < system.slots(); ++j) {
            Real change = fixed_[j];
            for (int c = 0; c < m + 3; ++c) change = fma(response(system, at, j, c), y[c], change);
            x.logits[j] = change;
            const Real ds = slope_[j] * change - Real(normalised_) * phi * weight_[j];
            for (int k = 0; k < m; ++k)
                x.value(k, j) =
                    fma(value_eta_, fma(moved_[k], weight_[j], drives_[k] * ds), x.value(k, j));
        }
    }
    SOFTMAXFLOW_HD Real residual_change(int k) { return system_.solution[k]; }

private:
    SOFTMAXFLOW_COLD void set_tokens(const VectorField<System>& field, const State& x,
                                     const Evaluation& e, const Frame<Real>& frame) {
        const System& system = field.system;
        Evaluation& workspace = const_cast<Evaluation&>(e);
        visit(system.map, [&](auto map) {
            normalised_ = map.normalised ? 1.0 : 0.0;
            for (int j = 0; j < system.slots(); ++j) {
                weight_[j] = e.weight(j);
                slope_[j] = e.scales.weight * map.slope(x.logits[j], e.numerators[j]);
                value_[j] = system.projected_value(x, e, j);
            }
            Real reference(0.0);
            if (map.sums_to_one)
                reference = field.at_leader(frame, workspace, [&](int j) { return value_[j]; });
            for (int j = 0; j < system.slots(); ++j) value_[j] = value_[j] - reference;
            mean_ = total(system, [&](int j) { return weight_[j] * value_[j]; });
            const Real centre = Real(normalised_) * mean_;
            for (int j = 0; j < system.slots(); ++j) {
                centred_[j] = value_[j] - centre;
                pivot_[j] = e.scales.weight * map.second_derivative(x.logits[j], e.numerators[j]);
            }
        });
    }

    SOFTMAXFLOW_COLD void set_outputs(const VectorField<System>& field, const Evaluation& e,
                                      Real speed) {
        const System& system = field.system;
        const int m = system.output_count();
        for (int k = 0; k < m; ++k) drives_[k] = system.value_drive(e, k);
        kappa_ = Real(0.0);
        for (int k = 0; k < m; ++k) kappa_ = fma(e.residual[k], drives_[k], kappa_);
        speed_ = field.arc ? speed : Real(1.0);
        visit(system.loss, [&](auto loss) {
            loss.curvature(system.objective, system.outputs, e.output, e.residual, speed_,
                           hessian_);
            simplex_ = loss.simplex;
        });
        // With one output r is a sign: it does not change.
        if (field.arc && m == 1) hessian_[0] = Real(0.0);
        projects_ = field.arc && m > 1;
    }

    /// What da_j is divided by, from t_j in pivot_; the leader is not solved for here.
    SOFTMAXFLOW_COLD void set_pivots(const VectorField<System>& field, const Evaluation& e,
                                     const Frame<Real>& frame) {
        const System& system = field.system;
        for (int j = 0; j < system.slots(); ++j) {
            const Real p = slope_[j];
            const Real own = fma(pivot_[j], centred_[j], value_eta_ * kappa_ * p * p);
            pivot_[j] = fma(eta_, Real(field.logit_decay), Real(1.0)) - logit_eta_ * own;
            leads_[j] = select(frame.leader == Real(system.tokens.index(j)), Real(1.0), Real(0.0));
        }
        leader_pivot_ = at_leader(field, e, frame, [&](int j) { return pivot_[j]; });
        for (int j = 0; j < system.slots(); ++j)
            pivot_[j] = system.tokens.valid(j)
                            ? select(leads_[j] > Real(0.0), Real(0.0), Real(1.0) / pivot_[j])
                            : Real(0.0);
    }

    template <class F>
    SOFTMAXFLOW_HD static Real at_leader(const VectorField<System>& field, const Evaluation& e,
                                         const Frame<Real>& frame, F x) {
        return field.at_leader(frame, const_cast<Evaluation&>(e), x);
    }

    /// -(H x)_k into change_, for x in moved_.
    SOFTMAXFLOW_COLD void apply_hessian(const System& system, const Evaluation& e) {
        const int m = system.output_count();
        Real mean(0.0);
        if (simplex_)
            for (int k = 0; k < m; ++k) mean = fma(hessian_[k] * speed_, moved_[k], mean);
        // In time q = r and speed = 1; on the arc G / |q| = diag(g), as curvature() has it.
        for (int k = 0; k < m; ++k) change_[k] = -(hessian_[k] * (moved_[k] - mean));
        if (!projects_) return;
        Real along(0.0);
        for (int k = 0; k < m; ++k) along = fma(e.residual[k], change_[k], along);
        for (int k = 0; k < m; ++k) change_[k] = fma(-along, e.residual[k], change_[k]);
    }

    /// d a_j / d y_c, y = (dr, phi, dmu, da_l).
    SOFTMAXFLOW_HD Real response(const System& system, const State& at, int j, int c) const {
        if (c == system.output_count() + 2) return leads_[j];
        return logit_force(system, at, j, c, pivot_[j]);
    }

    /// What y_c adds to the right-hand side of da_j, times `factor`.
    SOFTMAXFLOW_HD Real logit_force(const System& system, const State& at, int j, int c,
                                    Real factor) const {
        const int m = system.output_count();
        const Real common = logit_eta_ * slope_[j] * factor;
        if (c < m) return common * fma(value_eta_ * weight_[j], drives_[c], at.value(c, j));
        const Real minus = Real(-normalised_) * common;
        if (c == m) return minus * fma(value_eta_ * kappa_, weight_[j], centred_[j]);
        return minus;
    }

    template <class Term>
    SOFTMAXFLOW_HD Real total(const System& system, Term term) {
        return sum(system.tokens, scratch_, term);
    }

    /// The sums over tokens that a change da of the logits enters by: phi, <w, ds> + ..., <s, ds>
    /// and Z ds, from p_j da_j.
    template <class Change>
    SOFTMAXFLOW_COLD void columns(const System& system, const State& at, Change da, Real& phi,
                                  Real& mean, Real& square) {
        phi = total(system, [&](int j) { return slope_[j] * da(j); });
        mean = total(system, [&](int j) { return value_[j] * (slope_[j] * da(j)); });
        square = total(system, [&](int j) { return weight_[j] * (slope_[j] * da(j)); });
        for (int k = 0; k < system.output_count(); ++k)
            moved_[k] = total(system, [&](int j) { return at.value(k, j) * (slope_[j] * da(j)); });
    }

    SOFTMAXFLOW_COLD void assemble(const VectorField<System>& field, const State& at,
                                   const Evaluation& e, const Frame<Real>& frame) {
        const System& system = field.system;
        const int m = system.output_count();
        const Real nu = Real(normalised_);
        weight_square_ = total(system, [&](int j) { return weight_[j] * weight_[j]; });
        for (int c = 0; c < m + 3; ++c) {
            Real phi, mean, square;
            columns(
                system, at, [&](int j) { return response(system, at, j, c); }, phi, mean, square);
            if (c == m) {
                mean = mean - nu * mean_;
                square = square - nu * weight_square_;
                for (int k = 0; k < m; ++k) moved_[k] = moved_[k] - nu * e.output[k];
            }
            // How dmu and dz follow y_c.
            mean = fma(value_eta_ * kappa_, square, mean);
            if (c < m) mean = mean + fma(value_eta_ * weight_square_, drives_[c], e.output[c]);
            for (int k = 0; k < m; ++k) {
                Real direct(0.0);
                if (c < m) direct = value_eta_ * weight_square_ * metric(system, k, c);
                moved_[k] = moved_[k] + fma(value_eta_ * drives_[k], square, direct);
            }
            apply_hessian(system, e);
            for (int k = 0; k < m; ++k)
                system_(k, c) = (k == c ? Real(1.0) : Real(0.0)) - change_[k];
            system_(m, c) = (c == m ? Real(1.0) : Real(0.0)) - phi;
            system_(m + 1, c) = (c == m + 1 ? Real(1.0) : Real(0.0)) - mean;
            system_(m + 2, c) =
                c == m + 2 ? leader_pivot_ : -at_leader(field, e, frame, [&](int j) {
                    return logit_force(system, at, j, c, Real(1.0));
                });
        }
    }

    SOFTMAXFLOW_HD static Real metric(const System& system, int k, int l) {
        const auto& objective = system.objective;
        if (objective.dense) return objective.matrix[k * system.output_count() + l];
        return k == l ? objective.metric[k] : Real(0.0);
    }

    SOFTMAXFLOW_COLD void right_hand_side(const VectorField<System>& field, const State& at,
                                          const Evaluation& e, const Frame<Real>& frame,
                                          const State& b) {
        const System& system = field.system;
        const int m = system.output_count();
        auto& y = system_.solution;
        Real phi, mean, square;
        columns(
            system, at, [&](int j) { return fixed_[j]; }, phi, mean, square);
        for (int k = 0; k < m; ++k) {
            const Real direct = total(system, [&](int j) { return b.value(k, j) * weight_[j]; });
            moved_[k] = moved_[k] + fma(value_eta_ * drives_[k], square, direct);
        }
        apply_hessian(system, e);
        for (int k = 0; k < m; ++k) y[k] = change_[k];
        y[m] = phi;
        const Real direct = total(system, [&](int j) { return weight_[j] * dots_[j]; });
        y[m + 1] = mean + fma(value_eta_ * kappa_, square, direct);
        y[m + 2] = at_leader(field, e, frame, [&](int j) {
            return fma(logit_eta_ * slope_[j], dots_[j], b.logits[j]);
        });
    }

    DenseSystem<Real> system_;
    decltype(Evaluation::output) drives_, hessian_, change_, moved_;  // drives: K r
    decltype(Evaluation::numerators) slope_, weight_, value_, centred_, pivot_, leads_, fixed_,
        dots_, scratch_;
    Real eta_{0.0}, value_eta_{0.0}, logit_eta_{0.0}, kept_{1.0}, kappa_{0.0}, mean_{0.0};
    Real leader_pivot_{1.0};
    Real weight_square_{0.0}, speed_{1.0};
    double normalised_ = 1.0;
    bool simplex_ = false, projects_ = false;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
