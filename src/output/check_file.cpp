#include "output/check_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backend/host/column_extents.hpp"
#include "backend/host/traits_of.hpp"
#include "claims/pass.hpp"
#include "config/config_file.hpp"
#include "config/keys.hpp"
#include "output/atomic_file.hpp"
#include "output/dataset.hpp"
#include "softmaxflow/ensemble.hpp"

namespace softmaxflow {
namespace {

using Json = nlohmann::ordered_json;
using claims::Check;
using claims::Outcome;
using claims::Replayed;
using claims::Trial;

constexpr const char* format_name = "softmaxflow counterexample";
/// Counterexamples that are written per claim; check.json counts all.
constexpr std::size_t most_files = 100;

std::string hexadecimal(double x) { return fmt::format("{:a}", x); }

Json hexadecimal(const std::vector<double>& numbers) {
    Json list = Json::array();
    for (const double x : numbers) list.push_back(hexadecimal(x));
    return list;
}

/// The columns of a start as a restart has it, by the names of states.nc; descent that is tested
/// has no memory.
template <class F>
void for_each_part(F f) {
    for (int c = 0; c < model::state_column::count; ++c) {
        const model::StateColumn& column = model::state_columns[c];
        if (column.at_restart != model::AtRestart::not_read && !host::is_memory(column))
            f(column.name, c);
    }
}

Json trial_json(const Trial& trial) {
    return {{"precision", claims::precision_name(trial.precision)},
            {"rtol", trial.rtol},
            {"clock", trial.clock},
            {"clock_hex", hexadecimal(trial.clock)},
            {"margin", trial.margin},
            {"margin_digits", trial.digits},
            {"steps", trial.steps}};
}

Json finding_json(const claims::Finding& finding) {
    Json json = {{"method", finding.method}, {"result", finding.sentence}};
    json["figures"] = Json::array();
    for (const claims::Figure& figure : finding.figures)
        json["figures"].push_back({{"name", figure.name},
                                   {"value", figure.value},
                                   {"low", figure.low},
                                   {"high", figure.high}});
    return json;
}

Json outcome_json(const Check& check, const Outcome& outcome) {
    const claims::Tally& tally = outcome.tally;
    const claims::Judgement& judgement = outcome.judgement;
    Json json = {{"id", outcome.claim->id},
                 {"cell", 0},
                 {"statement", outcome.claim->statement},
                 {"class", outcome.claim->about},
                 {"status", outcome.claim->status},
                 {"named", outcome.named},
                 {"control", outcome.claim->is_control() && !outcome.named},
                 {"verdict", claims::verdict_name(judgement.verdict)},
                 {"n_draws", tally.draws},
                 {"n_excluded", tally.excluded},
                 {"n_failed", tally.failed},
                 {"n_tested", tally.tested()},
                 {"n_confirmed", tally.confirmed},
                 {"n_dismissed", tally.dismissed},
                 {"n_undecided", tally.undecided},
                 {"n_not_replayed", outcome.not_replayed},
                 {"rate", judgement.rate.share},
                 {"low", judgement.rate.low},
                 {"high", judgement.rate.high},
                 {"upper_one_sided", judgement.upper_one_sided},
                 {"worst_rate", judgement.worst.share},
                 {"worst_high", judgement.worst.high}};
    if (outcome.claim->monitored >= 0) {
        json["tolerance"] = -claims::violation_bound(*outcome.claim, check.monitored);
        json["horizon"] = outcome.horizon;
        json["smallest_margin"] = tally.smallest_margin;
        json["smallest_margin_replica"] = tally.smallest_replica;
        json["smallest_margin_clock"] = tally.smallest_clock;
        json["smallest_margin_increment"] = tally.smallest_increment;
    } else {
        json["measurement"] = finding_json(outcome.finding);
        json["confirmed_replicas"] = Json::array();
        for (const claims::Candidate& candidate : outcome.finding.confirmed)
            json["confirmed_replicas"].push_back(
                {{"replica", candidate.replica}, {"margin", candidate.margin}});
    }
    json["counterexamples"] = Json::array();
    for (const Replayed& replayed : outcome.replayed)
        if (replayed.adjudication != claims::Adjudication::dismissed &&
            json["counterexamples"].size() < most_files)
            json["counterexamples"].push_back(
                "counterexamples/" + counterexample_name(*outcome.claim, replayed.replica));
    return json;
}

/// All that it takes to repeat the one replica whose start `replayed` has.
Json example_json(const Problem& problem, const claims::Claim& claim, const Replayed& replayed,
                  const RunInfo& info) {
    Config config = problem.config;
    config.init.file.clear();
    config.init.checkpoint = -1;
    config.objective.file.clear();
    config.ensemble.replicas = 1;
    Json json = {{"format", format_name},
                 {"claim", claim.id},
                 {"statement", claim.statement},
                 {"version", info.version},
                 {"git", info.git},
                 {"numerics_version", numerics_version},
                 {"seed", info.seed},
                 {"cell", 0},
                 {"replica", replayed.replica},
                 {"classification", claims::adjudication_name(replayed.adjudication)},
                 {"sabotaged", problem.monitor.mutant != 0},
                 {"increment", replayed.increment}};
    json["trials"] = Json::array();
    for (const Trial& trial : replayed.trials) json["trials"].push_back(trial_json(trial));
    json["start"]["checkpoint"] = hexadecimal(replayed.start.checkpoint);
    for_each_part([&](const char* name, int c) {
        json["start"][name] = hexadecimal(replayed.start.columns[c]);
    });
    json["config"] = canonical_text(config, false);
    return json;
}

/// The number that a key of the config has.
double number_at(std::string_view key, Config config) {
    return *std::get<double*>(find_key(key)->slot(config));
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
    throw Error(Exit::usage, fmt::format("{}: {}", path.string(), what));
}

double number(const std::filesystem::path& path, const std::string& text) {
    char* end = nullptr;
    const double x = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || *end != '\0')
        fail(path, fmt::format("expected a hexadecimal number, found `{}`", text));
    return x;
}

RestartData read_start(const std::filesystem::path& path, const Json& json) {
    RestartData start;
    start.replicas = 1;
    for_each_part([&](const char* name, int c) {
        for (const Json& x : json.at(name))
            start.columns[c].push_back(number(path, x.get<std::string>()));
    });
    start.checkpoint = number(path, json.at("checkpoint").get<std::string>());
    return start;
}

Trial read_trial(const std::filesystem::path& path, const Json& json) {
    Trial trial;
    const auto precision = json.at("precision").get<std::string>();
    trial.precision = precision == "f113"   ? claims::Precision::f113
                      : precision == "d100" ? claims::Precision::d100
                                            : claims::Precision::f64;
    trial.rtol = json.at("rtol");
    trial.clock = number(path, json.at("clock_hex"));
    trial.margin = json.at("margin");
    trial.digits = json.at("margin_digits");
    trial.steps = json.at("steps");
    return trial;
}

Counterexample parse_counterexample(const std::filesystem::path& path, const Json& json) {
    Counterexample example;
    example.claim = &claims::find_claim(json.at("claim").get<std::string>());
    example.cell = json.at("cell");
    example.replica = json.at("replica");
    example.version = json.at("version");
    example.git = json.at("git");
    example.numerics_version = json.at("numerics_version");
    example.classification = json.at("classification");
    for (const Json& trial : json.at("trials")) example.trials.push_back(read_trial(path, trial));
    Config config = parse_config(json.at("config").get<std::string>(), path.string());
    config.ensemble.replicas = 1;
    example.problem = make_problem(config, {}, {}, 0, read_start(path, json.at("start")));
    example.problem.monitor.claims = std::uint64_t{1} << example.claim->monitored;
    if (json.at("sabotaged").get<bool>())
        example.problem.monitor.mutant = static_cast<int>(example.claim->mutant);
    return example;
}

}  // namespace

