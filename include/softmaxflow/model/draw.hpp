#pragma once
/// The start of a replica: its objective and (Z(0), a(0)), drawn from the counter-based generator
/// or taken from files. V(0) is drawn entry by entry and folded into Z(0) = W V(0); it is never
/// stored, so a large d costs time at the start and nothing else.

#include "softmaxflow/model/cholesky.hpp"
#include "softmaxflow/model/flow.hpp"
#include "softmaxflow/model/leader.hpp"
#include "softmaxflow/model/source.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Whether a random design (regression) needs its singular vectors. Not with V(0) from a law that
/// is invariant under rotations: then Z(0) = S R^T V has the law of S V.
SOFTMAXFLOW_HD bool needs_singular_vectors(const Parameters& p) {
    const bool invariant = p.value_law == ValueLaw::normal || p.value_law == ValueLaw::zero ||
                           p.value_law == ValueLaw::rank_one ||
                           p.value_law == ValueLaw::equal_losers;
    return !p.identity_design && p.design_projection == nullptr && p.restart_logits == nullptr &&
           (p.start_values != nullptr || !invariant);
}

/// Draws or reads the start of replicas [replica, replica + width) of a flow.
template <class Flow>
class Start {
public:
    using Real = typename Flow::Real;
    using State = typename Flow::State;
    using Scratch = typename Flow::Evaluation;

    SOFTMAXFLOW_HD Start(const Parameters& parameters, Bits replica, Bits last_replica)
        : p_(parameters), source_(parameters, replica, last_replica) {}

    SOFTMAXFLOW_COLD void operator()(Flow& flow, State& x, Scratch& e) {
        draw_logits(flow, x);
        for (int k = 0; k < flow.output_count(); ++k)
            for (int j = 0; j < flow.slots(); ++j) x.value(k, j) = Real(0.0);
        flow.objective.constant = p_.loss_constant;
        const ObjectiveKind kind = flow.kind();
        if (kind == ObjectiveKind::direction || kind == ObjectiveKind::unit_direction) {
            draw_direction(flow, x, e, kind);
            return;
        }
        source_.draw_direction_scale();
        if (kind == ObjectiveKind::design) draw_design(flow, x, e);
        if (kind == ObjectiveKind::classes) draw_classes(flow, x);
        if (kind == ObjectiveKind::samples) draw_samples(flow, x, e);
    }

private:
    SOFTMAXFLOW_COLD void draw_logits(const Flow& flow, State& x) const {
        for (int j = 0; j < flow.slots(); ++j) {
            x.logits[j] = Real(0.0);
            if (!flow.tokens.valid(j)) continue;
            const int token = flow.tokens.index(j);
            if (p_.start_logits != nullptr)
                x.logits[j] = source_.from_file(p_.start_logits, p_.tokens, token);
            else if (p_.logit_scale != 0.0)
                x.logits[j] = fma(Real(p_.logit_scale),
                                  source_.draws.normals(Purpose::logits, Word(token)).first,
                                  Real(p_.logit_mean));
            else
                x.logits[j] = Real(p_.logit_mean);
        }
    }

    /// W = target^T, of length 1 for random_unit targets and unit_direction losses.
    SOFTMAXFLOW_COLD void draw_direction(Flow& flow, State& x, Scratch& e,
                                         ObjectiveKind kind) const {
        Real square(0.0);
        for (int i = 0; i < p_.dim; i += 2) {
            const Pair<Real> t = source_.target_pair(i);
            const bool both = i + 1 < p_.dim;
            square = fma(t.first, t.first, square);
            if (both) square = fma(t.second, t.second, square);
            if (!source_.has_common_direction()) add_outer(flow, x, i, both, t);
            // A basis target ends after its only entry.
            if (p_.start_target == nullptr && p_.target == Target::basis) break;
        }
        const bool unit = source_.normalises(kind);
        const Real length = sqrt(square);
        for (int j = 0; j < flow.slots(); ++j) {
            if (source_.has_common_direction() && flow.tokens.valid(j)) {
                const Real w = source_.token_factor(flow.tokens.index(j));
                x.value(0, j) = unit ? w : length * w;
            } else if (unit) {
                x.value(0, j) = x.value(0, j) / length;
            }
        }
        flow.objective.metric[0] = unit ? Real(1.0) : square;
        const bool has_radius = kind == ObjectiveKind::unit_direction;
        flow.objective.response[0] = Real(has_radius ? p_.loss_constant : 0.0);
        if (p_.tie_gap > 0.0) open_gap(flow, x, e.token_scratch);
    }

