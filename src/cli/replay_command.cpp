// One replica again: of a counterexample, or of any run.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "claims/pass.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/plan.hpp"
#include "config/config_file.hpp"
#include "ensemble/derived_problem.hpp"
#include "output/atomic_file.hpp"
#include "output/check_file.hpp"
#include "output/manifest.hpp"
#include "output/netcdf_image.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

claims::Precision precision_of(const std::string& name) {
    if (name == "f113") return claims::Precision::f113;
    return name == "d100" ? claims::Precision::d100 : claims::Precision::f64;
}

/// Relative tolerance of a replay: that of the run, or what adjudication takes.
double tolerance_of(claims::Precision precision, const Config& config) {
    if (precision == claims::Precision::f113) return 1e-20;
    return precision == claims::Precision::d100 ? 1e-30 : config.dynamics.rtol;
}

/// states.nc of the one replica of `problem`, along its checkpoints.
void write_trajectory(const std::string& directory, Problem problem, claims::Precision precision,
                      std::int64_t replica, Backend& backend) {
    problem.config.record.states = 1;
    CellResult result;
    if (precision == claims::Precision::f64) {
        result = run_ensemble(problem, backend, nullptr);
    } else {
        result.n_total = result.n_ok = 1;
        result.states.push_back(
            claims::replay_states(problem, precision, tolerance_of(precision, problem.config)));
    }
    result.states.at(0).replica = replica;
    const Dataset dataset = states_dataset(problem, result, run_info(problem.config));
    create_run_directory(directory);
    write_atomically(fs::path(directory) / "states.nc", netcdf_image(dataset));
}

/// Checkpoints of a trajectory up to `end`, log-spaced as a run would have them.
Problem with_checkpoints(const Problem& problem, double end) {
    Config config = problem.config;
    config.record.checkpoint_list.clear();
    config.record.checkpoint_count = 64;
    if (is_flow(config))
        config.dynamics.horizon = end;
    else
        config.dynamics.iterations = std::max<std::int64_t>(1, static_cast<std::int64_t>(end));
    Problem longer = make_problem(config, {}, {}, 0, problem.restart);
    longer.monitor = problem.monitor;
    return longer;
}

int replay_file(const ReplayOptions& options, const Common& common) {
    const Counterexample example = read_counterexample(options.path);
    if (options.replica >= 0 && options.replica != example.replica)
        throw Error(Exit::usage, fmt::format("--replica {}: {} holds replica {}", options.replica,
                                             options.path, example.replica));
    const claims::Precision precision = precision_of(options.precision);
    const auto backend = make_cpu_backend({1, options.instruction_set});
    const auto recorded =
        std::find_if(example.trials.begin(), example.trials.end(),
                     [&](const claims::Trial& trial) { return trial.precision == precision; });
    if (recorded == example.trials.end())
        throw Error(Exit::usage,
                    fmt::format("{}: holds no trial in {}", options.path, options.precision));
    const claims::Trial trial =
        precision == claims::Precision::f64
            ? claims::first_trial(example.problem, *example.claim, *backend)
            : claims::replay_margin(example.problem, *example.claim, recorded->clock, precision,
                                    recorded->rtol);
    const bool same = trial.digits == recorded->digits && trial.clock == recorded->clock;
    if (!options.output.empty())
        write_trajectory(options.output, with_checkpoints(example.problem, recorded->clock),
                         precision, example.replica, *backend);
    if (common.json)
        write_json({{"claim", example.claim->id},
                    {"replica", example.replica},
                    {"precision", options.precision},
                    {"clock", trial.clock},
                    {"margin", trial.margin},
                    {"margin_digits", trial.digits},
                    {"recorded_margin_digits", recorded->digits},
                    {"same_bits", same},
                    {"classification", example.classification}});
    else
        write_out(fmt::format(
            "{}, replica {}, {}: margin {} at {}\n  {}\n  {}\n", example.claim->id, example.replica,
            options.precision, trial.margin, trial.clock, trial.digits,
            same ? "the same bits as recorded" : "NOT the recorded bits, " + recorded->digits));
    if (same) return static_cast<int>(Exit::done);
    throw Error(Exit::mismatch,
                fmt::format("{}: written by version {} (git {}, numerics {}), which gave other "
                            "bits",
                            options.path, example.version, example.git, example.numerics_version));
}

int replay_run(const ReplayOptions& options, const Common& common) {
    RunOptions run;
    run.config = (fs::path(options.path) / "config.toml").string();
    run.instruction_set = options.instruction_set;
    run.threads = 1;
    const Plan plan = make_plan(run);
    if (options.cell != 0)
        throw Error(Exit::usage, fmt::format("--cell {}: this run has one cell, 0", options.cell));
    if (options.replica < 0)
        throw Error(Exit::usage, fmt::format("{} is a run: name one of its replicas, 0 to {}, with "
                                             "--replica",
                                             options.path, plan.replicas() - 1));
    if (options.replica >= plan.replicas())
        throw Error(Exit::usage, fmt::format("--replica {}: this run has replicas 0 to {}",
                                             options.replica, plan.replicas() - 1));
    const claims::Precision precision = precision_of(options.precision);
    const Config& config = plan.problem.config;
    if (precision != claims::Precision::f64 && !is_flow(config) &&
        config.dynamics.method != "gradient_descent")
        throw Error(Exit::usage, fmt::format("--precision {}: of descent, gradient_descent alone",
                                             options.precision));
    const RestartData start = claims::start_of(plan.problem, *plan.backend, options.replica);
    const Problem one = one_replica(plan.problem, start);
    if (options.output.empty())
        throw Error(Exit::usage, "replay of a run writes states.nc: name a new directory with -o");
    write_trajectory(options.output, one, precision, options.replica, *plan.backend);
    const std::string file = (fs::path(options.output) / "states.nc").string();
    if (common.json)
        write_json({{"replica", options.replica},
                    {"precision", options.precision},
                    {"checkpoints", one.checkpoints.size()},
                    {"file", file}});
    else
        write_out(fmt::format("replica {} in {}, {} checkpoints: {}\n", options.replica,
                              options.precision, one.checkpoints.size(), file));
    return static_cast<int>(Exit::done);
}

}  // namespace

int replay_command(const ReplayOptions& options, const Common& common) {
    std::error_code error;
    return fs::is_directory(options.path, error) ? replay_run(options, common)
                                                 : replay_file(options, common);
}

}  // namespace softmaxflow::cli
