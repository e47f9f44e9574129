#include "start_file.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <numeric>

#include "config.hpp"
#include "design.hpp"
#include "netcdf_input.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

bool has_target(const Config& config) {
    const std::string& loss = config.objective.loss;
    return loss == "logistic" || loss == "exponential" || loss == "square";
}

void check_target(const NetcdfInput& file, const Config& config,
                  const std::vector<double>& target) {
    if (!target.empty() && !has_target(config)) {
        file.fail("target",
                  fmt::format("objective.loss = \"{}\" has no target; remove the variable",
                              config.objective.loss));
    }
    const std::int64_t dim = config.model.dim;
    for (auto row = target.begin(); row != target.end(); row += dim) {
        if (std::all_of(row, row + dim, [](double x) { return x == 0; })) {
            file.fail("target",
                      fmt::format("replica {} has the zero vector as target, which has no "
                                  "direction",
                                  (row - target.begin()) / dim));
        }
    }
}

void check_values(const NetcdfInput& file, const Config& config,
                  const std::vector<double>& values) {
    const ObjectiveConfig& objective = config.objective;
    const bool drawn_design =
        objective.loss == "regression" && objective.design == "random" && objective.file.empty();
    if (!values.empty() && drawn_design) {
        file.fail(
            "values",
            "a random design is drawn in its singular basis, where V has no fixed meaning; name "
            "a file with the design in objective.file, or set objective.design = \"identity\"");
    }
}

/// Moves the values of an optional variable to `to` and returns its first extent, or 0.
std::int64_t take(std::optional<NetcdfInput::Variable>&& variable, std::vector<double>& to) {
    if (!variable) return 0;
    to = std::move(variable->values);
    return variable->shape.front();
}

void check_distribution(const NetcdfInput& file, const std::vector<double>& p) {
    const auto negative = std::find_if(p.begin(), p.end(), [](double x) { return x < 0; });
    if (negative != p.end()) {
        file.fail("distribution", fmt::format("expected probabilities >= 0, found {} at class {}",
                                              *negative, negative - p.begin()));
    }
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    if (!(std::abs(sum - 1) <= 1e-12)) {
        file.fail("distribution", fmt::format("expected a sum of 1 within 1e-12, found {}", sum));
    }
}

std::vector<double> identity(std::int64_t dim) {
    std::vector<double> matrix(std::size_t(dim * dim));
    for (std::int64_t i = 0; i < dim; ++i) matrix[std::size_t(i * dim + i)] = 1.0;
    return matrix;
}

ObjectiveData read_regression(const NetcdfInput& file, const std::string& path,
                              const Config& config) {
    const ObjectiveConfig& objective = config.objective;
    file.expect_only({"design", "response"});
    DesignInput input;
    input.samples = objective.samples;
    input.dim = config.model.dim;
    input.loss_factor = objective.loss_factor;
    input.solution_norm = objective.solution_norm;
    const NetcdfInput::Dimension sample{"sample", input.samples, "objective.samples"};
    take(file.read("design", {sample, {"dim", input.dim, "model.dim"}}), input.design);
    take(file.read("response", {sample}), input.response);
    if (input.design.empty() && input.response.empty()) {
        file.fail("expected a variable design(sample, dim) or response(sample), found neither");
    }
    if (!input.design.empty() && objective.design == "identity") {
        file.fail("design",
                  "the config has objective.design = \"identity\"; remove one of the two");
    }
    if (input.design.empty() && objective.design == "random") {
        file.fail("response",
                  "a response needs its design; add the variable design(sample, dim), or set "
                  "objective.design = \"identity\"");
    }
    if (input.design.empty()) input.design = identity(input.dim);
    return decompose_design(input, path);
}

}  // namespace

StartData read_starts(const std::string& path, const Config& config) {
    const NetcdfInput file(path);
    file.expect_only({"values", "logits", "target"});
    const NetcdfInput::Dimension replica{
        "replica", config.ensemble.replicas_given ? config.ensemble.replicas : 0,
        "ensemble.replicas"};
    const NetcdfInput::Dimension dim{"dim", config.model.dim, "model.dim"};
    const NetcdfInput::Dimension token{"token", config.model.tokens, "model.tokens"};
    StartData starts;
    starts.replicas = std::max({take(file.read("values", {replica, dim, token}), starts.values),
                                take(file.read("logits", {replica, token}), starts.logits),
                                take(file.read("target", {replica, dim}), starts.target)});
    if (starts.replicas == 0) {
        file.fail(
            "expected at least one variable of values(replica, dim, token), "
            "logits(replica, token), target(replica, dim), found none");
    }
    check_target(file, config, starts.target);
    check_values(file, config, starts.values);
    return starts;
}

ObjectiveData read_objective(const std::string& path, const Config& config) {
    const NetcdfInput file(path);
    if (config.objective.loss == "regression") return read_regression(file, path, config);
    if (config.objective.loss != "cross_entropy") {
        file.fail(fmt::format("objective.loss = \"{}\" reads no file; remove objective.file",
                              config.objective.loss));
    }
    file.expect_only({"distribution"});
    ObjectiveData data;
    take(file.read("distribution", {{"class", config.model.dim, "model.dim"}}), data.distribution);
    if (data.distribution.empty()) {
        file.fail("expected a variable distribution(class), found none");
    }
    check_distribution(file, data.distribution);
    return data;
}

std::string file_digest(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                         &XXH3_freeState);
    XXH3_128bits_reset(state.get());
    std::vector<char> buffer(std::size_t{1} << 16);
    while (file) {
        file.read(buffer.data(), std::streamsize(buffer.size()));
        XXH3_128bits_update(state.get(), buffer.data(), std::size_t(file.gcount()));
    }
    if (!file.eof()) throw Error(Exit::file, fmt::format("{}: cannot read this file", path));
    const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

Inputs read_inputs(Config& config) {
    Inputs inputs;
    if (!config.objective.file.empty()) {
        inputs.objective = read_objective(config.objective.file, config);
        inputs.digests.push_back(file_digest(config.objective.file));
    }
    if (!config.init.file.empty()) {
        inputs.starts = read_starts(config.init.file, config);
        inputs.digests.push_back(file_digest(config.init.file));
        config.ensemble.replicas = inputs.starts.replicas;
        config.ensemble.replicas_given = true;
        validate(config);
    }
    return inputs;
}

}  // namespace softmaxflow