    /// Z_0j += t_i V_ij for rows i and, if both, i + 1.
    SOFTMAXFLOW_COLD void add_outer(const Flow& flow, State& x, int i, bool both,
                                    Pair<Real> t) const {
        for (int j = 0; j < flow.slots(); ++j) {
            if (!flow.tokens.valid(j)) continue;
            const Pair<Real> v = source_.value_pair(i, flow.tokens.index(j));
            x.value(0, j) = fma(t.first, v.first, x.value(0, j));
            if (both) x.value(0, j) = fma(t.second, v.second, x.value(0, j));
        }
    }

    /// The second largest projected value comes to lie tie_gap below the largest, and the others
    /// not above it.
    template <class Array>
    SOFTMAXFLOW_COLD void open_gap(const Flow& flow, State& x, Array& scratch) const {
        const auto value = [&](int j) { return x.value(0, j); };
        const Leader<Real> first = find_leader(flow.tokens, scratch, value);
        const Leader<Real> second = find_leader(flow.tokens, scratch, [&](int j) {
            return select(first.index == Real(flow.tokens.index(j)), Real(-infinity()), value(j));
        });
        const Real cap = first.value - Real(p_.tie_gap);
        for (int j = 0; j < flow.slots(); ++j) {
            const Real index(flow.tokens.index(j));
            const Real lowered = select(index == second.index, cap, min(value(j), cap));
            x.value(0, j) = select(index == first.index, value(j), lowered);
        }
    }

    /// W = I: Z = V; p = softmax(sharpness * uniform).
    SOFTMAXFLOW_COLD void draw_classes(Flow& flow, State& x) const {
        const int classes = flow.output_count();
        copy_values(flow, x, [](int) { return Real(1.0); });
        Real top(-infinity()), total(0.0);
        for (int k = 0; k < classes; ++k) {
            flow.objective.metric[k] = Real(1.0);
            Real& share = flow.objective.response[k];
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
            flow.objective.response[k] = exp_call(flow.objective.response[k] - top);
            total = total + flow.objective.response[k];
        }
        for (int k = 0; k < classes; ++k)
            flow.objective.response[k] = flow.objective.response[k] / total;
    }

    /// Regression, in the singular basis of X: K = S^2, Z(0) = S R^T V(0).
    SOFTMAXFLOW_COLD void draw_design(Flow& flow, State& x, Scratch& e) const {
        const int m = flow.output_count();
        const auto singular = [&](int k) { return Real(singular_value(k, m)); };
        if (p_.design_projection != nullptr) {
            project(
                flow, x, e, [&](int k, int i) { return from_projection(k, i); }, [](auto&) {});
        } else if (needs_singular_vectors(p_)) {
            draw_rotated(flow, x, e);
            for (int j = 0; j < flow.slots(); ++j)
                for (int k = 0; k < m; ++k) x.value(k, j) = singular(k) * x.value(k, j);
        } else {
            copy_values(flow, x, singular);
        }
        for (int k = 0; k < m; ++k) {
            const double s = singular_value(k, m);
            flow.objective.metric[k] =
                Real(p_.design_metric != nullptr ? p_.design_metric[k] : s * s);
        }
        draw_response(flow);
    }

