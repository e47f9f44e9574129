#include "input/start_file.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "backend/host/traits_of.hpp"
#include "config/config_file.hpp"
#include "input/netcdf_input.hpp"
#include "input/restart_file.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

void check_target(const NetcdfInput& file, const Config& config,
                  const std::vector<double>& target) {
    if (!target.empty() && !loss_traits(config).objective.has_target) {
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

/// Maps that divide by a sum need one that is not zero.
void check_logits(const NetcdfInput& file, const Config& config,
                  const std::vector<double>& logits) {
    const model::MapTraits& map = map_traits(config);
    if (map.start_logits == model::StartLogits::any) return;
    const bool positive = map.start_logits == model::StartLogits::positive;
    const std::int64_t tokens = config.model.tokens;
    const auto counts = [&](double a) { return positive ? a > 0 : a != 0; };
    for (auto row = logits.begin(); row != logits.end(); row += tokens) {
        if (std::any_of(row, row + tokens, counts)) continue;
        file.fail("logits", fmt::format("replica {} has no {} logit, where map \"{}\" has no "
                                        "weights; give it one",
                                        (row - logits.begin()) / tokens,
                                        positive ? "positive" : "nonzero", map.name));
    }
}

/// Moves the values of an optional variable to `to` and returns its first extent, or 0.
std::int64_t take(std::optional<NetcdfInput::Variable>&& variable, std::vector<double>& to) {
    if (!variable) return 0;
    to = std::move(variable->values);
    return variable->shape.front();
}

StartData read_starts(const NetcdfInput& file, const Config& config) {
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
    check_logits(file, config, starts.logits);
    if (starts.logits.empty()) check_drawn_logits(config);
    return starts;
}

/// The starts of init.file, or the states to go on from, and the number of replicas.
void read_init(Config& config, Inputs& inputs) {
    const NetcdfInput file(config.init.file);
    if (auto restart = read_restart(file, config, inputs.objective)) {
        inputs.restart = std::move(*restart);
        config.ensemble.replicas = inputs.restart.replicas;
    } else {
        if (config.init.checkpoint != -1) {
            file.fail(
                fmt::format("init.checkpoint = {}, but this is no states.nc (it has no "
                            "variable projected_values); remove init.checkpoint",
                            config.init.checkpoint));
        }
        inputs.starts = read_starts(file, config);
        config.ensemble.replicas = inputs.starts.replicas;
    }
    config.ensemble.replicas_given = true;
    validate(config);
}

}  // namespace

StartData read_starts(const std::string& path, const Config& config) {
    return read_starts(NetcdfInput(path), config);
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
        read_init(config, inputs);
        inputs.digests.push_back(file_digest(config.init.file));
    }
    return inputs;
}

}  // namespace softmaxflow
