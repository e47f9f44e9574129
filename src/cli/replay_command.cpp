// One replica again: of a counterexample, or of any run.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/open.hpp"
#include "cli/output.hpp"
#include "output/check_file.hpp"
#include "session/replay_run.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

int replay_file(const ReplayOptions& options, const Common& common) {
    const Counterexample example = read_counterexample(options.path);
    if (options.replica >= 0 && options.replica != example.replica)
        throw Error(Exit::usage, fmt::format("--replica {}: {} holds replica {}", options.replica,
                                             options.path, example.replica));
    const claims::Precision precision = precision_of(options.precision);
    const auto backend = make_cpu_backend({1, options.instruction_set});
    const claims::Trial& recorded = recorded_trial(example, precision, options.path);
    const claims::Trial trial = replay_trial(example, recorded, *backend);
    const bool same = trial.digits == recorded.digits && trial.clock == recorded.clock;
    if (!options.output.empty())
        write_trajectory(options.output, trajectory_problem(example, recorded.clock), precision,
                         example.replica, *backend);
    if (common.json)
        write_json({{"claim", example.claim->id},
                    {"replica", example.replica},
                    {"precision", options.precision},
                    {"clock", trial.clock},
                    {"margin", trial.margin},
                    {"margin_digits", trial.digits},
                    {"recorded_margin_digits", recorded.digits},
                    {"same_bits", same},
                    {"classification", example.classification}});
    else
        write_out(fmt::format(
            "{}, replica {}, {}: margin {} at {}\n  {}\n  {}\n", example.claim->id, example.replica,
            options.precision, trial.margin, trial.clock, trial.digits,
            same ? "the same bits as recorded" : "NOT the recorded bits, " + recorded.digits));
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
    const Session session = open_session(run);
    if (options.cell != 0)
        throw Error(Exit::usage, fmt::format("--cell {}: this run has one cell, 0", options.cell));
    if (options.replica < 0)
        throw Error(Exit::usage, fmt::format("{} is a run: name one of its replicas, 0 to {}, with "
                                             "--replica",
                                             options.path, session.replicas() - 1));
    const claims::Precision precision = precision_of(options.precision);
    const Problem one = replica_problem(session, options.replica, precision);
    if (options.output.empty())
        throw Error(Exit::usage, "replay of a run writes states.nc: name a new directory with -o");
    write_trajectory(options.output, one, precision, options.replica, session.backend());
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
