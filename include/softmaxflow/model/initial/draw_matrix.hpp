#pragma once
/// The start of losses with several outputs: W is a matrix that is drawn, read or the identity.

#include "softmaxflow/model/dynamics/value_softmax.hpp"
#include "softmaxflow/model/initial/value_laws.hpp"
#include "softmaxflow/model/numerics/cholesky.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Whether a random design (regression) needs its singular vectors. Not with V(0) from a law that
/// is invariant under rotations: then Z(0) = S R^T V has the law of S V.
SOFTMAXFLOW_HD bool needs_singular_vectors(const Parameters& p) {
    return p.design != Design::identity && p.design_projection == nullptr &&
           p.restart[state_column::logits] == nullptr &&
           (p.start_values != nullptr || !is_rotation_invariant(p.value_law));
}

/// Draws the objective and Z(0); x comes with Z = 0.
template <class System>
class MatrixStart {
public:
    using Real = typename System::Real;
    using State = typename System::State;
    using Scratch = typename System::Evaluation;

    SOFTMAXFLOW_HD MatrixStart(const Parameters& parameters, const Source<Real>& source)
        : p_(parameters), source_(source) {}

    /// W = I: Z = V; p = softmax(sharpness * uniform).
    SOFTMAXFLOW_COLD void draw_classes(System& system, State& x) const {
        const int classes = system.output_count();
        copy_values(system, x, [](int) { return Real(1.0); });
        Real top(-infinity()), total(0.0);
        for (int k = 0; k < classes; ++k) {
            system.objective.metric[k] = Real(1.0);
            Real& share = system.objective.response[k];
            if (p_.class_distribution != nullptr) {
                share = Real(p_.class_distribution[k]);
                continue;
            }
            const Pair<Real> u = source_.draws.uniforms(source_.objective_purpose(), Word(k / 2));
            share = Real(p_.sharpness) * (k % 2 == 0 ? u.first : u.second);
            top = max(top, share);
        }
        if (p_.class_distribution != nullptr) return;
        for (int k = 0; k < classes; ++k) {
            system.objective.response[k] = exp_call(system.objective.response[k] - top);
            total = total + system.objective.response[k];
        }
        for (int k = 0; k < classes; ++k)
            system.objective.response[k] = system.objective.response[k] / total;
    }

    /// Regression, in the singular basis of X: K = S^2, Z(0) = S R^T V(0).
    SOFTMAXFLOW_COLD void draw_design(System& system, State& x, Scratch& e) const {
        const int m = system.output_count();
        const auto singular = [&](int k) { return Real(singular_value(k, m)); };
        if (p_.design_projection != nullptr) {
            project(
                system, x, e, [&](int k, int i) { return from_projection(k, i); }, [](auto&) {});
        } else if (needs_singular_vectors(p_)) {
            draw_rotated(system, x, e);
            for (int j = 0; j < system.slots(); ++j)
                for (int k = 0; k < m; ++k) x.value(k, j) = singular(k) * x.value(k, j);
        } else {
            copy_values(system, x, singular);
        }
        for (int k = 0; k < m; ++k) {
            const double s = singular_value(k, m);
            system.objective.metric[k] =
                Real(p_.design_metric != nullptr ? p_.design_metric[k] : s * s);
        }
        draw_response(system);
    }

    /// Classification: W = X of independent N(0, 1/d) or from a file; K = X X^T is dense.
    SOFTMAXFLOW_COLD void draw_samples(System& system, State& x, Scratch& e) const {
        const int m = system.output_count();
        auto& objective = system.objective;
        if (p_.design_projection != nullptr)
            project(
                system, x, e, [&](int k, int i) { return from_projection(k, i); }, [](auto&) {});
        else {
            const Real scale = Real(1.0) / sqrt(Real(p_.dim));
            project(
                system, x, e,
                [&](int k, int i) {
                    const Pair<Real> g = random_entry(k, i, m);
                    return Pair<Real>{scale * g.first, scale * g.second};
                },
                [](auto&) {});
        }
        for (int k = 0; k < m; ++k) {
            for (int l = 0; l <= k; ++l)
                objective.matrix[k * m + l] = objective.matrix[l * m + k] =
                    objective.factor[k * m + l];
            objective.metric[k] = objective.matrix[k * m + k];
            if (p_.design_response != nullptr) {
                objective.response[k] = Real(p_.design_response[k]);
                continue;
            }
            const Pair<Real> u = source_.draws.uniforms(source_.objective_purpose(), Word(k / 2));
            objective.response[k] =
                select((k % 2 == 0 ? u.first : u.second) < Real(0.5), Real(-1.0), Real(1.0));
        }
        cholesky(objective.factor, m);
    }

private:
    /// Z = R V with m random orthonormal rows R: those of L^-1 G, G G^T = L L^T, are orthonormal
    /// and, for a normal G, uniformly so. Done twice, as once loses the square of the condition of
    /// G.
    SOFTMAXFLOW_COLD void draw_rotated(System& system, State& x, Scratch& e) const {
        const int m = system.output_count();
        auto &factor = system.objective.factor, &first = system.objective.matrix;
        const auto entries = [&](int k, int i) { return random_entry(k, i, m); };
        project(system, x, e, entries, [](auto&) {});
        cholesky(factor, m);
        for (int k = 0; k < m * m; ++k) first[k] = factor[k];
        for (int j = 0; j < system.slots(); ++j)
            for (int k = 0; k < m; ++k) x.value(k, j) = Real(0.0);
        project(system, x, e, entries, [&](auto& column) {
            solve_lower(first, m, [&](int k) -> Real& { return column[k]; });
        });
        cholesky(factor, m);
        for (int j = 0; j < system.slots(); ++j)
            solve_lower(factor, m, [&](int k) -> Real& { return x.value(k, j); });
    }

