// Checks of a whole config: each key alone, keys that nothing would use, and combinations.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "config.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

/// Blames the first of `keys` that was set somewhere, so that the message can say where.
[[noreturn]] void fail(const Places& places, std::initializer_list<std::string> keys,
                       const std::string& what) {
    for (const std::string& key : keys) {
        const auto place = places.find(key);
        if (place != places.end()) {
            throw Error(Exit::usage, fmt::format("{}: key `{}`: {}", place->second, key, what));
        }
    }
    throw Error(Exit::usage, fmt::format("config: key `{}`: {}", *keys.begin(), what));
}

void check_values(const Config& config, const Places& places) {
    for (const Key& key : all_keys()) {
        std::string wrong = complaint(key, config);
        if (wrong.empty()) continue;
        if (config.model.tokens == 1 && key.full() == "model.tokens") {
            wrong += "; one token has nothing to compete with, its weight is always 1";
        }
        fail(places, {key.full()}, wrong);
    }
}

/// A key that was changed although the chosen loss or method never looks at it is a mistake.
void check_used(const Config& config, const Places& places) {
    const Config defaults;
    for (const Key& key : all_keys()) {
        const auto& [selector, choices] = key.used_by;
        if (selector.empty() || value_text(key, config) == value_text(key, defaults)) continue;
        const std::string chosen = value_text(*find_key(selector), config);
        const auto is_chosen = [&](std::string_view choice) {
            return toml_string(choice) == chosen;
        };
        if (std::any_of(choices.begin(), choices.end(), is_chosen)) continue;
        fail(places, {key.full()},
             fmt::format(
                 "set to {}, but {} = {} does not use it (only {} {}); remove it or change {}",
                 value_text(key, config), selector, chosen, fmt::join(choices, ", "),
                 choices.size() > 1 ? "do" : "does", selector));
    }
}

/// |a| * |b| <= 2^31 without overflow; both were found to lie in 1 .. 2^31.
void check_product(const Config& config, const Places& places, const char* a, const char* b) {
    const auto value = [&](const char* key) {
        return *std::get<std::int64_t*>(find_key(key)->slot(const_cast<Config&>(config)));
    };
    if (value(a) * value(b) <= std::int64_t{1} << 31) return;
    fail(places, {a, b},
         fmt::format("{} * {} = {} * {} is more than 2^31; make one smaller", a, b, value(a),
                     value(b)));
}

void check_objective(const Config& config, const Places& places) {
    const ModelConfig& model = config.model;
    const ObjectiveConfig& objective = config.objective;
    if (objective.loss == "cross_entropy" && model.dim < 2) {
        fail(places, {"model.dim"}, "expected at least 2 for cross_entropy (its classes), found 1");
    }
    if (objective.loss != "regression") return;
    check_product(config, places, "objective.samples", "model.dim");
    if (objective.design == "identity" && objective.samples != model.dim) {
        fail(places, {"objective.samples", "objective.design", "model.dim"},
             fmt::format(
                 "objective.design = \"identity\" needs objective.samples = model.dim, found "
                 "samples {} and dim {}; set objective.samples = {}",
                 objective.samples, model.dim, model.dim));
    }
    if (objective.design == "identity" && objective.condition_number != 1.0) {
        fail(places, {"objective.condition_number", "objective.design"},
             fmt::format("set to {}, but objective.design = \"identity\" has condition number 1; "
                         "remove it or set objective.design = \"random\"",
                         toml_float(objective.condition_number)));
    }
    if (std::min(objective.samples, model.dim) == 1 && objective.condition_number != 1.0) {
        fail(places, {"objective.condition_number"},
             fmt::format("set to {}, but a design with one singular value (samples {}, dim {}) has "
                         "condition number 1; remove it",
                         toml_float(objective.condition_number), objective.samples, model.dim));
    }
}

void check_record(const Config& config, const Places& places) {
    const auto& list = config.record.checkpoint_list;
    const std::int64_t iterations = config.dynamics.iterations;
    if (!list.empty() && list.back() > double(iterations)) {
        fail(places, {"record.checkpoints", "dynamics.iterations"},
             fmt::format(
                 "checkpoint {:.0f} lies after the end, dynamics.iterations = {}; leave it out "
                 "or raise dynamics.iterations",
                 list.back(), iterations));
    }
    const bool replicas_known = config.init.file.empty() || config.ensemble.replicas_given;
    if (replicas_known && config.record.states > config.ensemble.replicas) {
        fail(places, {"record.states", "ensemble.replicas"},
             fmt::format("{} states of only {} replicas; set record.states <= ensemble.replicas",
                         config.record.states, config.ensemble.replicas));
    }
}

}  // namespace

void validate(const Config& config, const Places& places) {
    check_values(config, places);
    check_used(config, places);
    check_product(config, places, "model.tokens", "model.dim");
    check_objective(config, places);
    check_record(config, places);
}

}  // namespace softmaxflow
