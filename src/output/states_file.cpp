// states.nc: what is recorded of the first replicas, enough to go on from.
#include <fmt/format.h>

#include "backend/host/column_extents.hpp"
#include "input/restart_file.hpp"
#include "output/results_builder.hpp"

namespace softmaxflow {
namespace {

namespace state_column = model::state_column;

/// What a file calls a column, and says of it.
struct Text {
    std::string name, long_name, comment;
};

/// What the loss compares the outputs with; nothing for the logistic and the exponential loss.
Text response_text(const std::string& loss) {
    if (loss == "cross_entropy")
        return {"distribution", "target distribution p of the cross-entropy", ""};
    if (loss == "classification") return {"response", "labels y of the samples, +1 or -1", ""};
    if (loss == "regression" || loss == "square")
        return {"response", "value of the output z at which the loss is least",
                "regression: y in the basis of metric; square: the radius B"};
    return {};
}

/// What the method remembers from step to step: memory i, of the logits or of the values.
Text memory_text(const std::string& method, int i, const model::StateColumn& column) {
    const std::string name = memory_names(method).at(static_cast<std::size_t>(i));
    const bool of_logits = column.axes[0] == model::Axis::token;
    const char* values = method == "adam" ? "G in Z = Z(0) + K G" : "the projected values";
    return {name + "_" + column.name,
            fmt::format("{} of {}, of {}", name, method, of_logits ? "the logits" : values),
            method == "momentum"
                ? "velocity <- momentum * velocity + gradient, by which the parameters step"
                : fmt::format("moment <- beta * moment + (1 - beta) * {}, not corrected for bias",
                              i == 0 ? "gradient" : "gradient^2")};
}

Text text_of(const Config& config, int c) {
    const model::StateColumn& column = model::state_columns[c];
    if (c == state_column::response) return response_text(config.objective.loss);
    if (c == state_column::loss_floor && config.objective.loss != "regression") return {};
    if (host::is_memory(column))
        return memory_text(config.dynamics.method, c >= state_column::memory_logits_2 ? 1 : 0,
                           column);
    if (c == state_column::log_time)
        return {
            column.name,
            is_flow(config) ? "logarithm of the time t" : "logarithm of learning_rate * iteration",
            column.comment};
    return {column.name, column.long_name, column.comment};
}

/// The names of the extents in the file; those that only some columns have come with the first.
Names dimensions_of(DatasetBuilder& file, const host::ColumnExtents& extents, const Text& text,
                    const model::StateColumn& column) {
    Names names = {"state"};
    if (column.when == model::When::checkpoint) names.emplace_back("checkpoint");
    for (const model::Axis axis : column.axes) {
        constexpr const char* of_axes[] = {
            "", "token", "output", "output_b", "dim", "controller_entry", "threshold", "claim"};
        if (axis == model::Axis::none) continue;
        names.emplace_back(of_axes[static_cast<int>(axis)]);
        if (text.name == "distribution") names.back() = "class";
        const bool own = axis == model::Axis::dim || axis == model::Axis::controller_entry;
        if (own || text.name == "distribution")
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
        const Names dimensions = dimensions_of(file, extents, text, column);
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
