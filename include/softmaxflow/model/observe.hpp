#pragma once
/// The observables of one replica at one state. Weights enter through their logarithms relative to
/// the largest, and 1 - max s is a sum of the other weights, so nothing is lost when the softmax is
/// one-hot to 4000 digits.

#include "softmaxflow/model/catalogue.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The largest entry of x over tokens, its lowest index (n if x has NaN), and the best of the rest.
template <class Real>
struct Leader {
    Real index, value, second;
};

/// `x(slot)` gives the entry; `scratch` is used up.
template <class Team, int N, class Array, class Entry>
SOFTMAXFLOW_COLD auto find_leader(const Tokens<Team, N>& tokens, Array& scratch, Entry x) {
    using Real = typename Array::Element;
    Leader<Real> leader;
    for (int k = 0; k < tokens.slots(); ++k) scratch[k] = x(k);
    leader.value = largest(tokens, scratch);
    for (int k = 0; k < tokens.slots(); ++k)
        scratch[k] = select(x(k) == leader.value, Real(tokens.index(k)), Real(tokens.count()));
    leader.index = smallest(tokens, scratch);
    for (int k = 0; k < tokens.slots(); ++k)
        scratch[k] = select(leader.index == Real(tokens.index(k)), Real(-infinity()), x(k));
    leader.second = largest(tokens, scratch);
    return leader;
}

/// x at token `index`, and the largest x among the others.
template <class Team, int N, class Array, class Real, class Entry>
SOFTMAXFLOW_COLD Pair<Real> against_others(const Tokens<Team, N>& tokens, Array& scratch,
                                           Real index, Entry x) {
    for (int k = 0; k < tokens.slots(); ++k)
        scratch[k] = select(index == Real(tokens.index(k)), x(k), Real(-infinity()));
    const Real own = largest(tokens, scratch);
    for (int k = 0; k < tokens.slots(); ++k)
        scratch[k] = select(index == Real(tokens.index(k)), Real(-infinity()), x(k));
    return {own, largest(tokens, scratch)};
}

/// The shape of the weight distribution, in terms of its largest weight and the others.
template <class Flow>
struct WeightShape {
    using Real = typename Flow::Real;
    Real top;     // largest log weight
    Real others;  // sum_{j != l} s_j / s_l
    Real gap;     // log of the second largest weight over the largest
    Real log_others;
    Real spread;   // sum_{j != l} (s_j / s_l) log(s_l / s_j)
    Real squares;  // sum_{j != l} (s_j / s_l)^2

    SOFTMAXFLOW_COLD WeightShape(const Flow& flow, const typename Flow::State& x,
                                 typename Flow::Evaluation& e) {
        const auto log_weight = [&](int k) { return Flow::Map::log_weight(x.logits[k]); };
        auto& scratch = e.token_scratch;
        const Leader<Real> leader = find_leader(flow.tokens, scratch, log_weight);
        top = leader.value;
        gap = leader.second - top;
        const auto over_others = [&](auto term) {
            for (int k = 0; k < flow.slots(); ++k)
                scratch[k] =
                    select(leader.index == Real(flow.tokens.index(k)), Real(-0.0), term(k));
            return sum(flow.tokens, scratch);
        };
        // Relative to the second largest the sum lies in [1, n-1] even if `others` underflows.
        log_others =
            gap + log(over_others([&](int k) { return exp_call(log_weight(k) - leader.second); }));
        others = over_others([&](int k) { return exp_call(log_weight(k) - top); });
        spread = over_others([&](int k) {
            const Real below = top - log_weight(k);
            return exp_call(-below) * below;
        });
        squares = over_others([&](int k) { return exp_call(Real(2.0) * (log_weight(k) - top)); });
    }
};

/// sqrt(sum_k scale(k) x_k^2), in the order of k; exact for a single term.
template <class Outputs, class Array, class Scale>
SOFTMAXFLOW_COLD auto norm(const Outputs& outputs, const Array& x, Scale scale) {
    using Real = typename Array::Element;
    if (outputs.slots() == 1) return sqrt(scale(0)) * abs(x[0]);
    Real total(0.0);
    for (int k = 0; k < outputs.slots(); ++k) total = fma(scale(k) * x[k], x[k], total);
    return sqrt(total);
}

