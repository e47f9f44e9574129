// states.nc: what is recorded of the first replicas, enough to go on from.
#include <fmt/format.h>

#include "backend/host/column_extents.hpp"
#include "backend/host/traits_of.hpp"
#include "output/results_builder.hpp"

namespace softmaxflow {
namespace {

namespace state_column = model::state_column;

/// What a file calls a column, and says of it.
struct Text {
    std::string name, long_name, comment;
};

/// What the method remembers from step to step: memory i, of the logits or of the values.
Text memory_text(const model::MethodTraits& method, int i, const model::StateColumn& column) {
    const auto& [name, rule] = method.memory[i];
    const bool of_logits = column.axes[0] == model::Axis::token;
    const char* values = method.entrywise ? "G in Z = Z(0) + K G" : "the projected values";
    return {fmt::format("{}_{}", name, column.name),
            fmt::format("{} of {}, of {}", name, method.name, of_logits ? "the logits" : values),
            rule};
}

/// Without a name where the run has nothing to say in that column.
Text text_of(const Config& config, int c) {
    const model::StateColumn& column = model::state_columns[c];
    const model::ObjectiveTraits& objective = loss_traits(config).objective;
    if (c == state_column::response) {
        if (objective.response == model::ResponseRole::none) return {};
        return {objective.text.variable, objective.text.long_name, objective.text.comment};
    }
    if (c == state_column::loss_floor && !objective.has_floor) return {};
    if (host::is_memory(column))
        return memory_text(method_traits(config), c >= state_column::memory_logits_2 ? 1 : 0,
                           column);
    if (c == state_column::log_time)
        return {
            column.name,
            is_flow(config) ? "logarithm of the time t" : "logarithm of learning_rate * iteration",
            column.comment};
    return {column.name, column.long_name, column.comment};
}

/// The name of an extent of a column in the file.
std::string axis_name(const Config& config, int c, model::Axis axis) {
    constexpr const char* names[] = {
        "", "token", "output", "output_b", "dim", "controller_entry", "threshold", "claim"};
    if (c == state_column::response) return loss_traits(config).objective.text.dimension;
    return names[static_cast<int>(axis)];
}

/// The names of the extents in the file; those that only some columns have come with the first.
Names dimensions_of(DatasetBuilder& file, const Config& config, const host::ColumnExtents& extents,
                    int c) {
    const model::StateColumn& column = model::state_columns[c];
    Names names = {"state"};
    if (column.when == model::When::checkpoint) names.emplace_back("checkpoint");
    for (const model::Axis axis : column.axes) {
        if (axis == model::Axis::none) continue;
        names.push_back(axis_name(config, c, axis));
        if (names.back() != "token" && names.back() != "output" && names.back() != "output_b")
            file.dimension(names.back(), static_cast<std::size_t>(extents.of(axis)));
    }
    return names;
}

/// One array of every recorded replica, one replica after the other.
std::vector<double> gather(const std::vector<StateRecord>& states, int column) {
    std::vector<double> all;
    for (const StateRecord& state : states) {
        const std::vector<double>& part = state.columns[column];
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

void add_columns(DatasetBuilder& file, const Problem& problem,
                 const std::vector<StateRecord>& states) {
    const host::ColumnExtents extents = host::column_extents(problem);
    host::for_each_state_column(extents, [&](int c, const model::StateColumn& column) {
        const Text text = text_of(problem.config, c);
        std::vector<double> numbers = gather(states, c);
        if (text.name.empty() || (c == state_column::target && numbers.empty())) return;
        const Names dimensions = dimensions_of(file, problem.config, extents, c);
        if (column.stored == model::Stored::int32)
            file.variable(text.name, dimensions,
                          std::vector<std::int32_t>(numbers.begin(), numbers.end()), column.unit,
                          text.long_name, text.comment);
        else
            file.variable(text.name, dimensions, std::move(numbers), column.unit, text.long_name,
                          text.comment);
    });
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

    std::vector<std::int64_t> replicas;
    for (const StateRecord& state : states) replicas.push_back(state.replica);
    file.variable("replica", {"state"}, std::move(replicas), "1", "number of the replica");
    add_columns(file, problem, states);
    return file.finish();
}

}  // namespace softmaxflow
