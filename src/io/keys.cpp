#include "keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "softmaxflow/model/catalogue.hpp"

namespace softmaxflow {
namespace {

template <auto Table, auto Field>
Slot at(Config& config) {
    return &(config.*Table.*Field);
}
Slot at_checkpoints(Config& c) {
    return CheckpointSlot{&c.record.checkpoint_count, &c.record.checkpoint_list};
}

constexpr const char* targets[] = {"random_unit", "random_normal", "basis"};
constexpr const char* designs[] = {"random", "identity"};
constexpr const char* responses[] = {"normal", "unit"};
constexpr const char* value_laws[] = {"normal", "zero"};
constexpr const char* devices[] = {"auto", "cpu"};
constexpr const char* precisions[] = {"f64"};
constexpr const char* numerics[] = {"strict"};

const double infinity = std::numeric_limits<double>::infinity();
const Range positive = {0.0, infinity, true};
const Range not_negative = {0.0};
const UsedBy scalar_losses = {"objective.loss", {"logistic", "exponential", "square"}};
const UsedBy square = {"objective.loss", {"square"}};
const UsedBy regression = {"objective.loss", {"regression"}};
const UsedBy cross_entropy = {"objective.loss", {"cross_entropy"}};
const UsedBy losses_with_files = {"objective.loss", {"regression", "cross_entropy"}};
const UsedBy momentum = {"dynamics.method", {"momentum"}};

// clang-format off
using M = ModelConfig; using O = ObjectiveConfig; using I = InitConfig; using D = DynamicsConfig;
using E = EnsembleConfig; using R = RecordConfig; using B = BackendConfig;
constexpr auto model_ = &Config::model; constexpr auto objective_ = &Config::objective;
constexpr auto init_ = &Config::init; constexpr auto dynamics_ = &Config::dynamics;
constexpr auto ensemble_ = &Config::ensemble; constexpr auto record_ = &Config::record;
constexpr auto backend_ = &Config::backend;

// section, name, where it lives, unit, help; then range, choices, users as they apply
const std::vector<Key> table = {
    {"model", "tokens", at<model_, &M::tokens>, "", "number of tokens n", {2, 0x1p31}},
    {"model", "dim", at<model_, &M::dim>, "", "dimension d of the values", {1, 0x1p31}},
    {"model", "map", at<model_, &M::map>, "", "attention map from logits to weights",
     {}, model::Maps::names},

    {"objective", "loss", at<objective_, &O::loss>, "", "loss of the output V s",
     {}, model::Losses::names},
    {"objective", "target", at<objective_, &O::target>, "", "law of the target direction",
     {}, targets, scalar_losses},
    {"objective", "radius", at<objective_, &O::radius>, "", "B in (B - z)^2 / 2", positive, {}, square},
    {"objective", "design", at<objective_, &O::design>, "", "law of the design matrix X",
     {}, designs, regression},
    {"objective", "response", at<objective_, &O::response>, "", "law of the response y",
     {}, responses, regression},
    {"objective", "samples", at<objective_, &O::samples>, "", "number of samples N, rows of X",
     {1, 0x1p31}, {}, regression},
    {"objective", "condition_number", at<objective_, &O::condition_number>, "",
     "largest over smallest singular value of a random X", {1}, {}, regression},
    {"objective", "solution_norm", at<objective_, &O::solution_norm>, "",
     "> 0 rescales y so that |X^+ y| equals it", not_negative, {}, regression},
    {"objective", "loss_factor", at<objective_, &O::loss_factor>, "", "c in c |y - X beta|^2",
     positive, {}, regression},
    {"objective", "sharpness", at<objective_, &O::sharpness>, "",
     "classes have p = softmax(sharpness * uniform(0,1)^dim)", not_negative, {}, cross_entropy},
    {"objective", "shared", at<objective_, &O::shared>, "",
     "one draw of the objective for all replicas"},
    {"objective", "file", at<objective_, &O::file>, "",
     "netCDF with design, response or distribution; replaces their laws", {}, {}, losses_with_files},

    {"init", "value_law", at<init_, &I::value_law>, "", "law of the entries of V at the start",
     {}, value_laws},
    {"init", "value_scale", at<init_, &I::value_scale>, "", "standard deviation of the entries of V",
     not_negative},
    {"init", "logit_mean", at<init_, &I::logit_mean>, "", "mean of the logits at the start"},
    {"init", "logit_scale", at<init_, &I::logit_scale>, "", "standard deviation of the logits",
     not_negative},
    {"init", "file", at<init_, &I::file>, "",
     "netCDF with values, logits or target; replaces their laws"},

    {"dynamics", "method", at<dynamics_, &D::method>, "", "how the parameters move",
     {}, model::Methods::names},
    {"dynamics", "learning_rate", at<dynamics_, &D::learning_rate>, "time", "step size eta", positive},
    {"dynamics", "iterations", at<dynamics_, &D::iterations>, "", "number of steps", {1, 0x1p53}},
    {"dynamics", "momentum", at<dynamics_, &D::momentum>, "", "mu in v <- mu v + gradient",
     {0, 1, false, true}, {}, momentum},
    {"dynamics", "logit_rate", at<dynamics_, &D::logit_rate>, "",
     "rho, speed of the logits against the values; 0 freezes attention", not_negative},

    {"ensemble", "replicas", at<ensemble_, &E::replicas>, "", "number of random starts", {1, 0x1p40}},
    {"ensemble", "seed", at<ensemble_, &E::seed>, "", "seed of all draws; absent: drawn and printed"},
    {"ensemble", "common_random_numbers", at<ensemble_, &E::common_random_numbers>, "",
     "the same draws whatever [model], [objective] and [init]"},

    {"record", "checkpoints", at_checkpoints, "iteration",
     "how many, log-spaced, or a list; start and end are always included", {2, 100'000}},
    {"record", "thresholds", at<record_, &R::thresholds>, "",
     "increasing levels of max_probability whose first passage is timed", {0, 1, true, true}},
    {"record", "bins", at<record_, &R::bins>, "", "bins of the histogram of every observable",
     {8, 65536}},
    {"record", "replica_table", at<record_, &R::replica_table>, "", "write replicas.nc"},
    {"record", "states", at<record_, &R::states>, "",
     "write the full state of the first so many replicas to states.nc", not_negative},

    {"backend", "device", at<backend_, &B::device>, "", "where to compute", {}, devices},
    {"backend", "threads", at<backend_, &B::threads>, "", "threads; 0 takes all", {0, 4096}},
    {"backend", "precision", at<backend_, &B::precision>, "", "floating-point format",
     {}, precisions},
    {"backend", "numerics", at<backend_, &B::numerics>, "", "strict: the same bits on every machine",
     {}, numerics},
};
// clang-format on

/// Insertions, deletions, substitutions and swaps of neighbours that lead from a to b.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), above, row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before = std::exchange(above, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substituted = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, substituted});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[b.size()];
}

constexpr std::size_t longest_name = 64;  // beyond this a word is noise, not a typing error

bool is_close(std::size_t distance, std::string_view word) {
    return distance <= std::max<std::size_t>(1, word.size() / 3);
}

}  // namespace

std::string Key::full() const { return fmt::format("{}.{}", section, name); }

std::string Key::type() const {
    // In the order of the alternatives of Slot.
    constexpr const char* types[] = {"integer", "float",          "boolean",        "string",
                                     "integer", "list of floats", "integer or list"};
    static_assert(std::size(types) == std::variant_size_v<Slot>);
    Config config;
    return types[slot(config).index()];
}

std::string Key::allowed() const {
    Config config;
    if (std::holds_alternative<std::optional<std::uint64_t>*>(slot(config))) return ">= 0";
    return choices.empty() ? range.text() : fmt::format("{}", fmt::join(choices, " | "));
}

std::span<const Key> all_keys() { return table; }

const Key* find_key(std::string_view full) {
    const auto found = std::find_if(table.begin(), table.end(),
                                    [&](const Key& key) { return key.full() == full; });
    return found == table.end() ? nullptr : &*found;
}

std::vector<std::string> all_sections() {
    std::vector<std::string> sections;
    for (const Key& key : table) {
        if (sections.empty() || sections.back() != key.section) sections.emplace_back(key.section);
    }
    return sections;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    if (word.size() > longest_name) return "";
    std::string best;
    std::size_t least = longest_name;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < least && is_close(distance, word)) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

std::string nearest_key(std::string_view full) {
    if (full.size() > longest_name) return "";
    const std::string_view name = full.substr(full.rfind('.') + 1);
    std::string best;
    std::size_t least = longest_name;
    for (const Key& key : table) {
        // A right name in a wrong table is as good as one typing error.
        const std::size_t elsewhere = edit_distance(name, key.name);
        const std::size_t distance = std::min(edit_distance(full, key.full()), elsewhere + 1);
        if (distance < least && (is_close(distance, full) && is_close(elsewhere, name))) {
            least = distance;
            best = key.full();
        }
    }
    return best;
}

std::string keys_listing() {
    const Config defaults;
    std::size_t name_width = 0, type_width = 0;
    for (const Key& key : table) {
        name_width = std::max(name_width, key.full().size());
        type_width = std::max(type_width, key.type().size());
    }
    // A few short lines a key, so that 80 columns are enough.
    std::string out;
    std::string_view section = table.front().section;
    for (const Key& key : table) {
        if (std::exchange(section, key.section) != key.section) out += '\n';
        const std::string value = value_text(key, defaults);
        out += fmt::format("{:{}}  {:{}}  {}\n    {}", key.full(), name_width, key.type(),
                           type_width, value.empty() ? "(drawn)" : value, key.help);
        if (!key.unit.empty()) out += fmt::format(" [{}]", key.unit);
        if (!key.used_by.selector.empty())
            out += fmt::format("\n    only for {}", fmt::join(key.used_by.choices, ", "));
        if (!key.allowed().empty()) out += fmt::format("\n    {}", key.allowed());
        out += '\n';
    }
    return out;
}

nlohmann::json keys_json() {
    const Config defaults;
    nlohmann::json list = nlohmann::json::array();
    for (const Key& key : table) {
        nlohmann::json item = {{"key", key.full()},
                               {"type", key.type()},
                               {"unit", key.unit},
                               {"allowed", key.allowed()},
                               {"help", key.help},
                               {"default", value_text(key, defaults)},
                               {"choices", nlohmann::json::array()},
                               {"used_by", key.used_by.choices}};
        for (const char* choice : key.choices) item["choices"].push_back(choice);
        list.push_back(item);
    }
    return list;
}

}  // namespace softmaxflow
