#pragma once
/// One state as claims see it: every token in order, whoever of the team holds it. All lanes of a
/// team compute the same margins, in the order of the tokens, so their bits depend on no team size.

#include "softmaxflow/model/claims/claim.hpp"
#include "softmaxflow/model/dynamics/vector_field.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// entry(slot) of the token of that index, for all lanes of the team.
template <class Team, int N, class Array, class Entry>
SOFTMAXFLOW_HD auto at_token(const Tokens<Team, N>& tokens, Array& scratch, int index,
                             Entry entry) {
    using Real = typename Array::Element;
    if constexpr (Team::size == 1) return Real(entry(index));
    return sum(tokens, scratch,
               [&](int j) { return tokens.index(j) == index ? Real(entry(j)) : Real(-0.0); });
}

template <class SystemType>
class Snapshot {
public:
    using System = SystemType;
    using Real = typename System::Real;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;

    SOFTMAXFLOW_HD Snapshot(Arena& arena, int tokens, int outputs)
        : n(tokens),
          m(outputs),
          weight(arena, tokens),
          logit(arena, tokens),
          value(arena, tokens),
          logit_force(arena, tokens),
          workspace{{arena, tokens}, {arena, tokens}, {arena, tokens}},
          before_(arena, tokens),
          model_(arena, tokens) {}

    int n, m;
    Storage<Real, 0> weight;        // s_i
    Storage<Real, 0> logit;         // a_i
    Storage<Real, 0> value;         // u_i, or w_i where there are several outputs
    Storage<Real, 0> logit_force;   // da_i / dclock; descent: a_i minus that of the step before
    Storage<Real, 0> workspace[3];  // for the claims
    Real metric{1.0};               // K of one output
    double logit_rate = 1.0;

    /// An accepted state of the flow. The arguments must outlive the use of this.
    SOFTMAXFLOW_COLD void look(const VectorField<System>& field, const State& x,
                               const State& derivative, Evaluation& e) {
        field_ = &field, x_ = &x, derivative_ = &derivative, evaluation_ = &e;
        gather(field.system, x, e);
        logit_rate = double(field.logit_rate);
        take(field.system, e, logit_force, [&](int j) { return derivative.logits[j]; });
    }

    /// A state of descent that `flow` has evaluated; the logit force is what the last step did to
    /// a.
    SOFTMAXFLOW_COLD void look(const System& system, const State& x, Evaluation& e, double rate) {
        field_ = nullptr;
        gather(system, x, e);
        logit_rate = rate;
        for (int i = 0; i < n; ++i) logit_force[i] = logit[i] - before_[i];
    }
    SOFTMAXFLOW_HD void keep_logits() {
        for (int i = 0; i < n; ++i) before_[i] = logit[i];
    }
    /// What the rounding of logit force i is relative to.
    SOFTMAXFLOW_HD Real logit_force_size(int i) const {
        return field_ != nullptr ? abs(logit_force[i]) : abs(logit[i]) + abs(before_[i]);
    }

