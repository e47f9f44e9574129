// states.nc as it is written, read back as the start of another run.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "config/config_file.hpp"
#include "expect_error.hpp"
#include "input/restart_file.hpp"
#include "input/start_file.hpp"
#include "output/netcdf_image.hpp"
#include "output/results.hpp"
#include "output/sample_result.hpp"
#include "softmaxflow/ensemble.hpp"

namespace softmaxflow {

namespace state_column = model::state_column;
namespace {

namespace fs = std::filesystem;
using testing_support::fresh;
using Values = std::vector<double>;

constexpr std::size_t states = 2, checkpoints = 3, tokens = 4, dim = 3;

/// A run of a loss and a method: iterations 0, 10 and 100 recorded.
Problem first_run(const std::string& loss, const std::string& method) {
    Config config;
    config.model = {.tokens = tokens, .dim = dim, .map = "softmax"};
    config.objective.loss = loss;
    config.objective.samples = loss == "classification" ? 2 : 20;
    config.objective.radius = loss == "square" ? 1.5 : 1.0;
    config.dynamics.method = method;
    if (is_flow(config))
        config.dynamics.horizon = 100.0;
    else
        config.dynamics.iterations = 100;
    config.ensemble.seed = 1;
    config.ensemble.replicas = 5;
    config.record.checkpoint_count = checkpoints;
    config.record.first = 10;
    config.record.states = states;
    return make_problem(config, {}, {}, 1);
}

Values metric_of(const std::string& loss, std::size_t outputs) {
    Values metric(outputs * outputs, loss == "classification" ? 0.125 : 0.0);
    for (std::size_t i = 0; i < outputs; ++i) metric[i * outputs + i] = 1.0 / double(3 + i);
    return metric;
}

Values response_of(const std::string& loss, std::size_t outputs) {
    if (loss == "logistic" || loss == "exponential") return Values(outputs, 0.0);
    if (loss == "square") return {1.5};
    if (loss == "classification") return {1.0, -1.0};
    if (loss == "cross_entropy") return {0.5, 0.375, 0.125};
    return fresh(outputs);
}

/// Numbers that would show any rounding on the way.
StateRecord state_of(const Problem& problem, std::int64_t replica) {
    const auto outputs = static_cast<std::size_t>(problem.outputs);
    const std::string& loss = problem.config.objective.loss;
    StateRecord state;
    state.replica = replica;
    state.columns[state_column::logits] = fresh(checkpoints * tokens);
    state.columns[state_column::probability] = fresh(checkpoints * tokens);
    state.columns[state_column::projected_values] = fresh(checkpoints * outputs * tokens);
    for (std::size_t c = 0; c < checkpoints; ++c) {
        state.columns[state_column::projected_values][c * outputs * tokens] = -0.0;
        state.columns[state_column::logits][c * tokens] = 5e-324;
        state.columns[state_column::logits][c * tokens + 1] = -1.7976931348623157e308;
    }
    for (std::size_t i = 0; i < memory_names(problem.config.dynamics.method).size(); ++i) {
        state.columns[state_column::memory(state_column::memory_logits, static_cast<int>(i))] =
            fresh(checkpoints * tokens);
        state.columns[state_column::memory(state_column::memory_values, static_cast<int>(i))] =
            fresh(checkpoints * outputs * tokens);
    }
    state.columns[state_column::arc] = fresh(checkpoints);
    state.columns[state_column::log_time] = fresh(checkpoints);
    state.columns[state_column::log_time][0] = std::numeric_limits<double>::quiet_NaN();
    if (is_flow(problem.config)) {
        state.columns[state_column::clock] = problem.checkpoints;
        if (replica == 1) state.columns[state_column::clock][2] = 12.5;  // converged there
        state.columns[state_column::step_size] = fresh(checkpoints);
        state.columns[state_column::controller] = fresh(2 * checkpoints);
    }
    state.columns[state_column::metric] = metric_of(loss, outputs);
    state.columns[state_column::response] = response_of(loss, outputs);
    if (outputs == 1) state.columns[state_column::target] = fresh(dim);
    state.columns[state_column::rank] = replica == 0 ? Values{2, 0, 3, 1} : Values{0, 3, 2, 1};
    state.columns[state_column::initial_leader] = {replica == 0 ? 1.0 : 0.0};
    state.columns[state_column::loss_floor] = {loss == "regression" ? 0.1 : 0.0};
    return state;
}

Variable& variable(Dataset& dataset, const std::string& name) {
    const auto found = std::find_if(dataset.variables.begin(), dataset.variables.end(),
                                    [&](const Variable& v) { return v.name == name; });
    EXPECT_NE(found, dataset.variables.end()) << name;
    return *found;
}

void remove(Dataset& dataset, const std::string& name) {
    std::erase_if(dataset.variables, [&](const Variable& v) { return v.name == name; });
}

template <class T = double>
std::vector<T>& values(Dataset& dataset, const std::string& name) {
    return std::get<std::vector<T>>(variable(dataset, name).values);
}

class Restart : public testing::Test {
protected:
    void SetUp() override {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        folder_ =
            fs::path(testing::TempDir()) / (std::string("softmaxflow_restart_") + test->name());
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    void use(const std::string& loss, const std::string& method) {
        problem_ = first_run(loss, method);
        result_ = {};
        for (const std::int64_t replica : {0, 1})
            result_.states.push_back(state_of(problem_, replica));
        config_ = problem_.config;
        if (is_flow(config_))
            config_.dynamics.horizon = 1000.0;
        else
            config_.dynamics.iterations = 1000;
        config_.ensemble.replicas_given = false;
        config_.init.file = (folder_ / "states.nc").string();
    }

    [[nodiscard]] Dataset dataset() const { return states_dataset(problem_, result_, {}); }

    /// Writes the file and reads it as the start of the second run.
    Inputs read(const Dataset& data) {
        const std::vector<std::byte> image = netcdf_image(data);
        std::ofstream(config_.init.file, std::ios::binary)
            .write(reinterpret_cast<const char*>(image.data()),
                   static_cast<std::streamsize>(image.size()));
        Config config = config_;
        Inputs inputs = read_inputs(config);
        EXPECT_EQ(config.ensemble.replicas, inputs.restart.replicas);
        return inputs;
    }
    void refuse(const std::string& part, const std::function<void(Dataset&)>& change) {
        Dataset data = dataset();
        change(data);
        expect_error(Exit::usage, config_.init.file + ": " + part, [&] { read(data); });
    }

    /// (checkpoint, ...) of every state at one checkpoint.
    Values at(std::size_t checkpoint, int column) const {
        Values all;
        for (const StateRecord& state : result_.states) {
            const Values& array = state.columns[column];
            const auto size = static_cast<std::ptrdiff_t>(array.size() / checkpoints);
            const auto row = array.begin() + static_cast<std::ptrdiff_t>(checkpoint) * size;
            all.insert(all.end(), row, row + size);
        }
        return all;
    }
    Values whole(int column) const {
        Values all;
        for (const StateRecord& state : result_.states) {
            const Values& array = state.columns[column];
            all.insert(all.end(), array.begin(), array.end());
        }
        return all;
    }

    fs::path folder_;
    Problem problem_;
    CellResult result_;
    Config config_;
};

void expect_bits(const Values& a, const Values& b, const std::string& what) {
    const auto same = [](double x, double y) {
        return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
    };
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end(), same)) << what;
}

TEST_F(Restart, ReadsBackTheSameBits) {
    const struct {
        const char *loss, *method;
        std::int64_t checkpoint;
    } cases[] = {{"logistic", "gradient_descent", -1},
                 {"exponential", "momentum", 1},
                 {"square", "adam", 0},
                 {"regression", "sign_descent", 1},
                 {"regression", "momentum", -1},
                 {"classification", "gradient_descent", 1},
                 {"classification", "adam", 2},
                 {"cross_entropy", "adam", 1}};
    for (const auto& [loss, method, checkpoint] : cases) {
        use(loss, method);
        config_.init.checkpoint = checkpoint;
        const std::size_t c = checkpoint < 0 ? checkpoints - 1 : std::size_t(checkpoint);
        const std::string what = std::string(loss) + " " + method;
        const Inputs inputs = read(dataset());
        const RestartData& r = inputs.restart;
        EXPECT_EQ(inputs.starts.replicas, 0);
        EXPECT_EQ(inputs.digests, std::vector{file_digest(config_.init.file)});
        EXPECT_EQ(r.replicas, 2) << what;
        EXPECT_EQ(r.checkpoint, problem_.checkpoints[c]) << what;
        for (int i = 0; i < state_column::count; ++i) {
            const model::StateColumn& column = model::state_columns[i];
            if (column.at_restart == model::AtRestart::not_read || i == state_column::log_time)
                continue;
            const Values expected = column.when == model::When::checkpoint ? at(c, i) : whole(i);
            expect_bits(r.columns[i], expected, what + " " + column.name);
        }
    }
}

TEST_F(Restart, MakesAProblemThatGoesOn) {
    use("square", "momentum");
    config_.init.checkpoint = 1;
    Inputs inputs = read(dataset());
    Config config = config_;
    config.ensemble.replicas = inputs.restart.replicas;
    config.record.checkpoint_count = 4;
    const Problem problem = make_problem(config, std::move(inputs.starts),
                                         std::move(inputs.objective), 1, inputs.restart);
    EXPECT_EQ(problem.checkpoints, (Values{10, 100, 1000}));
    EXPECT_EQ(problem.restart.columns[state_column::logits],
              inputs.restart.columns[state_column::logits]);
    config.dynamics.iterations = 10;
    expect_error(Exit::usage,
                 "dynamics.iterations = 10, but init.file holds states after iteration 10",
                 [&] { make_problem(config, {}, {}, 1, inputs.restart); });
}

TEST_F(Restart, ReadsWhatAFlowGoesOnWith) {
    for (const std::int64_t checkpoint : {0, 1, 2}) {
        use("square", "flow");
        config_.init.checkpoint = checkpoint;
        const auto c = static_cast<std::size_t>(checkpoint);
        const RestartData r = read(dataset()).restart;
        EXPECT_EQ(r.checkpoint, problem_.checkpoints[c]);
        // log_time is NaN at 0.
        for (const int i : {state_column::clock, state_column::step_size, state_column::controller,
                            state_column::log_time})
            expect_bits(r.columns[i], at(c, i), model::state_columns[i].name);
        Config config = config_;
        config.ensemble.replicas = 2;
        config.record.checkpoint_list = {0.5, 10.0, 70.0, 400.0};
        config.record.first = 0;
        const Values all = {0, 0.5, 10, 70, 100, 400, 1000};
        Values expected = {r.checkpoint};
        for (const double x : all)
            if (x > r.checkpoint && x != 100) expected.push_back(x);
        EXPECT_EQ(make_problem(config, {}, {}, 1, r).checkpoints, expected);
    }
}

TEST_F(Restart, DescentAndFlowDoNotMix) {
    const auto same = [](Dataset&) {};
    use("logistic", "flow");
    const DynamicsConfig flow = config_.dynamics;
    config_.dynamics = {};
    config_.dynamics.method = "momentum";
    refuse("these are states of a flow, but dynamics.method = \"momentum\"", same);
    config_.dynamics = flow;
    config_.dynamics.clock = "arc";
    refuse("these states are of a flow with dynamics.clock = \"time\", but the config has \"arc\"",
           same);
    problem_.config.dynamics.clock = "arc";
    EXPECT_EQ(read(dataset()).restart.checkpoint, 100.0);
    config_.dynamics.clock = "time";
    refuse("these states are of a flow with dynamics.clock = \"arc\", but the config has \"time\"",
           same);
    use("logistic", "momentum");
    config_.dynamics = flow;
    refuse("these are states of descent, but dynamics.method = \"flow\"", same);
}

TEST_F(Restart, WhatTheStatesOfAFlowNeed) {
    use("logistic", "flow");
    for (const std::string name : {"clock", "step_size", "controller", "log_time"}) {
        refuse("variable `" + name + "`: not in the file, but needed to go on",
               [&](Dataset& data) { remove(data, name); });
    }
    refuse("variable `checkpoint_clock`: not in the file", [](Dataset& data) {
        remove(data, "checkpoint_clock");
        remove(data, "time");
    });
    refuse(
        "variable `clock`: expected values from 0 to checkpoint_clock = 100, found 100.5 in "
        "state 1",
        [](Dataset& data) { values(data, "clock")[5] = 100.5; });
    refuse("variable `controller`: dimension controller_entry is 1, but", [](Dataset& data) {
        for (auto& dimension : data.dimensions)
            if (dimension.name == "controller_entry") dimension.length = 1;
        values(data, "controller").resize(6);
    });
}

TEST_F(Restart, SizesThatDisagree) {
    use("cross_entropy", "gradient_descent");
    const Config right = config_;
    const auto same = [](Dataset&) {};
    config_.model.tokens = 5;
    refuse("variable `projected_values`: dimension token is 4, but model.tokens = 5", same);
    config_ = right;
    config_.model.dim = 4;
    refuse("variable `projected_values`: dimension output is 3, but model.dim = 4", same);
    config_ = right;
    config_.objective.loss = "logistic";
    refuse(
        "variable `projected_values`: dimension output is 3, but the number of outputs of "
        "objective.loss \"logistic\" = 1",
        same);
    config_ = right;
    config_.ensemble.replicas = 7;
    config_.ensemble.replicas_given = true;
    refuse("variable `projected_values`: dimension state is 2, but ensemble.replicas = 7", same);
    config_ = right;
    config_.init.checkpoint = 3;
    refuse("init.checkpoint = 3, but the file has 3 checkpoints; expected 0 .. 2", same);
    use("square", "gradient_descent");
    config_.model.dim = 4;
    refuse("variable `target`: dimension dim is 3, but model.dim = 4", same);
    use("regression", "gradient_descent");
    config_.objective.samples = 2;
    refuse(
        "variable `projected_values`: dimension output is 3, but min(objective.samples, "
        "model.dim) = 2",
        same);
}

TEST_F(Restart, WhatTheStatesNeed) {
    use("regression", "gradient_descent");
    for (const std::string name : {"logits", "arc", "iteration", "rank", "initial_leader", "metric",
                                   "response", "loss_floor"}) {
        refuse("variable `" + name + "`: not in the file, but needed to go on",
               [&](Dataset& data) { remove(data, name); });
    }
    refuse("variable `logits`: expected finite values, found nan at element 5", [](Dataset& data) {
        values(data, "logits")[2 * tokens + checkpoints * tokens + 1] =
            std::numeric_limits<double>::quiet_NaN();
    });
    refuse("variable `logit`: unknown variable; did you mean `logits`?",
           [](Dataset& data) { variable(data, "logits").name = "logit"; });
    refuse("variable `rank`: expected each of 0 .. 3 once, found 2, 0, 3, 3 in state 0",
           [](Dataset& data) { values<std::int32_t>(data, "rank")[3] = 3; });
    refuse("variable `initial_leader`: state 1 has token 2, but the token of rank 0 is 0",
           [](Dataset& data) { values<std::int32_t>(data, "initial_leader")[1] = 2; });
    refuse(
        "variable `metric`: expected a diagonal matrix with positive diagonal, found 0.5 at (0, "
        "2)",
        [](Dataset& data) { values(data, "metric")[2] = 0.5; });
    refuse(
        "variable `metric`: expected a diagonal matrix with positive diagonal, found 0 at (1, 1)",
        [](Dataset& data) { values(data, "metric")[4] = 0.0; });
    // Without projected_values it is taken for a file of starts.
    refuse("variable `iteration`: unknown variable; expected values, logits, target",
           [](Dataset& data) { remove(data, "projected_values"); });
}

TEST_F(Restart, WhatTheObjectiveSays) {
    use("square", "gradient_descent");
    refuse("variable `target`: not in the file", [](Dataset& data) { remove(data, "target"); });
    config_.objective.radius = 2;
    refuse(
        "variable `response`: the states have the radius 1.5, but objective.radius = 2; make "
        "them equal",
        [](Dataset&) {});
    use("classification", "gradient_descent");
    refuse("variable `response`: expected labels +1 or -1, found 0.5 at element 3",
           [](Dataset& data) { values(data, "response")[3] = 0.5; });
    refuse("variable `metric`: expected a symmetric matrix",
           [](Dataset& data) { values(data, "metric")[1] = 0.25; });
    use("cross_entropy", "gradient_descent");
    refuse("variable `distribution`: expected a sum of 1 within 1e-12, found 1.5",
           [](Dataset& data) { values(data, "distribution")[3] = 1.0; });
}

/// The states bring their objective along; objective.file may only repeat it.
TEST_F(Restart, ObjectiveFileMustAgree) {
    use("cross_entropy", "gradient_descent");
    config_.objective.file = (folder_ / "p.nc").string();
    for (const auto& [p, agrees] :
         {std::pair{Values{0.5, 0.375, 0.125}, true}, {Values{0.375, 0.5, 0.125}, false}}) {
        Dataset file;
        file.dimensions = {{"class", 3}};
        file.variables = {{"distribution", {"class"}, p, {}}};
        const std::vector<std::byte> image = netcdf_image(file);
        std::ofstream(config_.objective.file, std::ios::binary)
            .write(reinterpret_cast<const char*>(image.data()),
                   static_cast<std::streamsize>(image.size()));
        if (agrees) {
            EXPECT_EQ(read(dataset()).digests.size(), 2u);
        } else {
            refuse("variable `distribution`: state 0 has another one than objective.file",
                   [](Dataset&) {});
        }
    }
}

TEST_F(Restart, MemoryOfTheMethod) {
    use("logistic", "momentum");
    const auto without = [](Dataset& data) { remove(data, "velocity_projected_values"); };
    refuse(
        "variable `velocity_logits`: found without velocity_projected_values; give both, or none",
        without);
    Dataset data = dataset();
    without(data);
    remove(data, "velocity_logits");
    EXPECT_TRUE(read(data).restart.columns[state_column::memory_logits].empty());  // from rest
    config_.dynamics.method = "adam";  // which has no velocity
    EXPECT_TRUE(read(dataset()).restart.columns[state_column::memory_values].empty());
    use("logistic", "adam");
    refuse(
        "expected all of moment1, moment2 (logits and projected_values) for dynamics.method = "
        "\"adam\", or none",
        [](Dataset& file) {
            remove(file, "moment2_logits");
            remove(file, "moment2_projected_values");
        });
}

TEST_F(Restart, CheckpointIsOfAStatesFile) {
    use("logistic", "gradient_descent");
    config_.init.checkpoint = 0;
    refuse("init.checkpoint = 0, but this is no states.nc", [](Dataset& data) {
        data.dimensions = {{"replica", 1}, {"token", tokens}};
        data.variables = {{"logits", {"replica", "token"}, Values(tokens, 1.0), {}}};
    });
}

}  // namespace
}  // namespace softmaxflow
