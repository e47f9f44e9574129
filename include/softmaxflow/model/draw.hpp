#pragma once
/// The start of a replica: its objective and (Z(0), a(0)), drawn from the counter-based generator
/// or taken from files. V(0) is drawn entry by entry and folded into Z(0) = W V(0); it is never
/// stored, so a large d costs time at the start and nothing else.

#include "softmaxflow/model/flow.hpp"
#include "softmaxflow/model/source.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Draws or reads the start of replicas [replica, replica + width) of a flow.
template <class Flow>
class Start {
public:
    using Real = typename Flow::Real;

    SOFTMAXFLOW_HD Start(const Parameters& parameters, Bits replica, Bits last_replica)
        : p_(parameters), source_(parameters, replica, last_replica) {}

    SOFTMAXFLOW_COLD void operator()(Flow& flow, typename Flow::State& x) const {
        using Loss = typename Flow::Loss;
        draw_logits(flow, x);
        for (int k = 0; k < flow.output_count(); ++k)
            for (int j = 0; j < flow.slots(); ++j) x.value(k, j) = Real(0.0);
        flow.objective.constant = p_.loss_constant;
        if constexpr (Loss::kind == ObjectiveKind::direction ||
                      Loss::kind == ObjectiveKind::unit_direction)
            draw_direction(flow, x);
        else if constexpr (Loss::kind == ObjectiveKind::design)
            draw_design(flow, x);
        else
            draw_classes(flow, x);
    }

private:
    SOFTMAXFLOW_COLD void draw_logits(const Flow& flow, typename Flow::State& x) const {
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
    SOFTMAXFLOW_COLD void draw_direction(Flow& flow, typename Flow::State& x) const {
        Real square(0.0);
        for (int i = 0; i < p_.dim; i += 2) {
            const Pair<Real> t = source_.target_pair(i);
            const bool both = i + 1 < p_.dim;
            square = fma(t.first, t.first, square);
            if (both) square = fma(t.second, t.second, square);
            for (int j = 0; j < flow.slots(); ++j) {
                if (!flow.tokens.valid(j)) continue;
                const Pair<Real> v = source_.value_pair(i, flow.tokens.index(j));
                x.value(0, j) = fma(t.first, v.first, x.value(0, j));
                if (both) x.value(0, j) = fma(t.second, v.second, x.value(0, j));
            }
            // A basis target ends after its only entry.
            if (p_.start_target == nullptr && p_.target == Target::basis) break;
        }
        const bool unit = source_.normalises(Flow::Loss::kind);
        if (unit) {
            const Real length = sqrt(square);
            for (int j = 0; j < flow.slots(); ++j) x.value(0, j) = x.value(0, j) / length;
        }
        flow.objective.metric[0] = unit ? Real(1.0) : square;
        const bool has_radius = Flow::Loss::kind == ObjectiveKind::unit_direction;
        flow.objective.response[0] = Real(has_radius ? p_.loss_constant : 0.0);
    }

    /// W = I: Z = V; p = softmax(sharpness * uniform).
    SOFTMAXFLOW_COLD void draw_classes(Flow& flow, typename Flow::State& x) const {
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

    /// Regression. A random design with singular values S is needed only through K = S^2 and
    /// Z(0) = S G, where G = R^T V has the law of V because V is rotation invariant.
    SOFTMAXFLOW_COLD void draw_design(Flow& flow, typename Flow::State& x) const {
        if (p_.design_projection != nullptr) {
            project_values(flow, x);
            for (int k = 0; k < flow.output_count(); ++k)
                flow.objective.metric[k] = Real(p_.design_metric[k]);
        } else {
            copy_values(flow, x,
                        [&](int k) { return Real(singular_value(k, flow.output_count())); });
            for (int k = 0; k < flow.output_count(); ++k) {
                const double s = singular_value(k, flow.output_count());
                flow.objective.metric[k] = Real(s * s);
            }
        }
        draw_response(flow);
    }

    /// linspace(1, 1 / kappa).
    SOFTMAXFLOW_HD double singular_value(int k, int m) const {
        if (p_.identity_design || m == 1) return 1.0;
        return 1.0 + double(k) * ((1.0 / p_.condition_number - 1.0) / double(m - 1));
    }

    /// Z_kj = scale(k) V_kj.
    template <class Scale>
    SOFTMAXFLOW_HD void copy_values(const Flow& flow, typename Flow::State& x, Scale scale) const {
        for (int k = 0; k < flow.output_count(); k += 2)
            for (int j = 0; j < flow.slots(); ++j) {
                if (!flow.tokens.valid(j)) continue;
                const Pair<Real> v = source_.value_pair(k, flow.tokens.index(j));
                x.value(k, j) = scale(k) * v.first;
                if (k + 1 < flow.output_count()) x.value(k + 1, j) = scale(k + 1) * v.second;
            }
    }

    /// Z = W V with W from a file.
    SOFTMAXFLOW_COLD void project_values(const Flow& flow, typename Flow::State& x) const {
        for (int i = 0; i < p_.dim; i += 2)
            for (int j = 0; j < flow.slots(); ++j) {
                if (!flow.tokens.valid(j)) continue;
                const Pair<Real> v = source_.value_pair(i, flow.tokens.index(j));
                for (int k = 0; k < flow.output_count(); ++k) {
                    const double* w = p_.design_projection + Int(k) * p_.dim + i;
                    x.value(k, j) = fma(Real(w[0]), v.first, x.value(k, j));
                    if (i + 1 < p_.dim) x.value(k, j) = fma(Real(w[1]), v.second, x.value(k, j));
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
