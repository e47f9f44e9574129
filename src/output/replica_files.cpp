// replicas.nc: one line per replica.
#include <fmt/format.h>

#include <iterator>

#include "output/results_builder.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow {
namespace {

void add_status(DatasetBuilder& file, const std::vector<Status>& table) {
    std::vector<std::int8_t> values, flags;
    for (const Status status : table) values.push_back(static_cast<std::int8_t>(status));
    for (std::size_t i = 0; i < std::size(status_names); ++i)
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

}  // namespace

Dataset replicas_dataset(const Problem& problem, const CellResult& result, const RunInfo& info) {
    const ReplicaTable& table = result.table;
    DatasetBuilder file("Replicas at the end of the run", problem, result, info);
    file.dimension("replica", table.status.size());
    const bool thresholds = !problem.config.record.thresholds.empty();
    if (thresholds) file.add_thresholds(problem);

    add_status(file, table.status);
    const bool flow = is_flow(problem.config);
    if (flow) {
        file.variable("steps", {"replica"}, table.steps, "1", "steps taken by the integrator",
                      "of this run alone, where it goes on from a states.nc");
        file.variable("rejected_steps", {"replica"}, table.rejected_steps, "1",
                      "steps tried and given up, their error being too large");
    } else {
        file.variable("steps", {"replica"}, table.steps, "1", "iterations done",
                      "since the original start, where the run goes on from a states.nc");
    }
    file.variable("initial_leader", {"replica"}, table.initial_leader, "1",
                  "token of largest projected value (Z^T q) at the start, the first on ties",
                  "tokens count from 0");
    file.variable("winner", {"replica"}, table.winner, "1", "token of largest weight at the end",
                  "tokens count from 0; means nothing where the replica failed");
    if (thresholds) {
        file.variable("first_passage", {"replica", "threshold"}, table.first_passage, "1",
                      std::string(flow ? "clock" : "iteration") +
                          " at which max_probability first reaches the threshold",
                      "NaN where it never does; a run that goes on from a states.nc sees none "
                      "before its first checkpoint");
    }
    add_final_observables(file, table);
    return file.finish();
}

}  // namespace softmaxflow
