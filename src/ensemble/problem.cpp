#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "ensemble/checkpoints.hpp"
#include "ensemble/edges.hpp"
#include "ensemble/random_key.hpp"
#include "ensemble/require.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

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
    const std::int64_t replicas = restart.replicas, tokens = config.model.tokens;
    const auto size = [](const char* what, const std::vector<double>& data, std::int64_t expected,
                         const char* shape) {
        require(!data.empty(), "init.file: {} is missing ({})", what, shape);
        require_size(what, data, expected, shape);
    };
    const std::int64_t vector = replicas * tokens, matrix = vector * outputs;
    size("init.file: logits", restart.logits, vector, "state x token");
    size("init.file: projected_values", restart.projected_values, matrix, "state x output x token");
    size("init.file: metric", restart.metric, replicas * outputs * outputs,
         "state x output x output");
    size("init.file: response", restart.response, replicas * outputs, "state x output");
    size("init.file: loss_floor", restart.floor, replicas, "state");
    size("init.file: arc", restart.arc, replicas, "state");
    if (flow) {
        size("init.file: clock", restart.clock, replicas, "state");
        size("init.file: log_time", restart.log_time, replicas, "state");
        size("init.file: step_size", restart.step_size, replicas, "state");
        size("init.file: controller", restart.controller, 2 * replicas, "state x 2");
    }
    size("init.file: initial_leader", restart.initial_leader, replicas, "state");
    size("init.file: rank", restart.ranks, vector, "state x token");
    require_size("init.file: target", restart.target, replicas * config.model.dim, "state x dim");
    for (const int i : {0, 1}) {
        require_size("init.file: memory of the method", restart.memory_logits[i], vector,
                     "state x token");
        require_size("init.file: memory of the method", restart.memory_values[i], matrix,
                     "state x output x token");
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

}  // namespace

std::int64_t output_count(const Config& config) {
    const std::string& loss = config.objective.loss;
    if (loss == model::Regression::name)
        return std::min(config.objective.samples, config.model.dim);
    if (loss == model::Classification::name) return config.objective.samples;
    if (loss == model::CrossEntropy::name) return config.model.dim;
    const auto& names = model::Losses::names;
    require(std::find(std::begin(names), std::end(names), loss) != std::end(names),
            "objective.loss = \"{}\" is not known; expected one of {}", loss,
            fmt::join(names, ", "));
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
    if (config.objective.loss == model::Regression::name ||
        config.objective.loss == model::Classification::name)
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
