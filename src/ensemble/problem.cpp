#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "backend/host/column_extents.hpp"
#include "backend/host/traits_of.hpp"
#include "ensemble/checkpoints.hpp"
#include "ensemble/edges.hpp"
#include "ensemble/random_key.hpp"
#include "ensemble/require.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

void require_size(const char* what, const std::vector<double>& data, std::int64_t expected,
                  const char* shape) {
    require(
        data.empty() || static_cast<std::int64_t>(data.size()) == expected,
        "{} holds {} numbers, but [model] and [ensemble] need {} ({}): change the config or the "
        "file",
        what, data.size(), expected, shape);
}

void require_replicas(std::int64_t replicas, const Config& config) {
    require(replicas == 0 || replicas == config.ensemble.replicas,
            "ensemble.replicas = {}, but init.file holds {} starts: leave the key out, the file "
            "decides",
            config.ensemble.replicas, replicas);
}

void check_restart(const RestartData& restart, const Config& config, std::int64_t outputs) {
    if (restart.replicas == 0) return;
    require_replicas(restart.replicas, config);
    const bool flow = is_flow(config);
    require(restart.checkpoint < end_of_run(config),
            "{} = {}, but init.file holds states {} {}: {} from the original start; raise {}, or "
            "take an earlier init.checkpoint",
            end_key(config), end_of_run(config), flow ? "at the clock" : "after iteration",
            restart.checkpoint, flow ? "the clock runs" : "iterations count", flow ? "it" : "them");
    const host::ColumnExtents extents = host::column_extents(config, outputs);
    for (int c = 0; c < model::state_column::count; ++c) {
        const model::StateColumn& column = model::state_columns[c];
        const std::vector<double>& data = restart.columns[c];
        const std::string shape = host::shape_text(column);
        const std::string what =
            host::is_memory(column) ? "memory of the method" : std::string(column.name);
        require(!data.empty() || !host::is_needed(extents, column), "init.file: {} is missing ({})",
                what, shape);
        require_size(("init.file: " + what).c_str(), data, restart.replicas * extents.size(column),
                     shape.c_str());
    }
}

void check_files(const Problem& problem) {
    const auto& [config, starts, restart, objective, monitor, outputs, key, checkpoints, edges] =
        problem;
    const std::int64_t tokens = config.model.tokens, dim = config.model.dim;
    require_replicas(starts.replicas, config);
    require_size("init.file: values", starts.values, starts.replicas * dim * tokens,
                 "replica x dim x token");
    require_size("init.file: logits", starts.logits, starts.replicas * tokens, "replica x token");
    require_size("init.file: target", starts.target, starts.replicas * dim, "replica x dim");
    require_size("objective.file: design", objective.projection, outputs * dim, "output x dim");
    require_size("objective.file: metric", objective.metric, outputs, "output");
    require_size("objective.file: response", objective.response, outputs, "output");
    require_size("objective.file: distribution", objective.distribution, outputs, "class");
    check_restart(restart, config, outputs);
}

/// Configs made by programs were not validated.
const model::LossTraits& known_loss(const Config& config) {
    const model::LossTraits* loss = find_row(model::loss_table, config.objective.loss);
    require(loss != nullptr, "objective.loss = \"{}\" is not known; expected one of {}",
            config.objective.loss, fmt::join(model::Losses::names, ", "));
    return *loss;
}

}  // namespace

std::int64_t output_count(const Config& config) {
    switch (known_loss(config).objective.outputs) {
        case model::OutputRule::samples_or_dim:
            return std::min(config.objective.samples, config.model.dim);
        case model::OutputRule::samples:
            return config.objective.samples;
        case model::OutputRule::dim:
            return config.model.dim;
        case model::OutputRule::one:
            break;
    }
    return 1;
}

Problem make_problem(const Config& config, StartData starts, ObjectiveData objective,
                     std::uint64_t cell_key, RestartData restart) {
    require_positive("model.tokens", config.model.tokens);
    require_positive("model.dim", config.model.dim);
    if (is_flow(config))
        require(config.dynamics.horizon > 0.0 && std::isfinite(config.dynamics.horizon),
                "dynamics.horizon = {}: expected a positive number", config.dynamics.horizon);
    else
        require_positive("dynamics.iterations", config.dynamics.iterations);
    require_positive("ensemble.replicas", config.ensemble.replicas);
    require_positive("record.bins", config.record.bins);
    if (known_loss(config).has_samples())
        require_positive("objective.samples", config.objective.samples);
    require(config.ensemble.seed.has_value(),
            "ensemble.seed is not set: a seed must be drawn before the draws of a run are fixed");

    Problem problem;
    problem.config = config;
    problem.starts = std::move(starts);
    problem.restart = std::move(restart);
    problem.objective = std::move(objective);
    problem.outputs = output_count(config);
    problem.random_key =
        random_key(*config.ensemble.seed, config.ensemble.common_random_numbers ? 0 : cell_key);
    check_files(problem);
    problem.checkpoints = checkpoints_of(config, problem.restart.checkpoint);
    problem.edges = curve_edges(config);
    return problem;
}

}  // namespace softmaxflow