    /// linspace(1, 1 / kappa).
    SOFTMAXFLOW_HD double singular_value(int k, int m) const {
        if (p_.design == Design::identity || m == 1) return 1.0;
        return 1.0 + double(k) * ((1.0 / p_.condition_number - 1.0) / double(m - 1));
    }

    /// Z_kj = scale(k) V_kj.
    template <class Scale>
    SOFTMAXFLOW_COLD void copy_values(const System& system, State& x, Scale scale) const {
        for (int k = 0; k < system.output_count(); k += 2)
            for (int j = 0; j < system.slots(); ++j) {
                if (!system.tokens.valid(j)) continue;
                const Pair<Real> v = source_.value_pair(k, system.tokens.index(j));
                x.value(k, j) = scale(k) * v.first;
                if (k + 1 < system.output_count()) x.value(k + 1, j) = scale(k + 1) * v.second;
            }
    }

    /// W_ki and W_k(i+1) from the file.
    SOFTMAXFLOW_HD Pair<Real> from_projection(int k, int i) const {
        const double* w = p_.design_projection + Int(k) * p_.dim + i;
        return {Real(w[0]), Real(i + 1 < p_.dim ? w[1] : 0.0)};
    }
    /// G_ki and G_k(i+1), independent normals.
    SOFTMAXFLOW_HD Pair<Real> random_entry(int k, int i, int m) const {
        const auto purpose = p_.shared_objective ? Purpose::shared_design : Purpose::design;
        return source_.draws.normals(purpose, Word(i / 2) * Word(m) + Word(k));
    }

    /// Z = W V for W given by entries (k, i) and (k, i + 1), its columns then transformed; and
    /// where there is room for it, the lower triangle of W W^T in objective.factor.
    template <class Entries, class Transform>
    SOFTMAXFLOW_COLD void project(System& system, State& x, Scratch& e, Entries entries,
                                  Transform transform) const {
        const int m = system.output_count();
        auto& gram = system.objective.factor;
        const bool has_gram = system.objective.has_factor;
        if (has_gram)
            for (int k = 0; k < m * m; ++k) gram[k] = Real(0.0);
        for (int i = 0; i < p_.dim; i += 2) {
            const bool both = i + 1 < p_.dim;
            for (int k = 0; k < m; ++k) {
                const Pair<Real> w = entries(k, i);
                e.output[k] = w.first;
                e.residual[k] = both ? w.second : Real(0.0);
            }
            transform(e.output);
            transform(e.residual);
            for (int k = 0; has_gram && k < m; ++k)
                for (int l = 0; l <= k; ++l)
                    gram[k * m + l] = fma(e.output[k], e.output[l],
                                          fma(e.residual[k], e.residual[l], gram[k * m + l]));
            for (int j = 0; j < system.slots(); ++j) {
                if (!system.tokens.valid(j)) continue;
                const Pair<Real> v = source_.value_pair(i, system.tokens.index(j));
                for (int k = 0; k < m; ++k) {
                    x.value(k, j) = fma(e.output[k], v.first, x.value(k, j));
                    if (both) x.value(k, j) = fma(e.residual[k], v.second, x.value(k, j));
                }
            }
        }
    }

    /// y in the singular basis: its law, normal or uniform on the sphere, is rotation invariant.
    /// The N - m coordinates outside the column space of X give the floor.
    SOFTMAXFLOW_COLD void draw_response(System& system) const {
        const int m = system.output_count();
        if (p_.design_response != nullptr) {
            for (int k = 0; k < m; ++k) system.objective.response[k] = Real(p_.design_response[k]);
            system.objective.floor = Real(p_.design_floor);
            return;
        }
        Real inside(0.0), outside(0.0);
        for (int i = 0; i < p_.samples; ++i) {
            const Pair<Real> g = source_.draws.normals(source_.objective_purpose(), Word(i / 2));
            const Real y = i % 2 == 0 ? g.first : g.second;
            if (i < m) {
                system.objective.response[i] = y;
                inside = fma(y, y, inside);
            } else {
                outside = fma(y, y, outside);
            }
        }
        Real scale(1.0);
        if (p_.response == Response::unit) scale = Real(1.0) / sqrt(inside + outside);
        if (p_.solution_norm > 0.0) {
            // |X^+ y|^2 = sum_k y_k^2 / K_k.
            Real solution(0.0);
            for (int k = 0; k < m; ++k) {
                const Real y = system.objective.response[k];
                solution = fma(y, y / system.objective.metric[k], solution);
            }
            scale = Real(p_.solution_norm) / sqrt(solution);
        }
        for (int k = 0; k < m; ++k)
            system.objective.response[k] = system.objective.response[k] * scale;
        system.objective.floor = Real(p_.loss_constant) * outside * scale * scale;
    }

    const Parameters& p_;
    const Source<Real>& source_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
