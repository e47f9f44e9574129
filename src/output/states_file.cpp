// states.nc: what is recorded of the first replicas, enough to go on from.
#include <fmt/format.h>

#include "backend/host/traits_of.hpp"
#include "output/results_builder.hpp"

namespace softmaxflow {
namespace {

void append(std::vector<double>& all, const std::vector<double>& part) {
    all.insert(all.end(), part.begin(), part.end());
}

/// One array of every recorded replica, one replica after the other.
std::vector<double> gather(const std::vector<StateRecord>& states,
                           std::vector<double> StateRecord::*part) {
    std::vector<double> all;
    for (const StateRecord& state : states) append(all, state.*part);
    return all;
}

/// One number of every recorded replica.
template <class T>
std::vector<T> gather(const std::vector<StateRecord>& states, T StateRecord::*part) {
    std::vector<T> all;
    for (const StateRecord& state : states) all.push_back(state.*part);
    return all;
}

/// What the loss compares the outputs with, if it does with anything.
void add_objective(DatasetBuilder& file, const Problem& problem,
                   const std::vector<StateRecord>& states) {
    const model::ObjectiveTraits& objective = loss_traits(problem.config).objective;
    const model::ResponseText& text = objective.text;
    if (objective.response == model::ResponseRole::distribution)
        file.dimension(text.dimension, static_cast<std::size_t>(problem.outputs));
    if (objective.response != model::ResponseRole::none)
        file.variable(text.variable, {"state", text.dimension},
                      gather(states, &StateRecord::response), "1", text.long_name, text.comment);
    if (objective.has_floor) {
        file.variable("loss_floor", {"state"}, gather(states, &StateRecord::floor), "1",
                      "loss that no output removes",
                      "from the part of y outside the column space of the design");
    }
    if (problem.outputs == 1 && !states.empty() && !states.front().target.empty()) {
        file.dimension("dim", static_cast<std::size_t>(problem.config.model.dim));
        file.variable("target", {"state", "dim"}, gather(states, &StateRecord::target), "1",
                      "direction of the objective: z = target . beta");
    }
}

/// What the method remembers from step to step.
void add_memory(DatasetBuilder& file, const model::MethodTraits& method,
                const std::vector<StateRecord>& states) {
    for (int i = 0; i < method.memories; ++i) {
        const auto& [name, rule] = method.memory[i];
        std::vector<double> logits, values;
        for (const StateRecord& state : states) {
            append(logits, state.memory_logits[i]);
            append(values, state.memory_values[i]);
        }
        file.variable(fmt::format("{}_logits", name), {"state", "checkpoint", "token"},
                      std::move(logits), "1",
                      fmt::format("{} of {}, of the logits", name, method.name), rule);
        file.variable(
            fmt::format("{}_projected_values", name), {"state", "checkpoint", "output", "token"},
            std::move(values), "1",
            fmt::format("{} of {}, of {}", name, method.name,
                        method.entrywise ? "G in Z = Z(0) + K G" : "the projected values"),
            rule);
    }
}

/// What the integrator of a flow goes on with.
void add_integrator(DatasetBuilder& file, const std::vector<StateRecord>& states) {
    file.variable("clock", {"state", "checkpoint"}, gather(states, &StateRecord::clock), "1",
                  "clock of the replica at the checkpoint",
                  "less than checkpoint_clock where it had converged or stopped early before");
    file.variable("step_size", {"state", "checkpoint"}, gather(states, &StateRecord::step_size),
                  "1", "next step of the clock");
    file.dimension("controller_entry", 2);
    file.variable("controller", {"state", "checkpoint", "controller_entry"},
                  gather(states, &StateRecord::controller), "1",
                  "memory of the step controller: last error relative to the tolerance; steps in a "
                  "row that looked stiff",
                  "the second is -1 once the replica is with the implicit method");
}

void add_state_arrays(DatasetBuilder& file, const Problem& problem,
                      const std::vector<StateRecord>& states) {
    file.variable("replica", {"state"}, gather(states, &StateRecord::replica), "1",
                  "number of the replica");
    file.variable("logits", {"state", "checkpoint", "token"}, gather(states, &StateRecord::logits),
                  "1", "logits a");
    file.variable("probability", {"state", "checkpoint", "token"},
                  gather(states, &StateRecord::probability), "1", "attention weights s");
    file.variable("projected_values", {"state", "checkpoint", "output", "token"},
                  gather(states, &StateRecord::projected_values), "1",
                  "projected values Z = W V, the part of V that the loss sees",
                  "the output is z = Z s");
    add_memory(file, method_traits(problem.config), states);
    file.variable("arc", {"state", "checkpoint"}, gather(states, &StateRecord::arc), "1",
                  "arc length tau: integral of the residual norm");
    file.variable("log_time", {"state", "checkpoint"}, gather(states, &StateRecord::log_time),
                  "log(time)",
                  is_flow(problem.config) ? "logarithm of the time t"
                                          : "logarithm of learning_rate * iteration",
                  "NaN at the start");
    if (is_flow(problem.config)) add_integrator(file, states);
    file.variable("initial_leader", {"state"}, gather(states, &StateRecord::initial_leader), "1",
                  "token of largest projected value (Z^T q) at the start, the first on ties",
                  "tokens count from 0; the token of rank 0");
    const std::vector<double> ranks = gather(states, &StateRecord::ranks);
    file.variable("rank", {"state", "token"}, std::vector<std::int32_t>(ranks.begin(), ranks.end()),
                  "1", "rank of the token by projected value (Z^T q) at the start",
                  "from 0, the largest; on ties the lower token is first");
}

}  // namespace

Dataset states_dataset(const Problem& problem, const CellResult& result, const RunInfo& info) {
    const std::vector<StateRecord>& states = result.states;
    const auto outputs = static_cast<std::size_t>(problem.outputs);
    DatasetBuilder file("States of the first replicas", problem, result, info);
    file.dimension("state", states.size());
    file.add_checkpoints(problem, "checkpoint_clock");  // `clock` is that of each state
    file.dimension("output", outputs);
    file.dimension("output_b", outputs);
    file.dimension("token", static_cast<std::size_t>(problem.config.model.tokens));

    add_state_arrays(file, problem, states);
    file.variable("metric", {"state", "output", "output_b"}, gather(states, &StateRecord::metric),
                  "1", "K = W W^T: how strongly the projected values follow the residual");
    add_objective(file, problem, states);
    return file.finish();
}

}  // namespace softmaxflow
