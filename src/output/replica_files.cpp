// replicas.nc: one line per replica.
#include <fmt/format.h>

#include <iterator>

#include "backend/host/column_extents.hpp"
#include "output/results_builder.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow {
namespace {

/// The numbers of a column in the type that the file stores them in.
Values stored(const std::vector<double>& numbers, model::Stored as) {
    switch (as) {
        case model::Stored::int8:
            return std::vector<std::int8_t>(numbers.begin(), numbers.end());
        case model::Stored::int32:
            return std::vector<std::int32_t>(numbers.begin(), numbers.end());
        case model::Stored::int64:
            return std::vector<std::int64_t>(numbers.begin(), numbers.end());
        default:
            return numbers;
    }
}

/// What depends on the kind of run.
std::string long_name_of(int column, bool flow) {
    if (column == model::replica_column::steps)
        return flow ? "steps taken by the integrator" : "iterations done";
    if (column == model::replica_column::first_passage)
        return std::string(flow ? "clock" : "iteration") +
               " at which max_probability first reaches the threshold";
    return model::replica_columns[column].long_name;
}
std::string comment_of(int column, bool flow) {
    if (column != model::replica_column::steps) return model::replica_columns[column].comment;
    return flow ? "of this run alone, where it goes on from a states.nc"
                : "since the original start, where the run goes on from a states.nc";
}

void add_flags(Variable& status) {
    std::vector<std::int8_t> flags;
    for (std::size_t i = 0; i < std::size(status_names); ++i)
        flags.push_back(static_cast<std::int8_t>(i));
    status.attributes.push_back({"flag_values", std::move(flags)});
    status.attributes.push_back({"flag_meanings", fmt::format("{}", fmt::join(status_names, " "))});
}

void add_columns(DatasetBuilder& file, const Problem& problem, const ReplicaTable& table) {
    const host::ColumnExtents extents = host::column_extents(problem);
    for (int c = 0; c < model::replica_column::count; ++c) {
        const model::ReplicaColumn& column = model::replica_columns[c];
        if (column.stored == model::Stored::not_at_all || !extents.carried_by(column.carriers) ||
            extents.size(column) == 0)
            continue;
        Names dimensions = {"replica"};
        if (column.axis == model::Axis::threshold) dimensions.emplace_back("threshold");
        Variable& variable =
            file.variable(column.name, dimensions, stored(table.columns[c], column.stored),
                          column.unit, long_name_of(c, extents.flow), comment_of(c, extents.flow));
        if (c == model::replica_column::status) add_flags(variable);
    }
}

void add_final_observables(DatasetBuilder& file, const ReplicaTable& table) {
    const std::size_t n = table.columns[model::replica_column::status].size();
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
    file.dimension("replica", table.columns[model::replica_column::status].size());
    if (!problem.config.record.thresholds.empty()) file.add_thresholds(problem);
    add_columns(file, problem, table);
    add_final_observables(file, table);
    return file.finish();
}

}  // namespace softmaxflow
