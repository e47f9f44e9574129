#include "ensemble/derived_problem.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "expect_error.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/column_table.hpp"

namespace softmaxflow {
namespace {

using Checkpoints = std::vector<double>;

Problem descent(const Checkpoints& checkpoints = {10, 100}) {
    Config config;
    config.ensemble.seed = 7;
    config.ensemble.replicas = 5;
    config.dynamics.iterations = 1000;
    config.record.checkpoint_list = checkpoints;
    return make_problem(config, {}, {}, 1);
}

Problem flow(const Checkpoints& checkpoints = {0.25, 2.5}) {
    Config config;
    config.ensemble.seed = 7;
    config.ensemble.replicas = 5;
    config.dynamics.method = "flow";
    config.dynamics.horizon = 10.0;
    config.dynamics.clock = "arc";
    config.record.checkpoint_list = checkpoints;
    return make_problem(config, {}, {}, 1);
}

// The config of a derived problem says what it is: resolving it again gives the same.
void expect_follows_its_config(const Problem& problem) {
    const Problem again = make_problem(problem.config, {}, {}, 1);
    EXPECT_EQ(problem.checkpoints, again.checkpoints);
    EXPECT_EQ(problem.edges, again.edges);
    EXPECT_EQ(problem.random_key, again.random_key);
}

TEST(DerivedProblem, EndsEarlierOrLater) {
    for (const double end : {50.0, 100.0, 101.0, 999.0, 5000.0}) {
        const Problem problem = until(descent(), end);
        Checkpoints expected = {0, 10};
        if (end > 100.0) expected.push_back(100);
        expected.push_back(end);
        EXPECT_EQ(problem.checkpoints, expected);
        EXPECT_EQ(problem.config.dynamics.iterations, static_cast<std::int64_t>(end));
        expect_follows_its_config(problem);
    }
    const Problem problem = until(flow(), 2.75);
    EXPECT_EQ(problem.checkpoints, (Checkpoints{0, 0.25, 2.5, 2.75}));
    EXPECT_EQ(problem.config.dynamics.horizon, 2.75);
    expect_follows_its_config(problem);
    // Edges of what is counted in units of the clock reach as far as the clock.
    const Problem longer = until(flow(), 1e6);
    EXPECT_NE(longer.edges, flow().edges);
    expect_follows_its_config(longer);
}

TEST(DerivedProblem, EndsAtWholeIterations) {
    EXPECT_EQ(until(descent(), 77.9).checkpoints, (Checkpoints{0, 10, 77}));
}

TEST(DerivedProblem, RefusesAnEndThatIsNoneOfItsFuture) {
    for (const double end : {0.0, -1.0, std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()}) {
        expect_error(Exit::usage, "later end", [&] { return until(flow(), end); });
        expect_error(Exit::usage, "later end", [&] { return on_arc_clock(flow(), end); });
    }
    expect_error(Exit::usage, "cannot end at 0", [&] { return until(descent(), 0.9); });
}

TEST(DerivedProblem, GoesOverToTheArcClock) {
    Problem timed = flow();
    timed.config.dynamics.clock = "time";
    const Problem problem = on_arc_clock(timed, 3.0);
    EXPECT_EQ(problem.config.dynamics.clock, "arc");
    EXPECT_EQ(problem.checkpoints, (Checkpoints{0, 3.0}));
    expect_follows_its_config(problem);
}

TEST(DerivedProblem, RecordsSomethingElse) {
    RecordConfig record = least_record({20, 700});
    record.states = 2;
    const Problem problem = with_recording(descent(), record);
    EXPECT_EQ(problem.checkpoints, (Checkpoints{0, 20, 700, 1000}));
    EXPECT_EQ(problem.edges.size(), static_cast<std::size_t>(problem.curves() * 9));
    EXPECT_TRUE(problem.config.record.thresholds.empty());
    EXPECT_FALSE(problem.config.record.replica_table);
    EXPECT_EQ(problem.config.record.states, 2);
    expect_follows_its_config(problem);
    expect_error(Exit::usage, "record.checkpoints: 1001",
                 [] { return with_recording(descent(), least_record({1001})); });
}

TEST(DerivedProblem, OfARestartKeepsItsStart) {
    Problem restarted = descent();
    restarted.checkpoints = {100, 1000};
    EXPECT_EQ(until(restarted, 500).checkpoints, (Checkpoints{100, 500}));
    EXPECT_EQ(with_recording(restarted, least_record({20, 700})).checkpoints,
              (Checkpoints{100, 700, 1000}));
    expect_error(Exit::usage, "starts at 100", [&] { return until(restarted, 100); });
}

TEST(DerivedProblem, HasOtherReplicas) {
    EXPECT_EQ(with_replicas(descent(), 9).config.ensemble.replicas, 9);
    Problem given = descent();
    given.starts.replicas = 5;
    EXPECT_EQ(with_replicas(given, 2).config.ensemble.replicas, 2);
    expect_error(Exit::usage, "init.file holds 5", [&] { return with_replicas(given, 6); });
    EXPECT_EQ(with_states(descent(), 3).config.record.states, 3);
    expect_follows_its_config(with_states(with_replicas(descent(), 9), 3));
}

TEST(DerivedProblem, OfOneReplicaReadsNoFile) {
    Problem problem = flow();
    problem.config.init.file = "starts.nc";
    problem.starts.replicas = 5;
    problem.monitor.claims = 4;
    problem.monitor.sorted = true;
    RestartData start;
    start.replicas = 1;
    start.columns[model::state_column::logits] = {1, 2};
    const Problem one = one_replica(problem, start);
    EXPECT_EQ(one.config.ensemble.replicas, 1);
    EXPECT_EQ(one.config.init.file, "");
    EXPECT_EQ(one.starts.replicas, 0);
    EXPECT_EQ(one.restart.columns[model::state_column::logits], (Checkpoints{1, 2}));
    EXPECT_EQ(one.monitor.claims, 4U);
    EXPECT_FALSE(one.monitor.sorted);
    EXPECT_EQ(one.checkpoints, problem.checkpoints);
    EXPECT_EQ(one.edges, problem.edges);
}

}  // namespace
}  // namespace softmaxflow