std::string law_text(const Config& config) {
    const InitConfig& init = config.init;
    const ObjectiveConfig& objective = config.objective;
    std::string text = init.file.empty()
                           ? fmt::format("values {} of scale {}", init.value_law, init.value_scale)
                           : "starts of " + std::filesystem::path(init.file).filename().string();
    if (const model::ValueLawTraits& law = value_law_traits(config);
        init.file.empty() && law.text != nullptr)
        text += fmt::format(fmt::runtime(law.text), number_at(law.key, config));
    if (init.tie_gap > 0) text += fmt::format(", tie gap {}", init.tie_gap);
    if (init.logit_scale > 0)
        text += fmt::format(", logits {} + {} N(0,1)", init.logit_mean, init.logit_scale);
    else
        text += fmt::format(", logits {}", init.logit_mean);
    text += fmt::format("; {} loss", objective.loss);
    if (loss_traits(config).objective.has_target)
        text += fmt::format(", target {}", objective.target);
    if (objective.shared) text += ", one objective for all: conditional on this objective";
    return text;
}

std::string counterexample_name(const claims::Claim& claim, std::int64_t replica) {
    return fmt::format("{}-{}.json", claim.id, replica);
}

Json check_json(const Check& check, const RunInfo& info) {
    const Config& config = check.monitored.config;
    Json json = {{"schema", schema},
                 {"version", info.version},
                 {"git", info.git},
                 {"numerics_version", numerics_version},
                 {"config_hash", text_hash(info.config)},
                 {"seed", info.seed},
                 {"law", law_text(config)},
                 {"conditional_on_objective", config.objective.shared},
                 {"clock", is_flow(config) ? config.dynamics.clock : "iteration"},
                 {"horizon", end_of_run(config)},
                 {"level", check.level},
                 {"corrected_level", check.corrected},
                 {"sabotaged", check.mutant}};
    json["claims"] = Json::array();
    for (const Outcome& outcome : check.outcomes)
        json["claims"].push_back(outcome_json(check, outcome));
    json["left_out"] = Json::object();
    for (const auto& [id, reason] : check.left_out) json["left_out"][id] = reason;
    return json;
}

