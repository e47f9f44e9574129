#include "config/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "claims/claim_table.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/integrator/tableau.hpp"

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
constexpr const char* value_laws[] = {"normal",  "rank_one",    "zero",        "identity",
                                      "student", "log_uniform", "equal_losers"};
constexpr const char* spacings[] = {"log", "linear"};
constexpr const char* clocks[] = {"time", "arc"};
constexpr const char* stiffnesses[] = {"auto", "on", "off"};
constexpr const char* devices[] = {"auto", "cpu", "cuda"};
constexpr const char* precisions[] = {"f64", "f32"};
constexpr const char* numerics[] = {"strict", "fast"};

/// The ways of descent, then the flow.
constexpr auto methods = [] {
    std::array<const char*, model::Methods::size + 1> names{};
    std::copy(std::begin(model::Methods::names), std::end(model::Methods::names), names.begin());
    names.back() = "flow";
    return names;
}();

/// Explicit schemes are named by their orders.
template <class... Scheme>
std::span<const char* const> orders_of(model::List<Scheme...>) {
    static const std::string texts[] = {std::to_string(Scheme::order)...};
    static const std::vector<const char*> list = [] {
        std::vector<const char*> pointers;
        for (const std::string& text : texts) pointers.push_back(text.c_str());
        return pointers;
    }();
    return list;
}

std::span<const char* const> claim_ids() {
    static const std::vector<const char*> ids = [] {
        std::vector<const char*> list;
        for (const claims::Claim& claim : claims::all_claims()) list.push_back(claim.id.data());
        return list;
    }();
    return ids;
}

const double infinity = std::numeric_limits<double>::infinity();
const Range positive = {0.0, infinity, true};
const Range not_negative = {0.0};
const UsedBy scalar_losses = {"objective.loss", {"logistic", "exponential", "square"}};
const UsedBy square = {"objective.loss", {"square"}};
const UsedBy regression = {"objective.loss", {"regression"}};
const UsedBy cross_entropy = {"objective.loss", {"cross_entropy"}};
const UsedBy losses_with_samples = {"objective.loss", {"regression", "classification"}};
const UsedBy losses_with_files = {"objective.loss",
                                  {"regression", "classification", "cross_entropy"}};
const UsedBy student = {"init.value_law", {"student"}};
const UsedBy log_uniform = {"init.value_law", {"log_uniform"}};
const UsedBy momentum = {"dynamics.method", {"momentum"}};
const UsedBy adam = {"dynamics.method", {"adam"}};
// The others act on G in Z = Z(0) + K G, where V has no decay to follow.
const UsedBy methods_on_values = {"dynamics.method", {"gradient_descent", "momentum", "flow"}};
const UsedBy descent = {"dynamics.method",
                        {std::begin(model::Methods::names), std::end(model::Methods::names)}};
const UsedBy flow = {"dynamics.method", {"flow"}};
const UsedBy log_spacing = {"record.spacing", {"log"}};