/// Fills out[observable] at an evaluated state. `leader` is the initial leader's token.
template <class Flow>
SOFTMAXFLOW_COLD void observe(const Flow& flow, const typename Flow::State& x,
                              typename Flow::Evaluation& e, typename Flow::Real leader,
                              typename Flow::Real arc, double time, double logit_rate,
                              typename Flow::Real (&out)[observable_count]) {
    using Real = typename Flow::Real;
    using Loss = typename Flow::Loss;
    const auto put = [&](Observable name, Real value) { out[int(name)] = value; };
    auto& scratch = e.token_scratch;
    const auto& tokens = flow.tokens;

    put(Observable::loss, Loss::value(flow.objective, flow.outputs, e.output));

    const WeightShape<Flow> shape(flow, x, e);
    const Real best = Real(1.0) / (Real(1.0) + shape.others);
    const Real log_total = log1p(shape.others);
    const Real entropy = fma(best, shape.spread, log_total);
    put(Observable::entropy, entropy);
    put(Observable::effective_tokens, exp_call(entropy));
    put(Observable::participation_ratio, Real(1.0) / (best * best * (Real(1.0) + shape.squares)));
    put(Observable::max_probability, best);
    put(Observable::margin, best - best * exp_call(shape.gap));
    put(Observable::log10_deficit, (shape.log_others - log_total) * Real(0.4342944819032518));

    const auto logit = [&](int k) { return x.logits[k]; };
    const auto projected = [&](int k) { return flow.projected_value(x, e, k); };
    for (int k = 0; k < flow.slots(); ++k) scratch[k] = x.logits[k];
    const Real top_logit = largest(tokens, scratch);
    for (int k = 0; k < flow.slots(); ++k) scratch[k] = x.logits[k];
    put(Observable::logit_range, top_logit - smallest(tokens, scratch));

    const Pair<Real> leader_logit = against_others(tokens, scratch, leader, logit);
    const Pair<Real> leader_value = against_others(tokens, scratch, leader, projected);
    const auto log_weight = [&](int k) { return Flow::Map::log_weight(x.logits[k]); };
    const Real leader_weight = against_others(tokens, scratch, leader, log_weight).first;
    put(Observable::leader_probability, best * exp_call(leader_weight - shape.top));
    put(Observable::leader_logit_gap, leader_logit.first - leader_logit.second);
    put(Observable::leader_value_gap, leader_value.first - leader_value.second);

    const auto one = [](int) { return Real(1.0); };
    const auto metric = [&](int k) { return flow.objective.metric[k]; };
    put(Observable::output_norm, norm(flow.outputs, e.output, one));
    put(Observable::residual_norm, norm(flow.outputs, e.residual, one));

    // |dV/dt| = |W^T q| |s|, |da/dt| = rho |J^T w|.
    for (int k = 0; k < flow.slots(); ++k) scratch[k] = e.weights[k] * e.weights[k];
    const Real weight_norm = sqrt(sum(tokens, scratch));
    put(Observable::value_gradient_norm, norm(flow.outputs, e.residual, metric) * weight_norm);
    const Real mean = flow.mean_projected_value(e);
    for (int k = 0; k < flow.slots(); ++k) {
        const Real drive = flow.logit_drive(x, e, mean, k);
        scratch[k] = drive * drive;
    }
    put(Observable::logit_gradient_norm, Real(logit_rate) * sqrt(sum(tokens, scratch)));

    // |W^+ Z|^2 = sum_k |Z_k|^2 / K_k.
    for (int j = 0; j < flow.slots(); ++j) {
        scratch[j] = Real(0.0);
        for (int k = 0; k < flow.output_count(); ++k)
            scratch[j] = fma(x.value(k, j) / flow.objective.metric[k], x.value(k, j), scratch[j]);
    }
    put(Observable::value_norm, sqrt(sum(tokens, scratch)));

    put(Observable::arc, arc);
    put(Observable::log_time, time > 0.0 ? log(Real(time)) : Real(not_a_number()));
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
