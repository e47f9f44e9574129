// Checks of a whole config: each key alone, keys that nothing would use, and combinations.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "backend/host/traits_of.hpp"
#include "config/config_file.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/problem.hpp"

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

/// A key that was changed although the chosen loss, law or method never looks at it is a mistake.
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
                 "set to {}, but {} = {} does not use it (only {} {}); remove it, set it to its "
                 "default, {}, or change {}",
                 value_text(key, config), selector, chosen, fmt::join(choices, ", "),
                 choices.size() > 1 ? "do" : "does", value_text(key, defaults), selector));
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

void check_design(const Config& config, const Places& places) {
    const ModelConfig& model = config.model;
    const ObjectiveConfig& objective = config.objective;
    const bool identity = design_of(config) == model::Design::identity;
    if (identity && objective.samples != model.dim) {
        fail(places, {"objective.samples", "objective.design", "model.dim"},
             fmt::format(
                 "objective.design = \"identity\" needs objective.samples = model.dim, found "
                 "samples {} and dim {}; set objective.samples = {}",
                 objective.samples, model.dim, model.dim));
    }
    if (identity && objective.condition_number != 1.0) {
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

void check_objective(const Config& config, const Places& places) {
    const ModelConfig& model = config.model;
    const ObjectiveConfig& objective = config.objective;
    const model::LossTraits& loss = loss_traits(config);
    if (loss.kind == model::ObjectiveKind::classes && model.dim < 2) {
        fail(places, {"model.dim"},
             fmt::format("expected at least 2 for {} (its classes), found 1", loss.name));
    }
    if (loss.has_samples()) check_product(config, places, "objective.samples", "model.dim");
    // More rows than columns have a singular K.
    if (loss.kind == model::ObjectiveKind::samples && objective.samples > model.dim) {
        fail(places, {"objective.samples", "model.dim", "objective.loss"},
             fmt::format("{} needs objective.samples <= model.dim, found samples {} "
                         "and dim {}; set objective.samples = {} or fewer, or raise model.dim",
                         loss.name, objective.samples, model.dim, model.dim));
    }
    if (loss.kind == model::ObjectiveKind::design) check_design(config, places);
}

void check_init(const Config& config, const Places& places) {
    const InitConfig& init = config.init;
    if (value_law_traits(config).square && config.model.tokens != config.model.dim) {
        fail(places, {"init.value_law", "model.tokens", "model.dim"},
             fmt::format("value_law = \"{}\" needs model.tokens = model.dim, found tokens {} "
                         "and dim {}; make them equal or take another law",
                         init.value_law, config.model.tokens, config.model.dim));
    }
    if (init.file.empty() && init.checkpoint != -1) {
        fail(places, {"init.checkpoint"},
             fmt::format("set to {}, but init.file is empty; name the states.nc to go on from in "
                         "init.file, or remove init.checkpoint",
                         init.checkpoint));
    }
    if (init.file.empty()) check_drawn_logits(config, places);
}

void check_flow(const Config& config, const Places& places) {
    const DynamicsConfig& dynamics = config.dynamics;
    if (!is_flow(config)) return;
    const model::MapTraits& map = map_traits(config);
    if (map.why_no_flow != nullptr) {
        fail(places, {"model.map", "dynamics.method"},
             fmt::format("the flow of map \"{}\" is not offered: {}; take another map, or descend "
                         "with dynamics.method = \"{}\"",
                         map.name, map.why_no_flow, names_where(model::method_table, [](auto m) {
                                                        return m.gradient;
                                                    }).front()));
    }
    const bool decays = dynamics.value_decay != 0 || dynamics.logit_decay != 0;
    if (stiff_of(config) == model::Stiff::on && dynamics.clock == "arc" && decays) {
        fail(places,
             {"dynamics.stiff",
              dynamics.value_decay != 0 ? "dynamics.value_decay" : "dynamics.logit_decay",
              "dynamics.clock"},
             "stiff = \"on\" does not take decays in the arc clock, where their strength depends "
             "on the residual; set dynamics.clock = \"time\", dynamics.stiff = \"off\", or no "
             "decays");
    }
}

void check_numerics(const Config& config, const Places& places) {
    if (config.backend.numerics != "fast") return;
    if (map_traits(config).fast_numerics && method_traits(config).fast_numerics) return;
    const auto is_fast = [](const auto& row) { return row.fast_numerics; };
    fail(places, {"backend.numerics", "model.map", "dynamics.method"},
         fmt::format("numerics = \"fast\" needs model.map = \"{}\" and dynamics.method = "
                     "\"{}\", found {} and {}; set numerics = \"strict\"",
                     names_where(model::map_table, is_fast).front(),
                     names_where(model::method_table, is_fast).front(),
                     toml_string(config.model.map), toml_string(config.dynamics.method)));
}

const char* end_key(const Config& config) {
    return is_flow(config) ? "dynamics.horizon" : "dynamics.iterations";
}

void check_spacing(const Config& config, const Places& places) {
    const RecordConfig& record = config.record;
    const RecordConfig defaults;
    if (!record.checkpoint_list.empty()) {
        if (record.spacing == defaults.spacing && record.first == defaults.first) return;
        const std::string key = record.first != defaults.first ? "record.first" : "record.spacing";
        fail(places, {key},
             fmt::format("set to {}, but record.checkpoints is a list, which spaces itself; remove "
                         "one of the two",
                         value_text(*find_key(key), config)));
    }
    if (!is_flow(config) && record.first != std::floor(record.first)) {
        fail(places, {"record.first"},
             fmt::format("expected a whole number of iterations, found {}",
                         toml_float(record.first)));
    }
    if (record.first > end_of_run(config)) {
        fail(places, {"record.first", end_key(config)},
             fmt::format("the first checkpoint, {}, lies after the end, {} = {}; lower "
                         "record.first or raise {}",
                         record.first, end_key(config), end_of_run(config), end_key(config)));
    }
}

/// The histograms of the ranked curves are what takes memory; numbers beyond 2^31 (16 GiB) are
/// nobody's intention.
void check_ranked(const Config& config, const Places& places) {
    const RecordConfig& record = config.record;
    if (!record.ranked) return;
    const std::size_t listed = record.checkpoint_list.size();
    const double checkpoints = listed == 0 ? double(record.checkpoint_count) : double(listed + 2);
    const double counts = 3 * double(config.model.tokens) * checkpoints * double(record.bins);
    if (counts <= 0x1p31) return;
    fail(places, {"record.ranked"},
         fmt::format("3 * model.tokens * record.checkpoints * record.bins = 3 * {} * {} * {} is "
                     "more than 2^31; take fewer checkpoints or bins, or record.ranked = false",
                     config.model.tokens, checkpoints, record.bins));
}

/// A flow in f32 rounds each number by up to 6e-8 a step, and counts and clocks are f32 too.
void check_precision(const Config& config, const Places& places) {
    const DynamicsConfig& dynamics = config.dynamics;
    if (config.backend.precision != "f32" || !is_flow(config)) return;
    constexpr double least_rtol = 1e-6, least_clock = 1e-30, most_clock = 1e30;
    constexpr std::int64_t most_steps = std::int64_t{1} << 24;
    const char* const remedy = "or set backend.precision = \"f64\"";
    if (dynamics.rtol < least_rtol) {
        fail(places, {"dynamics.rtol", "backend.precision"},
             fmt::format("f32 rounds each number by 6e-8 of it, several times a step, and so needs "
                         "dynamics.rtol >= {}, found {}; raise it, {}",
                         toml_float(least_rtol), toml_float(dynamics.rtol), remedy));
    }
    if (dynamics.max_steps > most_steps) {
        fail(places, {"dynamics.max_steps", "backend.precision"},
             fmt::format("f32 counts steps to 2^24 = {} only, found dynamics.max_steps = {}; lower "
                         "it, {}",
                         most_steps, dynamics.max_steps, remedy));
    }
    if (dynamics.horizon > most_clock || dynamics.horizon < least_clock) {
        fail(
            places, {"dynamics.horizon", "backend.precision"},
            fmt::format("clocks in f32 are to lie in {} .. {}, found dynamics.horizon = {}; change "
                        "it, {}",
                        toml_float(least_clock), toml_float(most_clock),
                        toml_float(dynamics.horizon), remedy));
    }
}

void check_record(const Config& config, const Places& places) {
    const auto& list = config.record.checkpoint_list;
    if (!list.empty() && list.back() > end_of_run(config)) {
        fail(places, {"record.checkpoints", end_key(config)},
             fmt::format("checkpoint {} lies after the end, {} = {}; leave it out or raise {}",
                         list.back(), end_key(config), end_of_run(config), end_key(config)));
    }
    check_spacing(config, places);
    check_ranked(config, places);
    const bool replicas_known = config.init.file.empty() || config.ensemble.replicas_given;
    if (replicas_known && config.record.states > config.ensemble.replicas) {
        fail(places, {"record.states", "ensemble.replicas"},
             fmt::format("{} states of only {} replicas; set record.states <= ensemble.replicas",
                         config.record.states, config.ensemble.replicas));
    }
}

}  // namespace

void check_drawn_logits(const Config& config, const Places& places) {
    const model::MapTraits& map = map_traits(config);
    const InitConfig& init = config.init;
    if (init.logit_scale != 0 || map.start_logits == model::StartLogits::any) return;
    if (init.logit_mean == 0) {
        fail(
            places, {"model.map", "init.logit_mean"},
            fmt::format("map {} has no weights where all logits are zero, as they are at the start "
                        "(logit_mean = 0, logit_scale = 0); set init.logit_mean > 0, or give "
                        "logits in init.file",
                        toml_string(map.name)));
    }
    if (init.logit_mean < 0 && map.start_logits == model::StartLogits::positive) {
        fail(places, {"init.logit_mean", "model.map"},
             fmt::format("map {} has no weights where no logit is positive, as at this start: "
                         "logit_mean = {}, logit_scale = 0; set init.logit_mean > 0, or give "
                         "logits in init.file",
                         toml_string(map.name), toml_float(init.logit_mean)));
    }
}

void validate(const Config& config, const Places& places) {
    check_values(config, places);
    check_used(config, places);
    check_product(config, places, "model.tokens", "model.dim");
    check_objective(config, places);
    check_init(config, places);
    check_flow(config, places);
    check_numerics(config, places);
    check_precision(config, places);
    check_record(config, places);
}

}  // namespace softmaxflow
