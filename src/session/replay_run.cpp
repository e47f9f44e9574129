#include "session/replay_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backend/host/traits_of.hpp"
#include "claims/pass.hpp"
#include "ensemble/derived_problem.hpp"
#include "output/atomic_file.hpp"
#include "output/netcdf_image.hpp"
#include "session/open_problem.hpp"
#include "softmaxflow/ensemble.hpp"

namespace softmaxflow {
namespace {

/// Relative tolerance of a replay: that of the run, or what adjudication takes.
double tolerance_of(claims::Precision precision, const Config& config) {
    if (precision == claims::Precision::f113) return 1e-20;
    return precision == claims::Precision::d100 ? 1e-30 : config.dynamics.rtol;
}

/// One replica, recorded along the checkpoints of its problem.
CellResult trajectory(const Problem& problem, claims::Precision precision, Backend& backend) {
    if (precision == claims::Precision::f64) return run_ensemble(problem, backend, nullptr);
    CellResult result;
    result.n_total = result.n_ok = 1;
    result.states.push_back(
        claims::replay_states(problem, precision, tolerance_of(precision, problem.config)));
    return result;
}

}  // namespace

claims::Precision precision_of(const std::string& name) {
    if (name == "f113") return claims::Precision::f113;
    return name == "d100" ? claims::Precision::d100 : claims::Precision::f64;
}

Problem replica_problem(const Session& session, std::int64_t replica, claims::Precision precision) {
    if (replica >= session.replicas())
        throw Error(Exit::usage, fmt::format("--replica {}: this run has replicas 0 to {}", replica,
                                             session.replicas() - 1));
    const Config& config = session.config();
    if (precision != claims::Precision::f64 && !session.flow() && !method_traits(config).gradient)
        throw Error(
            Exit::usage,
            fmt::format("--precision {}: of descent, {} alone", claims::precision_name(precision),
                        names_where(model::method_table, [](const auto& method) {
                            return method.gradient;
                        }).front()));
    return one_replica(session.problem(),
                       claims::start_of(session.problem(), session.backend(), replica));
}

const claims::Trial& recorded_trial(const Counterexample& example, claims::Precision precision,
                                    const std::filesystem::path& path) {
    const auto recorded =
        std::find_if(example.trials.begin(), example.trials.end(),
                     [&](const claims::Trial& trial) { return trial.precision == precision; });
    if (recorded == example.trials.end())
        throw Error(Exit::usage, fmt::format("{}: holds no trial in {}", path.string(),
                                             claims::precision_name(precision)));
    return *recorded;
}

claims::Trial replay_trial(const Counterexample& example, const claims::Trial& recorded,
                           Backend& backend) {
    if (recorded.precision == claims::Precision::f64)
        return claims::first_trial(example.problem, *example.claim, backend);
    return claims::replay_margin(example.problem, *example.claim, recorded.clock,
                                 recorded.precision, recorded.rtol);
}

Problem trajectory_problem(const Counterexample& example, double end) {
    if (!is_flow(example.problem.config)) end = std::max(1.0, end);
    RecordConfig record = example.problem.config.record;
    record.checkpoint_list.clear();
    record.checkpoint_count = 64;
    return with_recording(until(example.problem, end), record);
}

void write_trajectory(const std::filesystem::path& directory, const Problem& problem,
                      claims::Precision precision, std::int64_t replica, Backend& backend) {
    const Problem one = with_states(problem, 1);
    CellResult result = trajectory(one, precision, backend);
    result.states.at(0).replica = replica;
    const Dataset dataset = states_dataset(one, result, run_info(one.config));
    create_run_directory(directory);
    write_atomically(directory / "states.nc", netcdf_image(dataset));
}

}  // namespace softmaxflow
