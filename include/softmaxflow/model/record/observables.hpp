#pragma once
/// The observables of one replica at one state, from the shares p = s / sum s. Entropy and the
/// deficit 1 - max p use their logarithms relative to the largest, so nothing is lost when the
/// softmax is one-hot to 4000 digits. What needs p >= 0 is NaN where a share is negative.

#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/dynamics/leader.hpp"
#include "softmaxflow/model/numerics/cholesky.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The entropy of the shares and log(1 - max p), in terms of the largest share and the others.
template <class System>
struct ShareShape {
    using Real = typename System::Real;
    Real entropy, log_deficit;

    /// `logs` is filled with log p up to a common constant.
    template <class Array>
    SOFTMAXFLOW_COLD ShareShape(const System& system, const typename System::State& x,
                                typename System::Evaluation& e, Array& logs) {
        visit(system.map, [&](auto map) {
            for (int k = 0; k < system.slots(); ++k)
                logs[k] = map.log_share(x.logits[k], e.share(k));
        });
        const auto log_share = [&](int k) { return logs[k]; };
        auto& scratch = e.token_scratch;
        const Leader<Real> leader = find_leader(system.tokens, scratch, log_share);
        const Real top = leader.value, gap = leader.second - top;
        const auto over_others = [&](auto term) {
            return sum(system.tokens, scratch, [&](int k) {
                return select(leader.index == Real(system.tokens.index(k)), Real(-0.0), term(k));
            });
        };
        // others = sum_{j != l} p_j / p_l. Relative to the second largest the sum lies in
        // [1, n-1] even if `others` underflows.
        const Real log_others =
            gap + log(over_others([&](int k) { return exp_call(log_share(k) - leader.second); }));
        const Real others = over_others([&](int k) { return exp_call(log_share(k) - top); });
        // sum_{j != l} (p_j / p_l) log(p_l / p_j), with 0 log 0 = 0.
        const Real spread = over_others([&](int k) {
            const Real below = top - log_share(k);
            return select(below < Real(infinity()), exp_call(-below) * below,
                          select(below == below, Real(0.0), below));
        });
        const Real log_total = log1p(others);
        entropy = fma(spread, Real(1.0) / (Real(1.0) + others), log_total);
        log_deficit = select(leader.second > Real(-infinity()), log_others - log_total,
                             leader.second + (top - top));
        const auto undefined = !(others >= Real(0.0));
        entropy = select(undefined, Real(not_a_number()), entropy);
        log_deficit = select(undefined, Real(not_a_number()), log_deficit);
    }
};

/// sqrt(sum_k x_k y_k), in the order of k; |x| without rounding for a single x = y.
template <class Outputs, class X, class Y>
SOFTMAXFLOW_COLD auto root_of_product(const Outputs& outputs, X x, Y y) {
    auto total = x(0) * y(0);
    for (int k = 1; k < outputs.slots(); ++k) total = fma(x(k), y(k), total);
    return sqrt(total);
}
template <class Outputs, class Array>
SOFTMAXFLOW_COLD auto norm(const Outputs& outputs, const Array& x) {
    if (outputs.slots() == 1) return abs(x[0]);
    const auto entry = [&](int k) { return x[k]; };
    return root_of_product(outputs, entry, entry);
}

/// |dV/dt| = |W^T q| |s| and |da/dt| = rho |J^T w|, decay aside.
template <class System>
struct GradientNorms {
    using Real = typename System::Real;
    Real values, logits;

    /// `drives` is used up.
    template <class Array>
    SOFTMAXFLOW_COLD GradientNorms(const System& system, const typename System::State& x,
                                   typename System::Evaluation& e, Array& drives,
                                   double logit_rate) {
        auto& scratch = e.token_scratch;
        const Real weight_norm =
            sqrt(sum(system.tokens, scratch, [&](int k) { return e.weight(k) * e.weight(k); }));
        const auto residual = [&](int k) { return e.residual[k]; };
        const Real row_norm = system.output_count() == 1
                                  ? sqrt(system.objective.metric[0]) * abs(e.residual[0])
                                  : root_of_product(system.outputs, residual, [&](int k) {
                                        return system.value_drive(e, k);
                                    });
        values = row_norm * weight_norm;
        const Real logit_force_scale = system.logit_force_scale(e);
        system.for_each_drive(x, e, [&](int j, Real slope, Real centred) {
            const Real drive = logit_force_scale * slope * centred;
            drives[j] = drive * drive;
        });
        logits =
            Real(logit_rate) * sqrt(sum(system.tokens, scratch, [&](int k) { return drives[k]; }));
    }
};

