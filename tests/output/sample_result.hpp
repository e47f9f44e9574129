#pragma once
/// A small made-up result in which every number is different, for tests of the files.

#include <cmath>
#include <limits>
#include <string>

#include "backend/host/column_extents.hpp"
#include "output/manifest.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow::testing_support {

namespace state_column = model::state_column;
namespace replica_column = model::replica_column;

inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// count numbers that occur nowhere else.
inline std::vector<double> fresh(std::size_t count) {
    static double next = 0.0;
    std::vector<double> values(count);
    for (double& value : values) value = std::sqrt(next += 1.0) - 3.0;
    return values;
}

inline std::vector<std::int64_t> fresh_counts(std::size_t count) {
    static std::int64_t next = 0;
    std::vector<std::int64_t> values(count);
    for (std::int64_t& value : values) value = ++next;
    return values;
}

struct Sample {
    Problem problem;
    CellResult result;
    RunInfo info{"9.8.7", "abc123", "[model]\ntokens = 3\n", "[model]\ntokens = 3\n# all\n", 42};
    RunTiming timing{.start = std::chrono::system_clock::time_point(std::chrono::seconds(0)),
                     .finish = std::chrono::system_clock::time_point(std::chrono::seconds(90)),
                     .wall_seconds = 90.25,
                     .host = "somewhere",
                     .device = "cpu",
                     .threads = 2,
                     .instruction_set = "baseline"};
};

inline Problem sample_problem() {
    Problem problem;
    Config& config = problem.config;
    config.model = {.tokens = 3, .dim = 2, .map = "softmax"};
    config.objective.loss = "regression";
    config.dynamics.method = "momentum";
    config.dynamics.learning_rate = 0.25;
    config.dynamics.iterations = 100;
    config.ensemble.replicas = 5;
    config.record.thresholds = {0.5, 0.9};
    config.record.bins = 4;
    config.record.ranked = true;
    config.record.states = 2;
    problem.outputs = 2;
    problem.checkpoints = {0, 1, 10, 100};
    return problem;
}

/// Counts of each checkpoint add up, with the undefined one, to the 4 replicas that are ok.
inline ObservableResult sample_observable(std::size_t checkpoints, std::size_t bins) {
    ObservableResult x;
    for (auto* curve : {&x.mean, &x.std, &x.sem, &x.min, &x.max}) *curve = fresh(checkpoints);
    x.quantile = fresh(checkpoints * quantile_count);
    x.resolution = fresh(checkpoints * quantile_count);
    x.edge = fresh(bins + 1);
    for (std::size_t c = 0; c < checkpoints; ++c) {
        for (std::size_t b = 0; b < bins; ++b) x.count.push_back(b == c % bins ? 3 : 0);
        x.undefined.push_back(1);
    }
    x.mean[0] = nan;
    return x;
}

inline StateRecord sample_state(std::int64_t replica) {
    StateRecord state;
    state.replica = replica;
    ColumnArrays& columns = state.columns;
    columns[state_column::logits] = fresh(4 * 3);
    columns[state_column::probability] = fresh(4 * 3);
    columns[state_column::projected_values] = fresh(4 * 2 * 3);
    columns[state_column::memory_logits] = fresh(4 * 3);
    columns[state_column::memory_values] = fresh(4 * 2 * 3);
    columns[state_column::arc] = fresh(4);
    columns[state_column::log_time] = {nan, fresh(1)[0], fresh(1)[0], fresh(1)[0]};
    columns[state_column::metric] = {2.5 + double(replica), 0.0, 0.0, 1.25 / double(1 + replica)};
    columns[state_column::response] = fresh(2);
    columns[state_column::rank] =
        replica == 0 ? std::vector{2.0, 0.0, 1.0} : std::vector{0.0, 1.0, 2.0};
    columns[state_column::loss_floor] = fresh(1);
    columns[state_column::initial_leader] = {replica == 0 ? 1.0 : 0.0};
    return state;
}

inline CellResult sample_cell() {
    CellResult cell;
    cell.n_total = 5, cell.n_ok = 4, cell.n_failed = 1;
    cell.n_stopped = {0, 0, 1, 2};
    for (int i = 0; i < model::observable_count + 3 * 3; ++i)  // with the ranked curves
        cell.observables.push_back(sample_observable(4, 4));
    for (const double threshold : {0.5, 0.9})
        cell.passages.push_back(
            {threshold, fresh_counts(1)[0], fresh(quantile_count), fresh(quantile_count)});
    cell.passages[1].quantile[6] = std::numeric_limits<double>::infinity();
    cell.winner_is_leader = {3, 4, 0.75, 0.19, 0.99};
    ColumnArrays& left = cell.table.columns;
    left[replica_column::initial_leader] = {0, 1, 2, 0, 1};
    left[replica_column::winner] = {0, 1, 2, 2, 0};
    left[replica_column::first_passage] = fresh(5 * 2);
    left[replica_column::steps] = {11, 12, 13, 14, 15};
    left[replica_column::rejected_steps] = {21, 22, 23, 24, 25};
    left[replica_column::status] = {0, 1, 2, 0, 5};
    left[replica_column::first_passage][3] = nan;
    cell.table.observables = fresh(model::observable_count * 5);
    cell.states = {sample_state(0), sample_state(1)};
    cell.failures = {{4, Status::non_finite}};
    return cell;
}

/// The same of a flow, recorded where the clock stood at 0, 0.25, 2.5 and 100.
inline Sample sample_flow(const std::string& clock) {
    Sample s{sample_problem(), sample_cell()};
    DynamicsConfig& dynamics = s.problem.config.dynamics;
    dynamics.method = "flow";
    dynamics.clock = clock;
    dynamics.horizon = 100.0;
    s.problem.checkpoints = {0.0, 0.25, 2.5, 100.0};
    s.result.useful_steps = 70, s.result.issued_steps = 80;
    for (StateRecord& state : s.result.states) {
        ColumnArrays& columns = state.columns;
        columns[state_column::memory_logits] = columns[state_column::memory_values] = {};
        columns[state_column::clock] = {0.0, 0.25, 2.5, state.replica == 0 ? 100.0 : 17.5};
        columns[state_column::step_size] = fresh(4);
        columns[state_column::controller] = fresh(4 * 2);
    }
    return s;
}

inline Sample sample() { return {sample_problem(), sample_cell()}; }

}  // namespace softmaxflow::testing_support
