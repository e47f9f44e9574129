#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "ensemble/edges.hpp"
#include "ensemble/random_key.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/catalogue.hpp"

namespace softmaxflow {
namespace {

template <class... Args>
void require(bool condition, fmt::format_string<Args...> message, Args&&... args) {
    if (!condition) throw Error(Exit::usage, fmt::format(message, std::forward<Args>(args)...));
}

std::int64_t output_count(const Config& config) {
    const std::string& loss = config.objective.loss;
    if (loss == model::Regression::name)
        return std::min(config.objective.samples, config.model.dim);
    if (loss == model::CrossEntropy::name) return config.model.dim;
    const auto& names = model::Losses::names;
    require(std::find(std::begin(names), std::end(names), loss) != std::end(names),
            "objective.loss = \"{}\" is not known; expected one of {}", loss,
            fmt::join(names, ", "));
    return 1;
}

void require_positive(const char* key, std::int64_t value, std::int64_t least = 1) {
    require(value >= least, "{} = {}: expected at least {}", key, value, least);
}

void require_size(const char* what, const std::vector<double>& data, std::int64_t expected,
                  const char* shape) {
    require(
        data.empty() || static_cast<std::int64_t>(data.size()) == expected,
        "{} holds {} numbers, but [model] and [ensemble] need {} ({}): change the config or the "
        "file",
        what, data.size(), expected, shape);
}

void check_files(const Problem& problem) {
    const auto& [config, starts, objective, outputs, key, checkpoints, edges] = problem;
    const std::int64_t tokens = config.model.tokens, dim = config.model.dim;
    if (starts.replicas != 0)
        require(
            starts.replicas == config.ensemble.replicas,
            "ensemble.replicas = {}, but init.file holds {} starts: leave the key out, the file "
            "decides",
            config.ensemble.replicas, starts.replicas);
    require_size("init.file: values", starts.values, starts.replicas * dim * tokens,
                 "replica x dim x token");
    require_size("init.file: logits", starts.logits, starts.replicas * tokens, "replica x token");
    require_size("init.file: target", starts.target, starts.replicas * dim, "replica x dim");
    require_size("objective.file: design", objective.projection, outputs * dim, "output x dim");
    require_size("objective.file: metric", objective.metric, outputs, "output");
    require_size("objective.file: response", objective.response, outputs, "output");
    require_size("objective.file: distribution", objective.distribution, outputs, "class");
}

/// 0, then either the list or log-spaced iterations, then the last; record.checkpoints in all at
/// most.
std::vector<std::int64_t> checkpoints_of(const Config& config) {
    const std::int64_t iterations = config.dynamics.iterations;
    std::vector<std::int64_t> result = {0, iterations};
    if (config.record.checkpoint_list.empty()) {
        require_positive("record.checkpoints", config.record.checkpoint_count, 2);
        if (config.record.checkpoint_count > 2) {
            result = log_spaced_integers(iterations, config.record.checkpoint_count - 1);
            result.insert(result.begin(), 0);
        }
        return result;
    }
    for (const double value : config.record.checkpoint_list) {
        require(
            value >= 0.0 && value <= static_cast<double>(iterations) && value == std::floor(value),
            "record.checkpoints: {} is not an iteration of this run; expected whole numbers from "
            "0 to dynamics.iterations = {}",
            value, iterations);
        result.push_back(static_cast<std::int64_t>(value));
    }
    std::sort(result.begin(), result.end());
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
}

}  // namespace

Problem make_problem(const Config& config, StartData starts, ObjectiveData objective,
                     std::uint64_t cell_key) {
    require_positive("model.tokens", config.model.tokens);
    require_positive("model.dim", config.model.dim);
    require_positive("dynamics.iterations", config.dynamics.iterations);
    require_positive("ensemble.replicas", config.ensemble.replicas);
    require_positive("record.bins", config.record.bins);
    if (config.objective.loss == model::Regression::name)
        require_positive("objective.samples", config.objective.samples);
    require(config.ensemble.seed.has_value(),
            "ensemble.seed is not set: a seed must be drawn before the draws of a run are fixed");

    Problem problem;
    problem.config = config;
    problem.starts = std::move(starts);
    problem.objective = std::move(objective);
    problem.outputs = output_count(config);
    problem.random_key =
        random_key(*config.ensemble.seed, config.ensemble.common_random_numbers ? 0 : cell_key);
    problem.checkpoints = checkpoints_of(config);
    problem.edges = observable_edges(config);
    check_files(problem);
    return problem;
}

}  // namespace softmaxflow
