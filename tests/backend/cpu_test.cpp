// The CPU backend: every instruction set gives the words of the scalar code.

#include <cmath>
#include <limits>

#include "backend/host/make_parameters.hpp"
#include "conformance.hpp"
#include "model/fixture.hpp"

using namespace conformance;

namespace {

std::unique_ptr<Backend> backend(const std::string& set, int threads) {
    return make_cpu_backend({threads, set});
}

/// Logits that no arithmetic leaves finite, the ends of its range, and zeros of both signs.
StartData strange_starts(const Config& config) {
    const double inf = std::numeric_limits<double>::infinity();
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double strange[] = {0.0,  -0.0,  5e-324, 709.0, -709.0, -746.0, 1e4,
                              -1e4, 1e308, inf,    -inf,  nan,    -nan};
    StartData starts;
    starts.replicas = config.ensemble.replicas;
    const auto n = static_cast<int>(config.model.tokens);
    for (int r = 0; r < starts.replicas; ++r)
        for (int j = 0; j < n; ++j)
            starts.logits.push_back(j == r % n ? strange[r % std::size(strange)] : 0.1 * (j + 1));
    return starts;
}

TEST(Cpu, StrangeLogitsGiveTheSameWords) {
    for (const char* map : model::Maps::names)
        for (const char* method : {"gradient_descent", "adam"})
            for (const int tokens : {8, 9}) {
                Config config = small_config(map, "logistic", method);
                config.model.tokens = tokens;
                for (const char* precision : {"f64", "f32"}) {
                    config.backend.precision = precision;
                    const Problem problem = make_problem(config, strange_starts(config), {}, 42);
                    const Blocks expected = run(problem, *backend("generic", 1));
                    for (const std::string& set : usable_instruction_sets())
                        EXPECT_EQ(expected, run(problem, *backend(set, 1)))
                            << map << " " << method << " " << tokens << " " << set << precision;
                }
            }
}

/// Everything in the blocks, against steps.hpp on plain numbers with every choice and size made
/// at run time.
void expect_equals_scalar_replica(const Config& config, const std::string& set) {
    const Problem problem = make_problem(config, {}, {}, 42);
    const host::KernelKey key = host::make_kernel_key(problem);
    fixture::Case scalar_case(fixture::Combination{key.map, key.loss, key.method});
    scalar_case.parameters = host::make_parameters(problem);
    scalar_case.checkpoints.assign(problem.checkpoints.begin(), problem.checkpoints.end());
    scalar_case.thresholds = config.record.thresholds;
    const int count = static_cast<int>(config.ensemble.replicas);
    const fixture::Words scalar = config.backend.precision == "f32"
                                      ? fixture::run_any<float>(scalar_case, count)
                                      : fixture::run_any<double>(scalar_case, count);

    int unequal = 0, compared = 0;
    const auto compare = [&](double a, double b) {
        unequal += std::bit_cast<std::uint64_t>(a) != std::bit_cast<std::uint64_t>(b);
        ++compared;
    };
    const auto compare_row = [&](const std::vector<double>& of_block,
                                 const std::vector<double>& all, std::int64_t r) {
        for (std::size_t i = 0; i < of_block.size(); ++i)
            compare(of_block[i], all[static_cast<std::size_t>(r) * of_block.size() + i]);
    };
    const int last = static_cast<int>(problem.checkpoints.size()) - 1;
    const std::size_t thresholds = config.record.thresholds.size();
    for (const auto& [first, block] : results(problem, *backend(set, 1))) {
        for (int i = 0; i < block.count; ++i) {
            const int r = static_cast<int>(first) + i;
            compare(static_cast<double>(block.status[i]), scalar.status[r]);
            compare(block.initial_leader[i], scalar.leader[r]);
            compare(block.winner[i], scalar.winner[r]);
            for (std::size_t t = 0; t < thresholds; ++t)
                compare(block.first_passage[i * thresholds + t], scalar.passage[t * count + r]);
            for (int o = 0; o < model::observable_count; ++o)
                compare(block.final_observables[i * model::observable_count + o],
                        scalar.observable(static_cast<model::Observable>(o), last, r, count));
        }
        for (const StateRecord& s : block.states) {
            compare_row(s.logits, scalar.logits, s.replica);
            compare_row(s.probability, scalar.probability, s.replica);
            compare_row(s.projected_values, scalar.values, s.replica);
            compare_row(s.metric, scalar.metric, s.replica);
            compare_row(s.response, scalar.response, s.replica);
            compare_row(s.ranks, scalar.ranks, s.replica);
            for (int i = 0; i < scalar_case.combination.memories(); ++i) {
                compare_row(s.memory_logits[i], scalar.memory_logits[i], s.replica);
                compare_row(s.memory_values[i], scalar.memory_values[i], s.replica);
            }
            compare(s.floor, scalar.floor[s.replica]);
        }
    }
    EXPECT_EQ(unequal, 0) << scalar_case.combination.name() << " n = " << config.model.tokens << " "
                          << set;
    EXPECT_GT(compared, 500);
}

void expect_problem_equals_scalar_replica(const std::string& map, const std::string& loss,
                                          const std::string& method) {
    Config config = small_config(map, loss, method);
    config.ensemble.replicas = 19;
    for (const char* precision : {"f64", "f32"}) {
        config.backend.precision = precision;
        expect_equals_scalar_replica(config, "");
    }
}
TEST(Cpu, EqualsTheScalarReplica) { for_each_pair(expect_problem_equals_scalar_replica); }
TEST(CpuLong, EqualsTheScalarReplica) { for_each_problem(expect_problem_equals_scalar_replica); }

void expect_shape_equals_scalar_replica(const std::string& set, const std::string& loss, int tokens,
                                        int outputs) {
    Config config = small_config(loss, "gradient_descent");
    config.model.tokens = tokens;
    config.model.dim = config.objective.samples = outputs;
    config.ensemble.replicas = 37;  // more than two vectors of floats
    config.dynamics.iterations = 8;
    config.record.checkpoint_count = 3;
    for (const char* precision : {"f64", "f32"}) {
        config.backend.precision = precision;
        expect_equals_scalar_replica(config, set);
    }
}

// Kernels are specialised to some shapes: each of them once, and a size beside.
TEST(Cpu, SpecialisedShapesEqualTheScalarReplica) {
    for (const int tokens : {4, 8, 9, 16, 32, 64})
        expect_shape_equals_scalar_replica("", "logistic", tokens, 5);
    expect_shape_equals_scalar_replica("", "cross_entropy", 10, 10);
    expect_shape_equals_scalar_replica("", "regression", 20, 20);
}

// Of every instruction set, the sizes on and beside them.
TEST(CpuLong, SpecialisedShapesEqualTheScalarReplica) {
    for (const std::string& set : usable_instruction_sets()) {
        for (const int tokens : {1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, 64, 65, 100})
            expect_shape_equals_scalar_replica(set, "logistic", tokens, 5);
        for (const int size : {9, 10, 11, 20}) {
            expect_shape_equals_scalar_replica(set, "cross_entropy", size, size);
            expect_shape_equals_scalar_replica(set, "regression", size, size);
        }
        expect_shape_equals_scalar_replica(set, "cross_entropy", 20, 10);
        expect_shape_equals_scalar_replica(set, "exponential", 8, 5);
    }
}

TEST(Cpu, SpecialisedShapesDecayToo) {
    for (const int tokens : {4, 7, 8, 32}) {
        Config config = small_config("logistic", "gradient_descent");
        config.model.tokens = tokens;
        config.dynamics.value_decay = 0.2;
        config.dynamics.logit_decay = 0.1;
        config.ensemble.replicas = 19;
        expect_equals_scalar_replica(config, "");
    }
}

/// Carried exponentials are close to computed ones, on general and specialised shapes, and for one
/// instruction set the same whatever the number of threads.
TEST(Cpu, FastNumericsStayCloseToStrict) {
    for (const std::string loss : {"logistic", "square", "regression", "cross_entropy"})
        for (const int tokens : {5, 8, 32, 64}) {
            Config config = small_config(loss, "gradient_descent");
            config.model.tokens = tokens;
            config.dynamics.iterations = 200;
            const auto strict = results(make_problem(config, {}, {}, 42), *backend("", 1));
            config.backend.numerics = "fast";
            const Problem problem = make_problem(config, {}, {}, 42);
            const auto fast = results(problem, *backend("", 1));
            EXPECT_EQ(run(problem, *backend("", 2)), run(problem, *backend("", 1)));
            double largest = 0.0;
            for (const auto& [first, block] : strict)
                for (std::size_t r = 0; r < block.states.size(); ++r)
                    for (std::size_t i = 0; i < block.states[r].logits.size(); ++i)
                        largest = std::max(largest, std::fabs(block.states[r].logits[i] -
                                                              fast.at(first).states[r].logits[i]));
            EXPECT_LT(largest, 1e-12) << loss << " " << tokens;
        }
}

/// The largest difference of any logit or projected value between two precisions, relative to the
/// larger of 1 and the number itself.
double difference_of_precisions(Config config, const std::string& set = "") {
    const auto precise = results(make_problem(config, {}, {}, 42), *backend(set, 1));
    config.backend.precision = "f32";
    if (is_flow(config)) config.dynamics.rtol = 1e-6;
    const auto rounded = results(make_problem(config, {}, {}, 42), *backend(set, 1));
    double largest = 0.0;
    const auto compare = [&](const std::vector<double>& a, const std::vector<double>& b) {
        ASSERT_EQ(a.size(), b.size());
        for (std::size_t i = 0; i < a.size(); ++i) {
            if (std::isnan(a[i]) && std::isnan(b[i])) continue;  // log 0
            const double difference = std::fabs(a[i] - b[i]) / std::fmax(1.0, std::fabs(a[i]));
            largest = difference <= largest ? largest : difference;
        }
    };
    for (const auto& [first, block] : precise)
        for (std::size_t r = 0; r < block.states.size(); ++r) {
            const StateRecord& other = rounded.at(first).states[r];
            compare(block.states[r].logits, other.logits);
            compare(block.states[r].projected_values, other.projected_values);
            compare(block.states[r].arc, other.arc);
            // Where the arc ends, it does so in f32 as early as its tolerance allows.
            const std::string& loss = config.objective.loss;
            const bool endless =
                loss == "logistic" || loss == "exponential" || loss == "classification";
            if (is_flow(config) && endless) compare(block.states[r].log_time, other.log_time);
        }
    return largest;
}

/// The same starts, rounded once, and steps whose errors add up slowly.
TEST(Cpu, SinglePrecisionStaysCloseToDouble) {
    for (const char* loss : model::Losses::names)
        for (const char* map : {"softmax", "sigmoid", "l2"})
            for (const char* method : {"gradient_descent", "momentum", "adam"}) {
                Config config = small_config(map, loss, method);
                config.dynamics.learning_rate = method == std::string("adam") ? 0.01 : 0.03;
                config.dynamics.iterations = 300;
                const double difference = difference_of_precisions(config);
                // adam divides by the size of the gradient: where that vanishes, rounding counts.
                const double bound = method == std::string("adam") ? 3e-3 : 1e-4;
                EXPECT_LT(difference, bound) << map << " " << loss << " " << method;
                EXPECT_GT(difference, 1e-9) << map << " " << loss << " " << method;
            }
}

TEST(Cpu, FlowInSinglePrecisionStaysCloseToDouble) {
    for (const char* loss : model::Losses::names)
        for (const char* clock : {"time", "arc"})
            for (const char* stiff : {"off", "on"}) {
                Config config = small_config("softmax", loss, "flow");
                config.dynamics.clock = clock;
                config.dynamics.stiff = stiff;
                config.dynamics.horizon = 2.0;
                config.dynamics.rtol = 1e-10;
                const double difference = difference_of_precisions(config);
                EXPECT_LT(difference, 1e-4) << loss << " " << clock << " " << stiff;
                EXPECT_GT(difference, 1e-9) << loss << " " << clock << " " << stiff;
            }
}

TEST(Cpu, FlowInSinglePrecisionGivesTheSameWordsEverywhere) {
    for (const char* loss : model::Losses::names)
        for (const char* clock : {"time", "arc"}) {
            Config config = small_config("softmax", loss, "flow");
            config.dynamics.clock = clock;
            config.dynamics.horizon = 20.0;
            config.dynamics.rtol = 1e-5;
            config.backend.precision = "f32";
            const Blocks expected = run(config, *backend("generic", 1));
            for (const std::string& set : usable_instruction_sets())
                EXPECT_EQ(expected, run(config, *backend(set, 2))) << loss << " " << clock << set;
        }
}

/// Squares of tiny logits vanish, and with them the denominator: shares are infinite, beyond every
/// threshold.
TEST(Cpu, FlowEndsWhereSharesAreInfinite) {
    for (const char* precision : {"f64", "f32"})
        for (const bool thresholds : {true, false}) {
            Config config = small_config("l2", "logistic", "flow");
            config.backend.precision = precision;
            config.init.logit_mean = 0.0;
            config.init.logit_scale = precision == std::string("f32") ? 1e-21 : 1e-158;
            config.dynamics.horizon = 1.0;
            config.dynamics.rtol = 1e-4;
            config.dynamics.logit_rate = 0.0;  // tiny they stay
            config.dynamics.max_steps = 200;
            if (!thresholds) config.record.thresholds.clear();
            const auto blocks = results(make_problem(config, {}, {}, 42), *backend("", 1));
            for (const auto& [first, block] : blocks)
                for (const double when : block.first_passage) EXPECT_EQ(when, 0.0) << precision;
        }
}

TEST(Cpu, DynamicsNeverChangeDraws) {
    const auto start = [](auto change) {
        Config config = small_config("regression", "gradient_descent");
        change(config);
        const Problem problem = make_problem(config, {}, {}, 42);
        std::vector<double> first;
        backend("", 1)->run(
            problem, {0, block_size},
            [&](BlockResult&& block) {
                const StateRecord& s = block.states.at(3);
                first.assign(s.logits.begin(), s.logits.begin() + 8);
                first.insert(first.end(), s.projected_values.begin(),
                             s.projected_values.begin() + 8);
                first.insert(first.end(), s.response.begin(), s.response.end());
            },
            [](std::int64_t) { return true; });
        return first;
    };
    const auto base = start([](Config&) {});
    EXPECT_EQ(base, start([](Config& c) { c.dynamics.method = "momentum"; }));
    EXPECT_EQ(base, start([](Config& c) { c.dynamics.learning_rate = 1e-3; }));
    EXPECT_EQ(base, start([](Config& c) { c.dynamics.iterations = 7; }));
    EXPECT_EQ(base, start([](Config& c) { c.record.bins = 64; }));
    EXPECT_NE(base, start([](Config& c) { c.ensemble.seed = 12; }));
}

TEST(Cpu, FailedReplicasAreMarkedAndHurtNobody) {
    const auto run_with = [](const std::string& map, double planted) {
        Config config = small_config(map, "exponential", "gradient_descent");
        config.ensemble.replicas = 20;
        config.record.states = 0;
        StartData starts;
        starts.replicas = 20;
        for (int i = 0; i < 20 * 8; ++i) starts.logits.push_back(0.5 + 0.01 * i);
        starts.logits[5 * 8 + 3] = planted;
        return results(make_problem(config, starts, {}, 42), *backend("", 1)).at(0);
    };
    const auto expect_failed = [&](const std::string& map, double planted, Status status) {
        const BlockResult bad = run_with(map, planted), good = run_with(map, 1.0);
        for (int r = 0; r < 20; ++r) {
            EXPECT_EQ(bad.status[r], r == 5 ? status : Status::ok) << map << " " << planted;
            if (r == 5) continue;
            for (int o = 0; o < model::observable_count; ++o) {
                const std::size_t i = r * model::observable_count + o;
                EXPECT_EQ(bad.final_observables[i], good.final_observables[i]) << map;
            }
        }
        for (const Moments& m : bad.moments) EXPECT_LE(m.finite, 19);
    };
    for (const char* map : model::Maps::names)
        expect_failed(map, std::numeric_limits<double>::quiet_NaN(), Status::non_finite);
    // The other seven logits of replica 5, in the order in which they are summed.
    const double a[] = {0.9, 0.91, 0.92, 0.0, 0.94, 0.95, 0.96, 0.97};
    expect_failed("sum", -(a[0] + a[1] + a[2] + a[4] + a[5] + a[6] + a[7]), Status::map_singular);
}

/// The rest of a run from its own states: the words that it wrote from there on.
TEST(Cpu, RestartGivesTheWordsOfTheUninterruptedRun) {
    for_each_problem(
        [](const std::string& map, const std::string& loss, const std::string& method) {
            Config config = small_config(map, loss, method);
            config.ensemble.replicas = config.record.states = 19;
            if (method != "momentum") config.backend.precision = "f32";
            const Problem problem = make_problem(config, {}, {}, 42);
            const auto whole = results(problem, *backend("", 1));
            const RestartData restart = restart_from(whole, problem, 2);
            const Problem rest_problem = make_problem(config, {}, {}, 42, restart);
            ASSERT_EQ(rest_problem.checkpoints.front(), problem.checkpoints[2]);
            ASSERT_EQ(rest_problem.checkpoints.size() + 2, problem.checkpoints.size());
            const auto rest = results(rest_problem, *backend("generic", 1));
            const BlockResult &a = whole.at(0), &b = rest.at(0);
            const std::string what = map + " " + loss + " " + method;
            EXPECT_EQ(a.status, b.status) << what;
            EXPECT_EQ(a.initial_leader, b.initial_leader) << what;
            EXPECT_EQ(a.winner, b.winner) << what;
            int unequal = 0;
            const auto compare = [&](double x, double y) {
                unequal += std::bit_cast<std::uint64_t>(x) != std::bit_cast<std::uint64_t>(y);
            };
            ASSERT_EQ(a.final_observables.size(), b.final_observables.size());
            for (std::size_t i = 0; i < a.final_observables.size(); ++i)
                compare(a.final_observables[i], b.final_observables[i]);
            // (curve, checkpoint): the last three checkpoints.
            const std::size_t all = problem.checkpoints.size(), some = all - 2;
            for (std::size_t i = 0; i < b.moments.size(); ++i) {
                const Moments &x = a.moments[i / some * all + 2 + i % some], &y = b.moments[i];
                compare(x.sum.high, y.sum.high);
                compare(x.sum_of_squares.low, y.sum_of_squares.low);
                compare(x.min, y.min);
            }
            ASSERT_EQ(b.states.size(), 19U);
            for (std::size_t r = 0; r < b.states.size(); ++r) {
                const StateRecord &x = a.states[r], &y = b.states[r];
                const auto compare_tail = [&](const auto& longer, const auto& shorter) {
                    const std::size_t skipped = longer.size() - shorter.size();
                    EXPECT_EQ(longer.size() * some, shorter.size() * all);
                    for (std::size_t i = 0; i < shorter.size(); ++i)
                        compare(longer[skipped + i], shorter[i]);
                };
                compare_tail(x.logits, y.logits);
                compare_tail(x.projected_values, y.projected_values);
                compare_tail(x.arc, y.arc);
                for (const int i : {0, 1}) {
                    compare_tail(x.memory_logits[i], y.memory_logits[i]);
                    compare_tail(x.memory_values[i], y.memory_values[i]);
                }
                EXPECT_EQ(x.target, y.target);
                EXPECT_EQ(x.metric, y.metric);
                EXPECT_EQ(x.ranks, y.ranks);
            }
            EXPECT_EQ(unequal, 0) << what;
        });
}

TEST(Cpu, UnknownInstructionSetIsNamed) {
    try {
        backend("mmx", 1);
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("mmx"), std::string::npos);
    }
}

}  // namespace
