#pragma once
/// Goes on from recorded states instead of drawing: what was written is read back as it is, so the
/// bits of what follows are those of a run that was never interrupted.

#include "softmaxflow/model/dynamics/update_rules.hpp"
#include "softmaxflow/model/initial/value_laws.hpp"
#include "softmaxflow/model/numerics/cholesky.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

template <class Flow>
class Restart {
public:
    using Real = typename Flow::Real;
    using State = typename Flow::State;

    SOFTMAXFLOW_HD Restart(const Parameters& parameters, Bits replica, Bits last_replica)
        : p_(parameters), source_(parameters, replica, last_replica) {}

    /// The state, what the method remembers (at rest where the file has nothing), the objective.
    SOFTMAXFLOW_COLD void operator()(Flow& flow, State& x, State* memory, int memories) const {
        read_state(flow, x, p_.restart_logits, p_.restart_values);
        for (int i = 0; i < memories; ++i)
            if (p_.restart_memory_logits[i] != nullptr)
                read_state(flow, memory[i], p_.restart_memory_logits[i],
                           p_.restart_memory_values[i]);
        read_objective(flow);
    }

    SOFTMAXFLOW_COLD void read_clocks(Real& arc, Real& log_time, Real& clock, Real& step_size,
                                      Real& step_error, Real& stiff_steps) const {
        arc = source_.from_file(p_.restart_arc, 1, 0);
        if (p_.restart_clock == nullptr) return;
        log_time = source_.from_file(p_.restart_log_time, 1, 0);
        clock = source_.from_file(p_.restart_clock, 1, 0);
        step_size = source_.from_file(p_.restart_step_size, 1, 0);
        step_error = source_.from_file(p_.restart_controller, 2, 0);
        stiff_steps = source_.from_file(p_.restart_controller, 2, 1);
    }
    SOFTMAXFLOW_HD Real leader() const { return source_.from_file(p_.restart_leader, 1, 0); }
    template <class Array>
    SOFTMAXFLOW_COLD void read_ranks(const Flow& flow, Array& rank) const {
        for (int j = 0; j < flow.slots(); ++j)
            if (flow.tokens.valid(j))
                rank[j] = source_.from_file(p_.restart_ranks, p_.tokens, flow.tokens.index(j));
    }

private:
    SOFTMAXFLOW_COLD void read_state(const Flow& flow, State& x, const double* logits,
                                     const double* values) const {
        const int n = p_.tokens, m = flow.output_count();
        for (int j = 0; j < flow.slots(); ++j) {
            const bool valid = flow.tokens.valid(j);
            const int token = flow.tokens.index(j);
            x.logits[j] = valid ? source_.from_file(logits, n, token) : Real(0.0);
            for (int k = 0; k < m; ++k)
                x.value(k, j) =
                    valid ? source_.from_file(values, Int(m) * n, k * n + token) : Real(0.0);
        }
    }

    SOFTMAXFLOW_COLD void read_objective(Flow& flow) const {
        auto& objective = flow.objective;
        const int m = flow.output_count();
        objective.constant = p_.loss_constant;
        objective.floor = source_.from_file(p_.restart_floor, 1, 0);
        const auto metric = [&](int k, int l) {
            return source_.from_file(p_.restart_metric, Int(m) * m, k * m + l);
        };
        for (int k = 0; k < m; ++k) {
            objective.response[k] = source_.from_file(p_.restart_response, m, k);
            objective.metric[k] = metric(k, k);
            for (int l = 0; objective.dense && l < m; ++l)
                objective.factor[k * m + l] = objective.matrix[k * m + l] = metric(k, l);
        }
        if (objective.dense) cholesky(objective.factor, m);
    }

    const Parameters& p_;
    Source<Real> source_;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
