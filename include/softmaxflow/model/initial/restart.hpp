#pragma once
/// Goes on from recorded states instead of drawing: what was written is read back as it is, so the
/// bits of what follows are those of a run that was never interrupted.

#include "softmaxflow/model/dynamics/update_rules.hpp"
#include "softmaxflow/model/initial/value_laws.hpp"
#include "softmaxflow/model/numerics/cholesky.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Whether the states to go on from hold that memory of the method; else it starts from rest.
SOFTMAXFLOW_HD bool has_memory(const Parameters& p, int i) {
    return p.restart[state_column::memory(state_column::memory_logits, i)] != nullptr;
}

template <class System>
class Restart {
public:
    using Real = typename System::Real;
    using State = typename System::State;

    SOFTMAXFLOW_HD Restart(const Parameters& parameters, Bits replica, Bits last_replica)
        : p_(parameters), source_(parameters, replica, last_replica) {}

    /// The state, what the method remembers (at rest where the file has nothing), the objective.
    SOFTMAXFLOW_COLD void operator()(System& system, State& x, State* memory, int memories) const {
        read_state(system, x, state_column::logits, state_column::projected_values);
        for (int i = 0; i < memories; ++i)
            if (has_memory(p_, i))
                read_state(system, memory[i], state_column::memory(state_column::memory_logits, i),
                           state_column::memory(state_column::memory_values, i));
        read_objective(system);
    }

    /// Descent knows its clocks but for the arc.
    template <class AnyClocks>
    SOFTMAXFLOW_COLD void read_clocks(AnyClocks& clocks) const {
        const bool by_flow = p_.restart[state_column::clock] != nullptr;
        clocks.for_each(by_flow, [&](state_column::Index column, int entry, Real& number) {
            if (column == state_column::log_time && !by_flow) return;
            number = from_column(column, column == state_column::controller ? 2 : 1, entry);
        });
    }
    SOFTMAXFLOW_HD Real leader() const { return from_column(state_column::initial_leader, 1, 0); }
    template <class Array>
    SOFTMAXFLOW_COLD void read_ranks(const System& system, Array& rank) const {
        for (int j = 0; j < system.slots(); ++j)
            if (system.tokens.valid(j))
                rank[j] = from_column(state_column::rank, p_.tokens, system.tokens.index(j));
    }

private:
    SOFTMAXFLOW_HD Real from_column(int column, Int row_length, Int offset) const {
        return source_.from_file(p_.restart[column], row_length, offset);
    }

    SOFTMAXFLOW_COLD void read_state(const System& system, State& x, int logits, int values) const {
        const int n = p_.tokens, m = system.output_count();
        for (int j = 0; j < system.slots(); ++j) {
            const bool valid = system.tokens.valid(j);
            const int token = system.tokens.index(j);
            x.logits[j] = valid ? from_column(logits, n, token) : Real(0.0);
            for (int k = 0; k < m; ++k)
                x.value(k, j) = valid ? from_column(values, Int(m) * n, k * n + token) : Real(0.0);
        }
    }

    SOFTMAXFLOW_COLD void read_objective(System& system) const {
        auto& objective = system.objective;
        const int m = system.output_count();
        objective.constant = p_.loss_constant;
        objective.floor = from_column(state_column::loss_floor, 1, 0);
        const auto metric = [&](int k, int l) {
            return from_column(state_column::metric, Int(m) * m, k * m + l);
        };
        for (int k = 0; k < m; ++k) {
            objective.response[k] = from_column(state_column::response, m, k);
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