/// |W^+ Z|, W^+ the pseudo-inverse: sum_k |Z_k|^2 / K_k, or |L^-1 Z|^2 where K = L L^T is dense.
template <class System>
SOFTMAXFLOW_COLD auto value_norm(const System& system, const typename System::State& x,
                                 typename System::Evaluation& e) {
    using Real = typename System::Real;
    const int m = system.output_count();
    const auto column = [&](int j) {
        Real square(0.0);
        if (system.objective.dense) {
            for (int k = 0; k < m; ++k) e.output_scratch[k] = x.value(k, j);
            solve_lower(system.objective.factor, m,
                        [&](int k) -> Real& { return e.output_scratch[k]; });
            for (int k = 0; k < m; ++k)
                square = fma(e.output_scratch[k], e.output_scratch[k], square);
        } else {
            for (int k = 0; k < m; ++k)
                square = fma(x.value(k, j) / system.objective.metric[k], x.value(k, j), square);
        }
        return square;
    };
    return sqrt(sum(system.tokens, e.token_scratch, column));
}

/// What observe() needs beside the state.
template <class Real>
struct Instant {
    Real leader;         // the initial leader's token
    Real arc, log_time;  // log_time: NaN at the start
    double logit_rate;
};

/// Fills out[observable] at an evaluated state; `logs` (slot) is used up.
template <class System, class Array>
SOFTMAXFLOW_COLD void observe(const System& system, const typename System::State& x,
                              typename System::Evaluation& e,
                              const Instant<typename System::Real>& now, Array& logs,
                              typename System::Real (&out)[observable_count]) {
    using Real = typename System::Real;
    const auto put = [&](Observable name, Real value) { out[int(name)] = value; };
    auto& scratch = e.token_scratch;
    const auto& tokens = system.tokens;

    visit(system.loss, [&](auto loss) {
        put(Observable::loss, loss.value(system.objective, system.outputs, e.output));
    });

    const ShareShape<System> shape(system, x, e, logs);
    put(Observable::entropy, shape.entropy);
    put(Observable::effective_tokens, exp_call(shape.entropy));
    put(Observable::log10_deficit, shape.log_deficit * Real(0.4342944819032518));
    const auto share = [&](int k) { return e.share(k); };
    const Leader<Real> top = find_leader(tokens, scratch, share);
    put(Observable::max_probability, top.value);
    put(Observable::margin, top.value - top.second);
    put(Observable::participation_ratio,
        Real(1.0) / sum(tokens, scratch, [&](int k) { return share(k) * share(k); }));

    const auto logit = [&](int k) { return x.logits[k]; };
    const auto projected = [&](int k) { return system.projected_value(x, e, k); };
    put(Observable::logit_range,
        largest(tokens, scratch, logit) - smallest(tokens, scratch, logit));

    const Pair<Real> leader_logit = against_others(tokens, scratch, now.leader, logit);
    const Pair<Real> leader_value = against_others(tokens, scratch, now.leader, projected);
    put(Observable::leader_probability, against_others(tokens, scratch, now.leader, share).first);
    put(Observable::leader_logit_gap, leader_logit.first - leader_logit.second);
    put(Observable::leader_value_gap, leader_value.first - leader_value.second);

    put(Observable::output_norm, norm(system.outputs, e.output));
    put(Observable::residual_norm, norm(system.outputs, e.residual));
    const GradientNorms<System> gradient(system, x, e, logs, now.logit_rate);
    put(Observable::value_gradient_norm, gradient.values);
    put(Observable::logit_gradient_norm, gradient.logits);
    put(Observable::value_norm, value_norm(system, x, e));

    put(Observable::arc, now.arc);
    put(Observable::log_time, now.log_time);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
