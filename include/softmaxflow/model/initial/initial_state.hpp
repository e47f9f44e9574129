#pragma once
/// The start of a replica: its objective and (Z(0), a(0)), drawn from the counter-based generator
/// or taken from files. V(0) is drawn entry by entry and folded into Z(0) = W V(0); it is never
/// stored, so a large d costs time at the start and nothing else.

#include "softmaxflow/model/dynamics/leader.hpp"
#include "softmaxflow/model/initial/draw_matrix.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Draws or reads the start of replicas [replica, replica + width) of a flow.
template <class System>
class Start {
public:
    using Real = typename System::Real;
    using State = typename System::State;
    using Scratch = typename System::Evaluation;

    SOFTMAXFLOW_HD Start(const Parameters& parameters, Bits replica, Bits last_replica)
        : p_(parameters), source_(parameters, replica, last_replica) {}

    SOFTMAXFLOW_COLD void operator()(System& system, State& x, Scratch& e) {
        draw_logits(system, x);
        for (int k = 0; k < system.output_count(); ++k)
            for (int j = 0; j < system.slots(); ++j) x.value(k, j) = Real(0.0);
        system.objective.constant = p_.loss_constant;
        const ObjectiveKind kind = system.kind();
        if (kind == ObjectiveKind::direction || kind == ObjectiveKind::unit_direction) {
            draw_direction(system, x, e, kind);
            return;
        }
        source_.draw_direction_scale();
        const MatrixStart<System> matrix(p_, source_);
        if (kind == ObjectiveKind::design) matrix.draw_design(system, x, e);
        if (kind == ObjectiveKind::classes) matrix.draw_classes(system, x);
        if (kind == ObjectiveKind::samples) matrix.draw_samples(system, x, e);
    }

private:
    SOFTMAXFLOW_COLD void draw_logits(const System& system, State& x) const {
        for (int j = 0; j < system.slots(); ++j) {
            x.logits[j] = Real(0.0);
            if (!system.tokens.valid(j)) continue;
            const int token = system.tokens.index(j);
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
    SOFTMAXFLOW_COLD void draw_direction(System& system, State& x, Scratch& e,
                                         ObjectiveKind kind) const {
        Real square(0.0);
        for (int i = 0; i < p_.dim; i += 2) {
            const Pair<Real> t = source_.target_pair(i);
            const bool both = i + 1 < p_.dim;
            square = fma(t.first, t.first, square);
            if (both) square = fma(t.second, t.second, square);
            if (!source_.has_common_direction()) add_outer(system, x, i, both, t);
            // A basis target ends after its only entry.
            if (p_.start_target == nullptr && p_.target == Target::basis) break;
        }
        const bool unit = source_.normalises(kind);
        const Real length = sqrt(square);
        for (int j = 0; j < system.slots(); ++j) {
            if (source_.has_common_direction() && system.tokens.valid(j)) {
                const Real w = source_.token_factor(system.tokens.index(j));
                x.value(0, j) = unit ? w : length * w;
            } else if (unit) {
                x.value(0, j) = x.value(0, j) / length;
            }
        }
        system.objective.metric[0] = unit ? Real(1.0) : square;
        const bool has_radius = kind == ObjectiveKind::unit_direction;
        system.objective.response[0] = Real(has_radius ? p_.loss_constant : 0.0);
        if (p_.tie_gap > 0.0) open_gap(system, x, e.token_scratch);
    }

    /// Z_0j += t_i V_ij for rows i and, if both, i + 1.
    SOFTMAXFLOW_COLD void add_outer(const System& system, State& x, int i, bool both,
                                    Pair<Real> t) const {
        for (int j = 0; j < system.slots(); ++j) {
            if (!system.tokens.valid(j)) continue;
            const Pair<Real> v = source_.value_pair(i, system.tokens.index(j));
            x.value(0, j) = fma(t.first, v.first, x.value(0, j));
            if (both) x.value(0, j) = fma(t.second, v.second, x.value(0, j));
        }
    }

    /// The second largest projected value comes to lie tie_gap below the largest, and the others
    /// not above it.
    template <class Array>
    SOFTMAXFLOW_COLD void open_gap(const System& system, State& x, Array& scratch) const {
        const auto value = [&](int j) { return x.value(0, j); };
        const Leader<Real> first = find_leader(system.tokens, scratch, value);
        const Leader<Real> second = find_leader(system.tokens, scratch, [&](int j) {
            return select(first.index == Real(system.tokens.index(j)), Real(-infinity()), value(j));
        });
        const Real cap = first.value - Real(p_.tie_gap);
        for (int j = 0; j < system.slots(); ++j) {
            const Real index(system.tokens.index(j));
            const Real lowered = select(index == second.index, cap, min(value(j), cap));
            x.value(0, j) = select(index == first.index, value(j), lowered);
        }
    }

    const Parameters& p_;
    Source<Real> source_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
