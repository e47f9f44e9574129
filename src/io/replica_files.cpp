// replicas.nc and states.nc: what is kept of single replicas.
#include <fmt/format.h>

#include <array>
#include <limits>

#include "io/results_builder.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/catalogue.hpp"
#include "softmaxflow/model/math.hpp"

namespace softmaxflow {
namespace {

constexpr std::array status_names = {"ok",          "converged",      "stopped_early",
                                     "step_limit",  "step_underflow", "non_finite",
                                     "map_singular"};
static_assert(status_names.size() == static_cast<std::size_t>(Status::map_singular) + 1);

void add_status(DatasetBuilder& file, const std::vector<Status>& table) {
    std::vector<std::int8_t> values, flags;
    for (const Status status : table) values.push_back(static_cast<std::int8_t>(status));
    for (std::size_t i = 0; i < status_names.size(); ++i)
        flags.push_back(static_cast<std::int8_t>(i));
    Variable& status =
        file.variable("status", {"replica"}, std::move(values), "1", "how the replica ended",
                      "ok, converged and stopped_early make up n_ok; the others failed");
    status.attributes.push_back({"flag_values", std::move(flags)});
    status.attributes.push_back({"flag_meanings", fmt::format("{}", fmt::join(status_names, " "))});
}

void add_final_observables(DatasetBuilder& file, const ReplicaTable& table) {
    const std::size_t n = table.status.size();
    if (table.observables.size() != n * model::observable_count) {
        throw Error(
            Exit::internal,
            fmt::format("replica table: {} observables, expected {} for each of {} replicas",
                        table.observables.size(), int{model::observable_count}, n));
    }
    auto row = table.observables.begin();
    for (const model::ObservableInfo& x : model::observables) {
        file.variable(x.name, {"replica"}, std::vector(row, row + static_cast<std::ptrdiff_t>(n)),
                      x.unit, std::string(x.long_name) + ", at the end");
        row += static_cast<std::ptrdiff_t>(n);
    }
}

/// One array of every recorded replica, one replica after the other.
std::vector<double> gather(const std::vector<StateRecord>& states,
                           std::vector<double> StateRecord::*part) {
    std::vector<double> all;
    for (const StateRecord& state : states)
        all.insert(all.end(), (state.*part).begin(), (state.*part).end());
    return all;
}

/// K as a whole matrix: the dynamics works in the basis where it is diagonal.
std::vector<double> metric_matrices(const std::vector<StateRecord>& states, std::size_t outputs) {
    std::vector<double> all;
    for (const StateRecord& state : states) {
        for (std::size_t i = 0; i < outputs; ++i)
            for (std::size_t j = 0; j < outputs; ++j)
                all.push_back(i == j ? state.metric.at(i) : 0.0);
    }
    return all;
}

/// log(learning_rate * iteration) per state and checkpoint, by our own logarithm: the same bits
/// on every machine. NaN at the start.
std::vector<double> log_times(const Problem& problem, std::size_t states) {
    std::vector<double> all;
    for (std::size_t i = 0; i < states; ++i) {
        for (const std::int64_t iteration : problem.checkpoints) {
            const double time =
                problem.config.dynamics.learning_rate * static_cast<double>(iteration);
            all.push_back(time > 0 ? model::log(time) : std::numeric_limits<double>::quiet_NaN());
        }
    }
    return all;
}

/// What the loss compares the outputs with; the scalar losses of classification have nothing.
void add_objective(DatasetBuilder& file, const Problem& problem,
                   const std::vector<StateRecord>& states) {
    const std::string& loss = problem.config.objective.loss;
    std::vector<double> response = gather(states, &StateRecord::response);
    if (loss == "cross_entropy") {
        file.dimension("class", static_cast<std::size_t>(problem.outputs));
        file.variable("distribution", {"state", "class"}, std::move(response), "1",
                      "target distribution p of the cross-entropy");
    } else if (loss == "regression" || loss == "square") {
        file.variable("response", {"state", "output"}, std::move(response), "1",
                      "value of the output z at which the loss is least",
                      "regression: y in the basis of metric; square: the radius B");
    }
    if (loss == "regression") {
        std::vector<double> floor;
        for (const StateRecord& state : states) floor.push_back(state.floor);
        file.variable("loss_floor", {"state"}, std::move(floor), "1", "loss that no output removes",
                      "from the part of y outside the column space of the design");
    }
    if (problem.outputs == 1 && !states.empty() && !states.front().target.empty()) {
        file.dimension("dim", static_cast<std::size_t>(problem.config.model.dim));
        file.variable("target", {"state", "dim"}, gather(states, &StateRecord::target), "1",
                      "direction of the objective: z = target . beta");
    }
}

void add_velocities(DatasetBuilder& file, const std::vector<StateRecord>& states) {
    std::vector<double> logits = gather(states, &StateRecord::velocity_logits);
    if (logits.empty()) return;
    const std::string comment =
        "velocity <- momentum * velocity + gradient of the loss; the logits step by "
        "learning_rate * logit_rate * velocity";
    file.variable("velocity_logits", {"state", "checkpoint", "token"}, std::move(logits), "1",
                  "momentum's velocity of the logits", comment);
    file.variable("velocity_projected_values", {"state", "checkpoint", "output", "token"},
                  gather(states, &StateRecord::velocity_values), "1",
                  "momentum's velocity of the projected values", comment);
}

}  // namespace

const char* status_name(Status status) { return status_names.at(static_cast<std::size_t>(status)); }

Dataset replicas_dataset(const Problem& problem, const CellResult& result, const RunInfo& info) {
    const ReplicaTable& table = result.table;
    DatasetBuilder file("Replicas at the end of the run", problem, result, info);
    file.dimension("replica", table.status.size());
    const bool thresholds = !problem.config.record.thresholds.empty();
    if (thresholds) file.add_thresholds(problem);

    add_status(file, table.status);
    file.variable("steps", {"replica"}, table.steps, "1", "iterations done");
    file.variable("initial_leader", {"replica"}, table.initial_leader, "1",
                  "token of largest projected value (Z^T q) at the start, the first on ties",
                  "tokens count from 0");
    file.variable("winner", {"replica"}, table.winner, "1", "token of largest weight at the end",
                  "tokens count from 0; means nothing where the replica failed");
    if (thresholds) {
        file.variable("first_passage", {"replica", "threshold"}, table.first_passage, "1",
                      "iteration at which max_probability first reaches the threshold",
                      "NaN where it never does");
    }
    add_final_observables(file, table);
    return file.finish();
}

Dataset states_dataset(const Problem& problem, const CellResult& result, const RunInfo& info) {
    const std::vector<StateRecord>& states = result.states;
    const auto outputs = static_cast<std::size_t>(problem.outputs);
    DatasetBuilder file("States of the first replicas", problem, result, info);
    file.dimension("state", states.size());
    file.add_checkpoints(problem);
    file.dimension("output", outputs);
    file.dimension("output_b", outputs);
    file.dimension("token", static_cast<std::size_t>(problem.config.model.tokens));

    std::vector<std::int64_t> replica;
    for (const StateRecord& state : states) replica.push_back(state.replica);
    file.variable("replica", {"state"}, std::move(replica), "1", "number of the replica");
    file.variable("logits", {"state", "checkpoint", "token"}, gather(states, &StateRecord::logits),
                  "1", "logits a");
    file.variable("probability", {"state", "checkpoint", "token"},
                  gather(states, &StateRecord::probability), "1", "attention weights s");
    file.variable("projected_values", {"state", "checkpoint", "output", "token"},
                  gather(states, &StateRecord::projected_values), "1",
                  "projected values Z = W V, the part of V that the loss sees",
                  "the output is z = Z s");
    add_velocities(file, states);
    file.variable("arc", {"state", "checkpoint"}, gather(states, &StateRecord::arc), "1",
                  "arc length tau: integral of the residual norm");
    file.variable("log_time", {"state", "checkpoint"}, log_times(problem, states.size()),
                  "log(time)", "logarithm of learning_rate * iteration", "NaN at the start");
    file.variable("metric", {"state", "output", "output_b"}, metric_matrices(states, outputs), "1",
                  "K = W W^T: how strongly the projected values follow the residual");
    add_objective(file, problem, states);
    return file.finish();
}

}  // namespace softmaxflow