// clang-format off
using M = ModelConfig; using O = ObjectiveConfig; using I = InitConfig; using D = DynamicsConfig;
using E = EnsembleConfig; using R = RecordConfig; using B = BackendConfig; using C = ClaimsConfig;
constexpr auto model_ = &Config::model; constexpr auto objective_ = &Config::objective;
constexpr auto init_ = &Config::init; constexpr auto dynamics_ = &Config::dynamics;
constexpr auto ensemble_ = &Config::ensemble; constexpr auto record_ = &Config::record;
constexpr auto backend_ = &Config::backend; constexpr auto claims_ = &Config::claims;

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
     {1, 0x1p31}, {}, losses_with_samples},
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
    {"init", "value_scale", at<init_, &I::value_scale>, "",
     "standard deviation, or scale, of the entries of V", not_negative},
    {"init", "value_dof", at<init_, &I::value_dof>, "", "degrees of freedom of Student's t",
     {0, 1e6, true}, {}, student},
    {"init", "value_decades", at<init_, &I::value_decades>, "",
     "entries reach so many decades below value_scale", {0, 300}, {}, log_uniform},
    {"init", "tie_gap", at<init_, &I::tie_gap>, "",
     "> 0: distance of the second largest projected value to the largest", not_negative, {},
     scalar_losses},
    {"init", "logit_mean", at<init_, &I::logit_mean>, "", "mean of the logits at the start"},
    {"init", "logit_scale", at<init_, &I::logit_scale>, "", "standard deviation of the logits",
     not_negative},
    {"init", "file", at<init_, &I::file>, "",
     "netCDF with values, logits or target; or a states.nc to go on from"},
    {"init", "checkpoint", at<init_, &I::checkpoint>, "",
     "which checkpoint of that states.nc, from 0; -1 takes the last", {-1, 0x1p31}},

    {"dynamics", "method", at<dynamics_, &D::method>, "", "how the parameters move",
     {}, methods},
    {"dynamics", "learning_rate", at<dynamics_, &D::learning_rate>, "time", "step size eta",
     positive, {}, descent},
    {"dynamics", "iterations", at<dynamics_, &D::iterations>, "", "number of steps",
     {1, 0x1p53}, {}, descent},
    {"dynamics", "momentum", at<dynamics_, &D::momentum>, "", "mu in v <- mu v + gradient",
     {0, 1, false, true}, {}, momentum},
    {"dynamics", "adam_beta1", at<dynamics_, &D::adam_beta1>, "",
     "memory of the mean of the gradient", {0, 1, false, true}, {}, adam},
    {"dynamics", "adam_beta2", at<dynamics_, &D::adam_beta2>, "",
     "memory of the mean of its square", {0, 1, false, true}, {}, adam},
    {"dynamics", "adam_epsilon", at<dynamics_, &D::adam_epsilon>, "",
     "added to the root of that mean", positive, {}, adam},
    {"dynamics", "logit_rate", at<dynamics_, &D::logit_rate>, "",
     "rho, speed of the logits against the values; 0 freezes attention", not_negative},
    {"dynamics", "value_decay", at<dynamics_, &D::value_decay>, "1/time",
     "lambda_v in dV/dt = ... - lambda_v V", not_negative, {}, methods_on_values},
    {"dynamics", "logit_decay", at<dynamics_, &D::logit_decay>, "1/time",
     "lambda_a in da/dt = ... - lambda_a a", not_negative},
    {"dynamics", "clock", at<dynamics_, &D::clock>, "",
     "time t, or arc length: d arc = |residual| dt", {}, clocks, flow},
    {"dynamics", "horizon", at<dynamics_, &D::horizon>, "clock", "where the flow ends",
     {1e-100, 1e300}, {}, flow},
    {"dynamics", "order", at<dynamics_, &D::order>, "", "order of the explicit Runge-Kutta pair",
     {}, orders_of(model::Schemes{}), flow},
    {"dynamics", "stiff", at<dynamics_, &D::stiff>, "",
     "linearly implicit steps: on, off, or where a replica turns out stiff", {}, stiffnesses, flow},
    {"dynamics", "rtol", at<dynamics_, &D::rtol>, "",
     "error of a step relative to each logit and projected value", {1e-14, 0.1}, {}, flow},
    {"dynamics", "atol", at<dynamics_, &D::atol>, "", "absolute error of a step", not_negative,
     {}, flow},
    {"dynamics", "max_steps", at<dynamics_, &D::max_steps>, "",
     "attempted steps after which a replica fails", {1, 0x1p53}, {}, flow},
    {"dynamics", "stop_at_probability", at<dynamics_, &D::stop_at_probability>, "",
     "> 0: a replica stops once max_probability reaches it", {0, 1, false, true}, {}, flow},

    {"ensemble", "replicas", at<ensemble_, &E::replicas>, "", "number of random starts", {1, 0x1p40}},
    {"ensemble", "seed", at<ensemble_, &E::seed>, "", "seed of all draws; absent: drawn and printed"},
    {"ensemble", "common_random_numbers", at<ensemble_, &E::common_random_numbers>, "",
     "the same draws whatever [model], [objective] and [init]"},

    {"record", "checkpoints", at_checkpoints, "iteration or clock",
     "how many, or a list; start and end are always included", {2, 100'000}},
    {"record", "spacing", at<record_, &R::spacing>, "", "how so many checkpoints are spaced",
     {}, spacings},
    {"record", "first", at<record_, &R::first>, "iteration or clock",
     "first checkpoint after the start; 0 means 1, of a flow horizon / 1e6", not_negative, {}, log_spacing},
    {"record", "thresholds", at<record_, &R::thresholds>, "",
     "increasing levels of max_probability whose first passage is timed", {0, 1, true, true}},
    {"record", "bins", at<record_, &R::bins>, "", "bins of the histogram of every observable",
     {8, 65536}},
    {"record", "ranked", at<record_, &R::ranked>, "",
     "statistics per token, ranked by projected value at the start"},
    {"record", "replica_table", at<record_, &R::replica_table>, "", "write replicas.nc"},
    {"record", "states", at<record_, &R::states>, "",
     "write the full state of the first so many replicas to states.nc", not_negative},

    {"claims", "ids", at<claims_, &C::ids>, "", "claims that check tests; empty: all that fit",
     {}, claim_ids()},
    {"claims", "level", at<claims_, &C::level>, "", "coverage of intervals, before it is corrected",
     {0.5, 1, false, true}},
    {"claims", "horizon", at<claims_, &C::horizon>, "clock or iteration",
     "how far check follows; 0: as the claim asks", not_negative},

    {"backend", "device", at<backend_, &B::device>, "", "where to compute", {}, devices},
    {"backend", "threads", at<backend_, &B::threads>, "", "threads; 0 takes all", {0, 4096}},
    {"backend", "precision", at<backend_, &B::precision>, "", "number format of the steps; draws and observables are f64",
     {}, precisions},
    {"backend", "numerics", at<backend_, &B::numerics>, "",
     "strict: the same bits everywhere; fast: softmax by gradient descent",
     {}, numerics},
};
// clang-format on

}  // namespace

std::string Key::full() const { return fmt::format("{}.{}", section, name); }

std::string Key::type() const {
    // In the order of the alternatives of Slot.
    constexpr const char* types[] = {"integer",         "float",          "boolean",
                                     "string",          "integer",        "list of floats",
                                     "integer or list", "list of strings"};
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

/// Choices in lines of at most 78 columns.
static std::string broken(const std::string& choices) {
    constexpr std::size_t width = 76;
    std::string out;
    std::size_t start = 0;
    while (choices.size() - start > width) {
        const std::size_t end = choices.rfind(" | ", start + width - 2);
        if (end == std::string::npos || end <= start) break;
        out += choices.substr(start, end + 2 - start) + "\n  ";
        start = end + 3;
    }
    return out + choices.substr(start);
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
        out += fmt::format("{:{}}  {:{}}  {}\n  {}", key.full(), name_width, key.type(), type_width,
                           value.empty() ? "(drawn)" : value, key.help);
        if (!key.unit.empty()) out += fmt::format(" [{}]", key.unit);
        if (!key.used_by.selector.empty())
            out += fmt::format("\n  only for {}", fmt::join(key.used_by.choices, ", "));
        if (!key.allowed().empty()) out += "\n  " + broken(key.allowed());
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
