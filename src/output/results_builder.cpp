#include "output/results_builder.hpp"

#include <fmt/format.h>

namespace softmaxflow {

DatasetBuilder::DatasetBuilder(const std::string& contents, const Problem& problem,
                               const CellResult& result, const RunInfo& info) {
    const Config& config = problem.config;
    attribute("title", fmt::format("{}: {} on {} loss, {} tokens, {} replicas", contents,
                                   config.dynamics.method, config.objective.loss,
                                   config.model.tokens, result.n_total));
    attribute("source", fmt::format("softmaxflow {} (git {})", info.version, info.git));
    attribute("config", info.config);
    attribute("numerics", config.backend.numerics);
    attribute("precision", config.backend.precision);
    attribute("numerics_version", numerics_version);
    attribute("schema", schema);
}

void DatasetBuilder::dimension(std::string name, std::size_t length) {
    data_.dimensions.push_back({std::move(name), length});
}

Variable& DatasetBuilder::variable(std::string name, Names dimensions, Values values,
                                   std::string units, std::string long_name, std::string comment) {
    Variable& added = data_.variables.emplace_back(
        Variable{std::move(name), std::move(dimensions), std::move(values), {}});
    added.attributes.push_back({"long_name", std::move(long_name)});
    added.attributes.push_back({"units", std::move(units)});
    if (!comment.empty()) added.attributes.push_back({"comment", std::move(comment)});
    return added;
}

void DatasetBuilder::attribute(std::string name, std::variant<std::string, std::int32_t> value) {
    std::visit(
        [&](auto& v) {
            data_.attributes.push_back({std::move(name), std::move(v)});
        },
        value);
}

void DatasetBuilder::add_checkpoints(const Problem& problem, const std::string& clock_name) {
    const std::vector<double>& checkpoints = problem.checkpoints;
    const DynamicsConfig& dynamics = problem.config.dynamics;
    dimension("checkpoint", checkpoints.size());
    std::string coordinates = clock_name;
    if (is_flow(problem.config)) {
        variable(clock_name, {"checkpoint"}, checkpoints, "1",
                 has_arc_clock(problem.config) ? "clock at the checkpoint: arc length tau"
                                               : "clock at the checkpoint: time t");
    } else {
        coordinates = "iteration";
        variable("iteration", {"checkpoint"},
                 std::vector<std::int64_t>(checkpoints.begin(), checkpoints.end()), "1",
                 "iterations done at the checkpoint");
    }
    if (!has_arc_clock(problem.config)) {
        const double unit = is_flow(problem.config) ? 1.0 : dynamics.learning_rate;
        std::vector<double> time;
        for (const double checkpoint : checkpoints) time.push_back(unit * checkpoint);
        coordinates += " time";
        variable("time", {"checkpoint"}, std::move(time), "1",
                 is_flow(problem.config) ? "time of the flow" : "learning_rate * iteration");
    }
    // Readers then list them as coordinates without being told.
    attribute("coordinates", std::move(coordinates));
}

void DatasetBuilder::add_thresholds(const Problem& problem) {
    const std::vector<double>& thresholds = problem.config.record.thresholds;
    dimension("threshold", thresholds.size());
    variable("threshold", {"threshold"}, thresholds, "1", "threshold on max_probability");
}

Dataset DatasetBuilder::finish() {
    attribute("payload_hash", payload_hash(data_));
    return std::move(data_);
}

}  // namespace softmaxflow
