#include <nlohmann/json.hpp>

#include "cli/summary.hpp"
#include "output/results.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow::cli {
namespace {

using Json = nlohmann::ordered_json;

Json observable_json(const ObservableResult& x, const char* unit) {
    const double* end = &x.quantile[x.quantile.size() - quantile_count];
    return {{"unit", unit},
            {"start_median", x.quantile[3]},
            {"end_median", end[3]},
            {"end_05", end[1]},
            {"end_95", end[5]},
            {"end_mean", x.mean.back()},
            {"end_undefined", x.undefined.back()}};
}

Json descent_json(const Report& report) {
    const Session& session = report.session;
    const DynamicsConfig& dynamics = session.config().dynamics;
    return {{"learning_rate", dynamics.learning_rate},
            {"iterations", dynamics.iterations},
            {"first_iteration", static_cast<std::int64_t>(session.problem().checkpoints.front())},
            {"replica_steps", session.work()},
            {"replica_steps_per_second", session.work() / report.result.timing.wall_seconds}};
}

Json flow_json(const Report& report) {
    const Session& session = report.session;
    const CellResult& result = report.result.cell;
    const DynamicsConfig& dynamics = session.config().dynamics;
    return {{"clock", dynamics.clock},
            {"horizon", dynamics.horizon},
            {"first_clock", session.problem().checkpoints.front()},
            {"order", dynamics.order},
            {"stiff", dynamics.stiff},
            {"rtol", dynamics.rtol},
            {"atol", dynamics.atol},
            {"useful_steps", result.useful_steps},
            {"issued_steps", result.issued_steps},
            {"lanes_busy", lanes_busy(result)},
            {"steps_per_replica", steps_per_replica(result)},
            {"replicas_per_second", session.work() / report.result.timing.wall_seconds}};
}

Json statistics_json(const Config& config, const CellResult& result) {
    Json json;
    for (std::size_t o = 0; o < model::observable_count; ++o)
        json["observables"][model::observables[o].name] =
            observable_json(result.observables[o], model::observables[o].unit);
    const Proportion& p = result.winner_is_leader;
    json["winner_is_leader"] = {
        {"count", p.k}, {"of", p.n}, {"share", p.share}, {"low", p.low}, {"high", p.high}};
    const char* median = is_flow(config) ? "median_clock" : "median_iteration";
    json["passages"] = Json::array();
    for (const PassageResult& passage : result.passages)
        json["passages"].push_back({{"threshold", passage.threshold},
                                    {"count", passage.count},
                                    {median, passage.quantile[3]}});
    const auto& x =
        result.observables[static_cast<std::size_t>(model::Observable::max_probability)];
    const auto bins = static_cast<std::ptrdiff_t>(x.edge.size()) - 1;
    json["max_probability_histogram"] = {
        {"edges", x.edge}, {"counts", std::vector(x.count.end() - bins, x.count.end())}};
    return json;
}

}  // namespace

nlohmann::ordered_json summary_json(const Report& report) {
    const auto& [session, run, files, directory, max_failed] = report;
    const CellResult& result = run.cell;
    const Config& config = session.config();
    Json json = {{"directory", directory},
                 {"config", session.path()},
                 {"loss", config.objective.loss},
                 {"map", config.model.map},
                 {"tokens", config.model.tokens},
                 {"dim", config.model.dim},
                 {"method", config.dynamics.method},
                 {"numerics", config.backend.numerics},
                 {"precision", config.backend.precision},
                 {"seed", *config.ensemble.seed},
                 {"seed_drawn", session.seed_drawn()},
                 {"backend", session.backend().name()},
                 {"threads", session.threads()},
                 {"instruction_set", session.instruction_set()},
                 {"wall_seconds", run.timing.wall_seconds},
                 {"n_total", result.n_total},
                 {"n_ok", result.n_ok},
                 {"n_failed", result.n_failed},
                 {"n_converged", result.n_converged},
                 {"n_stopped_early", result.n_stopped_early},
                 {"max_failed", max_failed},
                 {"too_many_failed", report.too_many_failed()}};
    json.update(session.flow() ? flow_json(report) : descent_json(report));
    json["failures"] = Json::array();
    for (const Failure& failure : result.failures)
        json["failures"].push_back(
            {{"replica", failure.replica}, {"status", status_name(failure.status)}});
    json.update(statistics_json(config, result));
    json["payload_hash"] = Json::object();
    const auto add = [&](const char* file, const std::string& hash) {
        if (!hash.empty()) json["payload_hash"][file] = hash;
    };
    add("results.nc", files.results_hash);
    add("replicas.nc", files.replicas_hash);
    add("states.nc", files.states_hash);
    return json;
}

}  // namespace softmaxflow::cli