Json counterexample_json(const Check& check, const Outcome& outcome, const Replayed& replayed,
                         const RunInfo& info) {
    return example_json(check.monitored, *outcome.claim, replayed, info);
}

Json search_json(const claims::Search& search, const RunInfo& info) {
    Json json = {{"schema", schema},
                 {"version", info.version},
                 {"git", info.git},
                 {"seed", info.seed},
                 {"id", search.claim->id},
                 {"statement", search.claim->statement},
                 {"domain", search.domain},
                 {"method", search.method},
                 {"evaluations", search.evaluations},
                 {"horizon", end_of_run(search.problem.config)},
                 {"smallest_margin", search.smallest_margin},
                 {"tolerance", -claims::violation_bound(*search.claim, search.problem)},
                 {"clock", search.clock},
                 {"apparent_violation", search.apparent}};
    if (search.apparent)
        json["counterexample"] = example_json(search.problem, *search.claim, search.replayed, info);
    else
        json["projected_values"] = search.start.columns[model::state_column::projected_values];
    if (!is_flow(search.problem.config)) json["learning_rate"] = search.learning_rate;
    return json;
}

void write_search(const std::filesystem::path& directory, const claims::Search& search,
                  const RunInfo& info) {
    write_atomically(directory / "config.toml", info.config_file);
    if (search.apparent && search.replayed.adjudication != claims::Adjudication::dismissed) {
        create_run_directory(directory / "counterexamples");
        write_atomically(
            directory / "counterexamples" / counterexample_name(*search.claim, 0),
            example_json(search.problem, *search.claim, search.replayed, info).dump(1) + "\n");
    }
    write_atomically(directory / "search.json", search_json(search, info).dump(2) + "\n");
}

void write_check(const std::filesystem::path& directory, const Check& check, const RunInfo& info) {
    write_atomically(directory / "config.toml", info.config_file);
    for (const Outcome& outcome : check.outcomes) {
        std::size_t written = 0;
        for (const Replayed& replayed : outcome.replayed) {
            if (replayed.adjudication == claims::Adjudication::dismissed || written++ >= most_files)
                continue;
            const auto folder = directory / "counterexamples";
            if (!std::filesystem::exists(folder)) create_run_directory(folder);
            write_atomically(folder / counterexample_name(*outcome.claim, replayed.replica),
                             counterexample_json(check, outcome, replayed, info).dump(1) + "\n");
        }
    }
    write_atomically(directory / "check.json", check_json(check, info).dump(2) + "\n");
}

Counterexample read_counterexample(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw Error(Exit::file, fmt::format("{}: cannot open this counterexample", path.string()));
    const Json json = Json::parse(file, nullptr, false);
    if (!json.is_object() || json.value("format", "") != format_name)
        fail(path, "not a counterexample of softmaxflow: expected a JSON file with format = \"" +
                       std::string(format_name) + "\"");
    try {
        return parse_counterexample(path, json);
    } catch (const Json::exception& error) {
        fail(path, fmt::format("a damaged counterexample: {}", error.what()));
    }
}

}  // namespace softmaxflow
