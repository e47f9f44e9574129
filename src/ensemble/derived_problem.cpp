#include "ensemble/derived_problem.hpp"

#include <algorithm>
#include <cmath>

#include "ensemble/checkpoints.hpp"
#include "ensemble/edges.hpp"
#include "ensemble/require.hpp"

namespace softmaxflow {
namespace {

void set_end(Problem& problem, double end) {
    const double start = problem.checkpoints.front();
    require(end > start && std::isfinite(end),
            "a run that starts at {} cannot end at {}: expected a later end", start, end);
    DynamicsConfig& dynamics = problem.config.dynamics;
    if (is_flow(problem.config))
        dynamics.horizon = end;
    else
        dynamics.iterations = static_cast<std::int64_t>(end);
}

}  // namespace

Problem until(Problem problem, double end) {
    if (!is_flow(problem.config)) end = std::floor(end);
    set_end(problem, end);
    std::vector<double>& checkpoints = problem.checkpoints;
    checkpoints.pop_back();
    std::erase_if(checkpoints, [&](double checkpoint) { return checkpoint >= end; });
    checkpoints.push_back(end);
    problem.config.record.checkpoint_list.assign(checkpoints.begin() + 1, checkpoints.end());
    problem.edges = curve_edges(problem.config);
    return problem;
}

Problem on_arc_clock(Problem problem, double end) {
    problem.config.dynamics.clock = "arc";
    set_end(problem, end);
    RecordConfig record = problem.config.record;
    record.checkpoint_list = {end};
    return with_recording(std::move(problem), record);
}

Problem with_recording(Problem problem, const RecordConfig& record) {
    problem.config.record = record;
    problem.checkpoints = checkpoints_of(problem.config, problem.checkpoints.front());
    problem.edges = curve_edges(problem.config);
    return problem;
}

Problem with_states(Problem problem, std::int64_t states) {
    problem.config.record.states = states;
    return problem;
}

Problem with_replicas(Problem problem, std::int64_t replicas) {
    for (const std::int64_t given : {problem.starts.replicas, problem.restart.replicas})
        require(given == 0 || replicas <= given, "{} replicas asked for, but init.file holds {}",
                replicas, given);
    problem.config.ensemble.replicas = replicas;
    return problem;
}

Problem one_replica(Problem problem, RestartData start) {
    problem.starts = {};
    problem.config.init.file.clear();
    problem.restart = std::move(start);
    problem.config.ensemble.replicas = 1;
    problem.monitor.sorted = false;
    return problem;
}

RecordConfig least_record(std::vector<double> checkpoints) {
    RecordConfig record;
    record.bins = 8;
    record.thresholds.clear();
    record.replica_table = false;
    record.checkpoint_list = std::move(checkpoints);
    return record;
}

}  // namespace softmaxflow
