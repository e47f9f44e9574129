// bench: its counts, its figures, and what it says. How fast this machine is, no test can know.
#include <algorithm>
#include <cmath>

#include "cli/terminal.hpp"
#include "program.hpp"
#include "softmaxflow/error.hpp"
#include "throughput/device_bound.hpp"
#include "throughput/figures.hpp"
#include "throughput/workloads.hpp"

namespace softmaxflow::testing_support {
namespace {

using cpu::Unit;

throughput::Case only(const std::string& name) {
    return throughput::make_workloads({name}, {}).throughput.front();
}

double count(const throughput::Case& c, Unit u, int registers = 32) {
    return (*throughput::count_step(c.problem, registers))[u];
}

/// Worked out by hand from the formulas: 8 + 1 exponentials of 10 fma; z and the updates 4 a token
/// and 6 besides; arc length and first passage one each.
TEST(BenchLimit, CountsAStep) {
    const throughput::Case c = only("P1-8");
    EXPECT_EQ(count(c, Unit::fma), 9 * 10 + 8 * 4 + 6 + 2);
    EXPECT_EQ(count(c, Unit::add), 9 * 2 + 7 + 7 + 8 + 1 + 8);
    EXPECT_EQ(count(c, Unit::divide), 2);
    EXPECT_EQ(count(c, Unit::table), 9);
    EXPECT_EQ(count(c, Unit::load), 0);  // 24 entries fit 32 registers, but not 16
    EXPECT_GT(count(c, Unit::load, 16), 0);
    EXPECT_GT(count(only("P1-16"), Unit::store), 0);
}

/// In f32 an exponential has no table and 9 fma, and is never carried along.
TEST(BenchLimit, CountsAStepInSinglePrecision) {
    throughput::Case c = only("P1-8");
    c.problem.config.backend.precision = "f32";
    EXPECT_EQ(count(c, Unit::fma), 9 * 9 + 8 * 4 + 6 + 2);
    EXPECT_EQ(count(c, Unit::add), 9 * 3 + 7 + 7 + 8 + 1 + 8);
    EXPECT_EQ(count(c, Unit::table), 0);
    EXPECT_EQ(count(c, Unit::bits), 9);
    c.problem.config.backend.numerics = "fast";
    EXPECT_EQ(count(c, Unit::fma), 9 * 9 + 8 * 4 + 6 + 2);
}

TEST(BenchLimit, CountsGrowWithWhatIsAsked) {
    throughput::Case c = only("P1-8");
    const double monitored = count(c, Unit::add);
    c.problem.config.record.thresholds.clear();
    EXPECT_EQ(count(c, Unit::add), monitored - 8);
    const double strict = count(c, Unit::fma);
    c.problem.config.backend.numerics = "fast";
    EXPECT_LT(count(c, Unit::fma), strict);

    throughput::Case wide = only("P3");
    const double diagonal = count(wide, Unit::fma);
    wide.problem.config.objective.loss = "classification";
    EXPECT_GT(count(wide, Unit::fma), diagonal + 20 * 18);  // K is a matrix
}

TEST(BenchLimit, SaysWhatItDoesNotCount) {
    throughput::Case c = only("P1-8");
    c.problem.config.dynamics.method = "adam";
    EXPECT_FALSE(throughput::count_step(c.problem, 32));
    c = only("P1-8");
    c.problem.config.model.map = "sum";
    EXPECT_FALSE(throughput::count_step(c.problem, 32));
    c = only("P1-8");
    c.problem.config.dynamics.value_decay = 0.1;
    EXPECT_FALSE(throughput::count_step(c.problem, 32));
}

/// A core of 4 doubles where each operation takes a second.
throughput::Costs slow_core(double addition_beside_fma) {
    throughput::Costs costs{4, 32, {}};
    for (throughput::UnitCost& cost : costs.unit) cost = {1.0, 0.0};
    costs.unit[static_cast<std::size_t>(Unit::add)].beside = addition_beside_fma;
    return costs;
}

TEST(BenchLimit, TakesTheLongestBound) {
    throughput::Counts counts;
    counts[Unit::fma] = 40;
    counts[Unit::add] = 60;
    counts[Unit::divide] = 2;
    const throughput::Limit apart = throughput::limit_of(counts, slow_core(0.0));
    EXPECT_EQ(apart.bound_by, Unit::add);
    EXPECT_EQ(apart.seconds, 60.0 / 4);
    const throughput::Limit shared = throughput::limit_of(counts, slow_core(1.0));
    EXPECT_EQ(shared.bound_by, Unit::fma);
    EXPECT_EQ(shared.seconds, 100.0 / 4);
}

/// Counted in machine code of sm_90: docs/performance.md, which watches for no first passage.
TEST(BenchBound, CountsWhatMachineCodeHas) {
    const struct {
        const char *workload, *precision;
        double operations;
    } cases[] = {{"P1-4", "f64", 100}, {"P1-8", "f64", 172}, {"P1-16", "f64", 316},
                 {"P1-4", "f32", 95},  {"P1-8", "f32", 167}, {"P1-16", "f32", 311}};
    for (const auto& c : cases) {
        Problem problem = only(c.workload).problem;
        problem.config.record.thresholds.clear();
        problem.config.backend.precision = c.precision;
        const auto found = throughput::pipe_operations(problem);
        ASSERT_TRUE(found);
        EXPECT_NEAR(std::max(found->f64, found->f32), c.operations, 0.02 * c.operations)
            << c.workload << " " << c.precision;
    }
    Problem fast = only("P1-8").problem;
    fast.config.backend.numerics = "fast";
    EXPECT_FALSE(throughput::pipe_operations(fast));
    fast.config.backend.precision = "f32";
    EXPECT_EQ(throughput::pipe_operations(fast)->special, 11);
}

TEST(BenchBound, IsTheRateOfThePipeOverItsOperations) {
    const cuda::PipeRates rates{100.0, 200.0, 50.0};
    EXPECT_EQ(throughput::bound_of({20.0, 0.0, 0.0}, rates).replica_steps_per_second, 5.0);
    EXPECT_EQ(throughput::bound_of({0.0, 20.0, 0.0}, rates).replica_steps_per_second, 10.0);
    EXPECT_EQ(throughput::bound_of({0.0, 0.0, 10.0}, rates).replica_steps_per_second, 5.0);
    EXPECT_STREQ(throughput::bound_of({0.0, 0.0, 10.0}, rates).pipe, "special");
}

TEST(BenchFigures, ThroughputAndShare) {
    throughput::Case c = only("P1-8");
    throughput::set_size(c, 128, 1000);
    c.seconds = {2.0, 1.0, 4.0, 2.0, 3.0};
    throughput::Costs costs = slow_core(0.0);
    for (throughput::UnitCost& cost : costs.unit) cost.alone = 1e-5;
    const throughput::Throughput t =
        throughput::throughput_of(c, 4, costs);  // two blocks: two threads busy
    EXPECT_EQ(t.median, 64000.0);
    EXPECT_EQ(t.best, 128000.0);
    EXPECT_EQ(t.spread, 1.5);
    EXPECT_EQ(t.core_seconds, 2.0 / 64000);
    EXPECT_DOUBLE_EQ(t.share, 130e-5 / 4 / (2.0 / 64000));
    EXPECT_DOUBLE_EQ(t.best_share, 2 * t.share);
}

TEST(BenchFigures, StepsAndStartsAreToldApart) {
    throughput::Workloads w = throughput::make_workloads({"P7"}, {});
    ASSERT_EQ(w.dims.size(), 4U);
    for (throughput::DimCase& d : w.dims) {
        throughput::set_size(d.longer, 64, 3000);
        throughput::set_size(d.shorter, 64, 1000);
        const double step = d.dim == 4096 ? 1.5e-6 : 1e-6;
        const double start = 1e-3 * static_cast<double>(d.dim);
        for (int i = 0; i < 5; ++i) {
            d.shorter.seconds.push_back(64 * (start + 1000 * step));
            d.longer.seconds.push_back(64 * (start + 3000 * step));
        }
    }
    const throughput::DimFigures f = throughput::dim_figures(w.dims.back(), w.dims.front(), 1);
    EXPECT_NEAR(f.core_seconds, 1.5e-6, 1e-12);
    EXPECT_NEAR(f.start_seconds, 4.096, 1e-6);
    EXPECT_NEAR(f.relative.median, 1.5, 1e-6);

    throughput::Workloads p5 = throughput::make_workloads({"P5"}, {});
    p5.statistics[0].seconds = {1.1, 2.2, 1.3, 1.1, 1.0};
    p5.statistics[1].seconds = {1.0, 2.0, 1.0, 1.0, 1.0};
    const throughput::Ratio cost = throughput::statistics_cost(p5.statistics[0], p5.statistics[1]);
    EXPECT_NEAR(cost.median, 0.1, 1e-12);
    EXPECT_NEAR(cost.high, 0.3, 1e-12);
    EXPECT_EQ(cost.low, 0.0);
}

TEST(BenchFigures, SeesWhatOthersTake) {
    throughput::Workloads w = throughput::make_workloads({"P1-4", "P1-8"}, {});
    for (throughput::Case& c : w.throughput) {
        throughput::set_size(c, 256, 10);
        c.seconds = {1.0, 2.0};
        c.cpu_seconds = 4.0;
    }
    EXPECT_EQ(throughput::share_of_processors(w, 4), 8.0 / 24);
    EXPECT_EQ(throughput::share_of_processors(w, 2), 8.0 / 12);
}

class Bench : public ProgramTest {
protected:
    /// A measurement of a millisecond each.
    Outcome bench(Words words) {
        words.insert(words.begin(), "bench");
        words.insert(words.end(), {"--seconds", "0.001", "--threads", "1"});
        return run(words);
    }
    void expect_usage(Words words, const std::string& part) {
        const Outcome outcome = bench(std::move(words));
        EXPECT_EQ(outcome.status, 2) << outcome.err;
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
        EXPECT_EQ(outcome.out, "");
    }
};

TEST_F(Bench, JsonHoldsWhatTheFiguresAreMadeOf) {
    const Outcome outcome = bench({"--workload", "P1-4", "--workload", "P5", "--json"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const auto json = outcome.json();
    EXPECT_EQ(json["repeats"], 5);
    EXPECT_EQ(json["threads"], 1);
    EXPECT_EQ(json["numerics"], "strict");
    for (const auto& [name, unit] : json["core"]["vector_operations"].items()) {
        EXPECT_GT(unit["alone_ns"], 0.0) << name;
        EXPECT_GE(unit["beside_fma_ns"], 0.0) << name;
        EXPECT_LE(unit["beside_fma_ns"], unit["alone_ns"]) << name;
    }

    ASSERT_EQ(json["throughput"].size(), 1U);
    const auto& row = json["throughput"][0];
    EXPECT_EQ(row["name"], "P1-4");
    EXPECT_EQ(row["tokens"], 4);
    EXPECT_EQ(row["replicas_failed"], 0);
    EXPECT_GT(row["cpu_seconds"], 0.0);
    auto seconds = row["seconds"].get<std::vector<double>>();
    ASSERT_EQ(seconds.size(), 5U);
    std::sort(seconds.begin(), seconds.end());
    const double steps = row["replicas"].get<double>() * row["iterations"].get<double>();
    EXPECT_DOUBLE_EQ(row["replica_steps_per_second"]["median"], steps / seconds[2]);
    EXPECT_DOUBLE_EQ(row["replica_steps_per_second"]["best"], steps / seconds[0]);
    const auto& limit = row["limit"];
    double longest = 0.0;
    for (const double bound : limit["bounds_ns_per_replica_step_and_core"])
        longest = std::max(longest, bound);
    const std::string by = limit["bound_by"];
    EXPECT_EQ(limit["bounds_ns_per_replica_step_and_core"][by], longest);
    EXPECT_NEAR(limit["share_median"].get<double>(),
                longest / row["ns_per_replica_step_and_core"].get<double>(), 1e-9);

    const auto& statistics = json["statistics"];
    EXPECT_EQ(statistics["two"]["checkpoints"], 2);
    // How many of the checkpoints fall on different iterations depends on how fast the build is.
    EXPECT_EQ(statistics["all"]["checkpoints"] > 2, statistics["all"]["iterations"] > 1);
    for (const char* key : {"replicas", "iterations"})
        EXPECT_EQ(statistics["all"][key], statistics["two"][key]);
    EXPECT_FALSE(json.contains("dim"));
}

TEST_F(Bench, LargeDimension) {
    const Outcome outcome = bench({"--workload", "P7", "--json"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const auto dims = outcome.json()["dim"];
    ASSERT_EQ(dims.size(), 4U);
    EXPECT_EQ(dims[0]["relative_to_first"]["median"], 1.0);
    EXPECT_EQ(dims[3]["dim"], 4096);
    EXPECT_EQ(dims[3]["longer"]["iterations"], 3 * dims[0]["shorter"]["iterations"].get<int>());
}

TEST_F(Bench, WholeFlows) {
    const Outcome outcome = bench({"--workload", "P4-1e-6", "--json"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const auto flows = outcome.json()["flow"];
    ASSERT_EQ(flows.size(), 1U);
    EXPECT_EQ(flows[0]["replicas_failed"], 0);
    auto seconds = flows[0]["seconds"].get<std::vector<double>>();
    ASSERT_EQ(seconds.size(), 5U);
    std::sort(seconds.begin(), seconds.end());
    EXPECT_DOUBLE_EQ(flows[0]["starts_per_second"]["median"],
                     flows[0]["replicas"].get<double>() / seconds[2]);
}

TEST_F(Bench, TextFitsATerminal) {
    const Outcome flow = bench({"--workload", "P4"});
    ASSERT_EQ(flow.status, 0) << flow.err;
    std::istringstream flow_lines(flow.out);
    for (std::string line; std::getline(flow_lines, line);)
        EXPECT_LE(cli::columns(line), 80U) << line;
    const Outcome outcome = bench({"--workload", "P2", "--workload", "P5", "--numerics", "fast"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("P2    cross_entropy"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("1 thread, f64 fast"), std::string::npos) << outcome.out;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(cli::columns(line), 80U) << line;
    EXPECT_EQ(bench({"--workload", "P2", "--quiet"}).out.substr(0, 3), "P2 ");
    EXPECT_TRUE(leftovers().empty());
}

TEST_F(Bench, AllWorkloadsButTheTightestFlowInSinglePrecision) {
    const std::vector<std::string> single = {"backend.precision=f32"};
    EXPECT_EQ(throughput::make_workloads({}, {}).flows.size(), 2U);
    EXPECT_EQ(throughput::make_workloads({}, single).flows.size(), 1U);
    EXPECT_THROW(throughput::make_workloads({"P4-1e-9"}, single), Error);
}

TEST_F(Bench, TakesThePrecision) {
    const Outcome outcome = bench({"--workload", "P1-8", "--precision", "f32", "--json"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const auto json = outcome.json();
    EXPECT_EQ(json["precision"], "f32");
    const auto doubles = bench({"--workload", "P1-8", "--json"}).json();
    EXPECT_EQ(json["core"]["numbers_per_vector"].get<int>(),
              2 * doubles["core"]["numbers_per_vector"].get<int>());
    EXPECT_GT(json["throughput"][0]["limit"]["share_median"], 0.0);
}

TEST_F(Bench, ConfigIsCutAndTheCutIsTold) {
    write_small_config();
    const Outcome outcome = bench({"small.toml", "--set", "dynamics.iterations=123_456", "--json"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const auto json = outcome.json();
    EXPECT_EQ(json["config"]["iterations"], 123456);
    EXPECT_EQ(json["config"]["replicas"], 600);
    EXPECT_LT(json["throughput"][0]["iterations"], 123456);
    EXPECT_LE(json["throughput"][0]["replicas"], 600);
    const std::string text = bench({"small.toml"}).out;
    EXPECT_NE(text.find(" of 600 replicas, "), std::string::npos) << text;

    const auto adam = bench({"small.toml", "--set", "dynamics.method=adam", "--json"}).json();
    EXPECT_TRUE(adam["throughput"][0]["limit"].is_null());
}

TEST_F(Bench, FailedReplicasAreNoTiming) {
    write("diverges.toml",
          "[objective]\nloss = \"regression\"\n[init]\nvalue_scale = 1e200\n"
          "[dynamics]\nlearning_rate = 1e200\niterations = 500\n[ensemble]\nreplicas = 64\n");
    const std::string text = bench({"diverges.toml"}).out;
    EXPECT_NE(text.find("64 of 64 replicas failed: not a timing"), std::string::npos) << text;
}

TEST_F(Bench, RefusesAFlow) {
    write_flow_config();
    const Outcome outcome = run({"bench", "flow.toml"});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_NE(outcome.err.find("bench counts iterations"), std::string::npos) << outcome.err;
}

TEST_F(Bench, RefusesWhatMakesNoSense) {
    write_small_config();
    expect_usage({"--workload", "P6"}, "--workload P6: unknown; expected P1 or one of P1-4, P1-8");
    expect_usage({"--workload", "P1-5"}, "P1-5: unknown");
    expect_usage({"small.toml", "--workload", "P1"}, "not both");
    expect_usage({"--set", "model.tokens=3"}, "--set needs a CONFIG");
    expect_usage({"--repeats", "4"}, "--repeats");
    expect_usage({"--numerics", "quick"}, "--numerics");
    expect_usage({"small.toml", "--numerics", "fast", "--set", "model.map=sigmoid"}, "numerics");
    EXPECT_EQ(run({"bench", "--seconds", "0"}).status, 2);
    EXPECT_EQ(run({"bench", "--threads", "-1"}).status, 2);
    EXPECT_EQ(run({"bench", "--instruction-set", "mmx"}).status, 2);
    EXPECT_EQ(run({"bench", "absent.toml"}).status, 6);
}

}  // namespace
}  // namespace softmaxflow::testing_support