    /// dz_k / dclock by the chain rule from the derivative of the state, and the sum of the
    /// absolute values of its terms; and what the model says it is,
    ///     dz = (|s|^2 K + rho Z J J^T Z^T) r,    J the Jacobian of the map.
    struct OutputRate {
        Real chain, closed, terms;
    };
    /// To be called before output_rate.
    SOFTMAXFLOW_COLD void note_model() {
        visit(field_->system.map, [&](auto map) {
            for (int j = 0; j < field_->system.slots(); ++j) model_[j] = model_logit_force(map, j);
        });
    }
    SOFTMAXFLOW_COLD OutputRate output_rate(int k) {
        const System& system = field_->system;
        OutputRate rate{};
        visit(system.map, [&](auto map) {
            const auto from_drives = along(map, k, [&](int j) { return derivative_->logits[j]; });
            const Real fed =
                total([&](int j) { return derivative_->value(k, j) * evaluation_->weight(j); });
            const Real drive = system.value_drive(*evaluation_, k);
            const Real square =
                total([&](int j) { return evaluation_->weight(j) * evaluation_->weight(j); });
            const auto from_model = along(map, k, [&](int j) { return model_[j]; });
            rate.chain = fed + from_drives.sum;
            rate.closed = fma(drive, square, from_model.sum);
            rate.terms = abs(fed) + abs(drive * square) + from_drives.terms + from_model.terms;
        });
        return rate;
    }
    SOFTMAXFLOW_HD Real residual(int k) const { return evaluation_->residual[k]; }
    /// <r, K r> |s|^2 + |da|^2 / rho: what -dL/dclock is, up to |q|.
    SOFTMAXFLOW_COLD Real square_of_gradient() {
        const System& system = field_->system;
        Real drive(0.0);
        for (int k = 0; k < m; ++k)
            drive = fma(residual(k), system.value_drive(*evaluation_, k), drive);
        const Real weights =
            total([&](int j) { return evaluation_->weight(j) * evaluation_->weight(j); });
        const Real logit_forces =
            total([&](int j) { return derivative_->logits[j] * derivative_->logits[j]; });
        const Real moved = logit_rate > 0.0 ? logit_forces / Real(logit_rate) : Real(0.0);
        return fma(drive, weights, moved);
    }

private:
    struct Sum {
        Real sum, terms;
    };

    template <class Entry>
    SOFTMAXFLOW_HD void take(const System& system, Evaluation& e, Storage<Real, 0>& to,
                             Entry entry) {
        for (int i = 0; i < n; ++i) to[i] = at_token(system.tokens, e.token_scratch, i, entry);
    }

    SOFTMAXFLOW_HD void gather(const System& system, const State& x, Evaluation& e) {
        take(system, e, weight, [&](int j) { return e.weight(j); });
        take(system, e, logit, [&](int j) { return x.logits[j]; });
        const bool single = m == 1;
        take(system, e, value,
             [&](int j) { return single ? x.value(0, j) : system.projected_value(x, e, j); });
        metric = system.objective.metric[0];
    }

    template <class Term>
    SOFTMAXFLOW_HD Real total(Term term) {
        return sum(field_->system.tokens, evaluation_->token_scratch, term);
    }

    /// Z_k J da relative to a token of large weight, where the map allows.
    template <class Map, class Change>
    SOFTMAXFLOW_COLD Sum along(Map map, int k, Change da) {
        const auto slope = [&](int j) {
            return evaluation_->scales.weight *
                   map.slope(x_->logits[j], evaluation_->numerators[j]);
        };
        Real phi(0.0), reference(0.0);
        if (map.normalised) phi = total([&](int j) { return slope(j) * da(j); });
        if (map.sums_to_one)
            reference = total([&](int j) { return evaluation_->weight(j) * x_->value(k, j); });
        const auto term = [&](int j) {
            const Real ds = fma(-phi, evaluation_->weight(j), slope(j) * da(j));
            return (x_->value(k, j) - reference) * ds;
        };
        return {total(term), total([&](int j) { return abs(term(j)); })};
    }

    /// rho (J^T Z^T r)_j, relative to a mean of w as `along`.
    template <class Map>
    SOFTMAXFLOW_HD Real model_logit_force(Map map, int j) {
        const Real slope =
            evaluation_->scales.weight * map.slope(x_->logits[j], evaluation_->numerators[j]);
        const Real own = field_->system.projected_value(*x_, *evaluation_, j);
        const Real mean =
            map.normalised ? field_->system.mean_projected_value(*evaluation_) : Real(0.0);
        return Real(logit_rate) * slope * (own - mean);
    }

    Storage<Real, 0> before_;
    Storage<Real, 0> model_;  // (slot): what da/dclock is by the model
    const VectorField<System>* field_ = nullptr;
    const State *x_ = nullptr, *derivative_ = nullptr;
    Evaluation* evaluation_ = nullptr;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