    /// Z = R V with m random orthonormal rows R: those of L^-1 G, G G^T = L L^T, are orthonormal
    /// and, for a normal G, uniformly so. Done twice, as once loses the square of the condition of
    /// G.
    SOFTMAXFLOW_COLD void draw_rotated(Flow& flow, State& x, Scratch& e) const {
        const int m = flow.output_count();
        auto &factor = flow.objective.factor, &first = flow.objective.matrix;
        const auto entries = [&](int k, int i) { return random_entry(k, i, m); };
        project(flow, x, e, entries, [](auto&) {});
        cholesky(factor, m);
        for (int k = 0; k < m * m; ++k) first[k] = factor[k];
        for (int j = 0; j < flow.slots(); ++j)
            for (int k = 0; k < m; ++k) x.value(k, j) = Real(0.0);
        project(flow, x, e, entries, [&](auto& column) {
            solve_lower(first, m, [&](int k) -> Real& { return column[k]; });
        });
        cholesky(factor, m);
        for (int j = 0; j < flow.slots(); ++j)
            solve_lower(factor, m, [&](int k) -> Real& { return x.value(k, j); });
    }

    /// Classification: W = X of independent N(0, 1/d) or from a file; K = X X^T is dense.
    SOFTMAXFLOW_COLD void draw_samples(Flow& flow, State& x, Scratch& e) const {
        const int m = flow.output_count();
        auto& objective = flow.objective;
        if (p_.design_projection != nullptr)
            project(
                flow, x, e, [&](int k, int i) { return from_projection(k, i); }, [](auto&) {});
        else {
            const Real scale = Real(1.0) / sqrt(Real(p_.dim));
            project(
                flow, x, e,
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

    /// linspace(1, 1 / kappa).
    SOFTMAXFLOW_HD double singular_value(int k, int m) const {
        if (p_.identity_design || m == 1) return 1.0;
        return 1.0 + double(k) * ((1.0 / p_.condition_number - 1.0) / double(m - 1));
    }

    /// Z_kj = scale(k) V_kj.
    template <class Scale>
    SOFTMAXFLOW_COLD void copy_values(const Flow& flow, State& x, Scale scale) const {
        for (int k = 0; k < flow.output_count(); k += 2)
            for (int j = 0; j < flow.slots(); ++j) {
                if (!flow.tokens.valid(j)) continue;
                const Pair<Real> v = source_.value_pair(k, flow.tokens.index(j));
                x.value(k, j) = scale(k) * v.first;
                if (k + 1 < flow.output_count()) x.value(k + 1, j) = scale(k + 1) * v.second;
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
    SOFTMAXFLOW_COLD void project(Flow& flow, State& x, Scratch& e, Entries entries,
                                  Transform transform) const {
        const int m = flow.output_count();
        auto& gram = flow.objective.factor;
        const bool has_gram = flow.objective.has_factor;
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
            for (int j = 0; j < flow.slots(); ++j) {
                if (!flow.tokens.valid(j)) continue;
                const Pair<Real> v = source_.value_pair(i, flow.tokens.index(j));
                for (int k = 0; k < m; ++k) {
                    x.value(k, j) = fma(e.output[k], v.first, x.value(k, j));
                    if (both) x.value(k, j) = fma(e.residual[k], v.second, x.value(k, j));
                }
            }
        }
    }

    /// y in the singular basis: its law, normal or uniform on the sphere, is rotation invariant.
    /// The N - m coordinates outside the column space of X give the floor.
    SOFTMAXFLOW_COLD void draw_response(Flow& flow) const {
        const int m = flow.output_count();
        if (p_.design_response != nullptr) {
            for (int k = 0; k < m; ++k) flow.objective.response[k] = Real(p_.design_response[k]);
            flow.objective.floor = Real(p_.design_floor);
            return;
        }
        Real inside(0.0), outside(0.0);
        for (int i = 0; i < p_.samples; ++i) {
            const Pair<Real> g = source_.draws.normals(source_.objective_purpose(), Word(i / 2));
            const Real y = i % 2 == 0 ? g.first : g.second;
            if (i < m) {
                flow.objective.response[i] = y;
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
                const Real y = flow.objective.response[k];
                solution = fma(y, y / flow.objective.metric[k], solution);
            }
            scale = Real(p_.solution_norm) / sqrt(solution);
        }
        for (int k = 0; k < m; ++k) flow.objective.response[k] = flow.objective.response[k] * scale;
        flow.objective.floor = Real(p_.loss_constant) * outside * scale * scale;
    }

    const Parameters& p_;
    Source<Real> source_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
