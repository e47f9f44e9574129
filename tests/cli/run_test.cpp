// `softmaxflow run`: what it computes, writes and prints.
#include "cli/terminal.hpp"
#include "output/netcdf_reader.hpp"
#include "program.hpp"
#include "softmaxflow/backend.hpp"

namespace softmaxflow::testing_support {
namespace {

class Run : public ProgramTest {
protected:
    Run() { write_small_config(); }

    /// Runs small.toml into `directory` with more options; its JSON.
    nlohmann::json run_json(const std::string& directory, const Words& more = {}) {
        Words words = {"run", "small.toml", "-o", directory, "--json"};
        words.insert(words.end(), more.begin(), more.end());
        const Outcome outcome = run(words);
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        return outcome.json();
    }

    void expect_same_files(const std::string& a, const std::string& b) {
        for (const char* file : {"results.nc", "replicas.nc", "states.nc"})
            EXPECT_EQ(read_text(folder() / a / file), read_text(folder() / b / file))
                << file << " of " << a << " and " << b;
    }
};

TEST_F(Run, WritesEveryFile) {
    run_json("a");
    for (const char* file :
         {"config.toml", "manifest.json", "results.nc", "replicas.nc", "states.nc", "events.jsonl"})
        EXPECT_TRUE(fs::is_regular_file(folder() / "a" / file)) << file;
}

TEST_F(Run, JsonAgreesWithTheFiles) {
    const auto json = run_json("a");
    const NetcdfReader results((folder() / "a/results.nc").string());
    EXPECT_EQ(json["n_ok"], results.values<std::int64_t>("n_ok")[0]);
    EXPECT_EQ(json["n_total"], 600);
    EXPECT_EQ(json["n_failed"], 0);
    EXPECT_EQ(json["failures"], nlohmann::json::array());
    EXPECT_EQ(json["winner_is_leader"]["share"], results.values<double>("winner_is_leader")[0]);
    EXPECT_EQ(json["winner_is_leader"]["low"], results.values<double>("winner_is_leader_low")[0]);

    const auto quantile = results.values<double>("entropy_quantile");
    const auto& entropy = json["observables"]["entropy"];
    EXPECT_EQ(entropy["start_median"], quantile[3]);
    EXPECT_EQ(entropy["end_05"], quantile[quantile.size() - 6]);
    EXPECT_EQ(entropy["end_median"], quantile[quantile.size() - 4]);
    EXPECT_EQ(entropy["end_95"], quantile[quantile.size() - 2]);
    EXPECT_EQ(entropy["end_mean"], results.values<double>("entropy_mean").back());
    EXPECT_TRUE(json["observables"]["log_time"]["start_median"].is_null());

    const auto count = results.values<std::int64_t>("passage_count");
    ASSERT_EQ(json["passages"].size(), 2U);
    EXPECT_EQ(json["passages"][1]["threshold"], 0.9);
    EXPECT_EQ(json["passages"][0]["count"], count[0]);

    const auto& histogram = json["max_probability_histogram"];
    EXPECT_EQ(histogram["edges"], results.values<double>("max_probability_edge"));
    const auto counts = results.values<std::int64_t>("max_probability_count");
    EXPECT_EQ(histogram["counts"], std::vector(counts.end() - 256, counts.end()));
    EXPECT_EQ(json["payload_hash"]["results.nc"], results.text("", "payload_hash"));
}

TEST_F(Run, BitsDependOnNeitherThreadsNorVectors) {
    const auto first = run_json("one", {"--threads", "1"});
    const auto two = run_json("two", {"--threads", "2"});
    EXPECT_EQ(two["payload_hash"], first["payload_hash"]);
    EXPECT_EQ(two["threads"], 2);
    expect_same_files("one", "two");
    for (const std::string& set : usable_instruction_sets()) {
        const auto json = run_json(set, {"--instruction-set", set});
        EXPECT_EQ(json["instruction_set"], set);
        EXPECT_EQ(json["payload_hash"], first["payload_hash"]) << set;
        expect_same_files("one", set);
    }
}

TEST_F(Run, SinglePrecisionIsStampedAndHasItsOwnBits) {
    const Words single = {"--set", "backend.precision=f32"};
    const auto with = [&](const std::string& folder, Words words) {
        words.insert(words.end(), single.begin(), single.end());
        return run_json(folder, words);
    };
    const auto double_json = run_json("double");
    const auto json = with("single", {"--threads", "1"});
    EXPECT_EQ(json["precision"], "f32");
    EXPECT_EQ(double_json["precision"], "f64");
    EXPECT_EQ(NetcdfReader((folder() / "single/results.nc").string()).text("", "precision"), "f32");
    EXPECT_NE(json["payload_hash"], double_json["payload_hash"]);
    for (const std::string& set : usable_instruction_sets())
        EXPECT_EQ(with(set, {"--threads", "2", "--instruction-set", set})["payload_hash"],
                  json["payload_hash"])
            << set;
    const auto entropy = [](const auto& j) -> double {
        return j["observables"]["entropy"]["end_mean"];
    };
    EXPECT_NEAR(entropy(json), entropy(double_json), 1e-4);
}

TEST_F(Run, AnotherSeedGivesOtherResults) {
    EXPECT_NE(run_json("a")["payload_hash"], run_json("b", {"--seed", "12"})["payload_hash"]);
}

TEST_F(Run, DrawnSeedIsToldStoredAndRepeats) {
    write("drawn.toml", "[ensemble]\nreplicas = 20\n[dynamics]\niterations = 50\n");
    const Outcome first = run({"run", "drawn.toml", "-o", "a", "--json"});
    const auto json = first.json();
    EXPECT_TRUE(json["seed_drawn"]);
    const std::string seed = std::to_string(json["seed"].get<std::uint64_t>());
    EXPECT_NE(first.err.find(seed), std::string::npos) << first.err;
    EXPECT_NE(read_text(folder() / "a/config.toml").find("seed = " + seed), std::string::npos);
    const auto manifest = nlohmann::json::parse(read_text(folder() / "a/manifest.json"));
    EXPECT_EQ(manifest["seed"], json["seed"]);

    const auto again = run({"run", "a/config.toml", "-o", "b", "--json"}).json();
    EXPECT_FALSE(again["seed_drawn"]);
    EXPECT_EQ(again["payload_hash"], json["payload_hash"]);
    const auto other = run({"run", "drawn.toml", "-o", "c", "--json"}).json();
    EXPECT_NE(other["seed"], json["seed"]);
    EXPECT_EQ(run({"run", "drawn.toml", "--seed", seed, "-o", "d", "--json"}).json()["seed"],
              json["seed"]);
}

TEST_F(Run, OverridesTakeListsAndWords) {
    const auto json = run_json("a", {"--set", "record.thresholds=[0.25, 0.5,0.75]", "--set",
                                     "objective.loss=exponential", "--set", "model.tokens=4"});
    EXPECT_EQ(json["passages"].size(), 3U);
    EXPECT_EQ(json["loss"], "exponential");
    EXPECT_EQ(json["tokens"], 4);
}

TEST_F(Run, WithoutADirectoryOneIsCounted) {
    const Words words = {"run", "small.toml", "--quiet"};
    EXPECT_EQ(run(words).out, "runs/small-1\n");
    EXPECT_EQ(run(words).out, "runs/small-2\n");
    EXPECT_TRUE(fs::exists(folder() / "runs/small-2/manifest.json"));
}

TEST_F(Run, ExampleByName) {
    const Outcome outcome = run({"run", "quickstart", "--set", "ensemble.replicas=10", "--set",
                                 "dynamics.iterations=20", "--json"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.json()["directory"], "runs/quickstart-1");
    EXPECT_EQ(outcome.json()["seed"], 1);
}

TEST_F(Run, AFileOfThatNameComesBeforeAnExample) {
    fs::copy(folder() / "small.toml", folder() / "quickstart");
    EXPECT_EQ(run({"run", "quickstart", "-o", "a", "--json"}).json()["seed"], 11);
}

TEST_F(Run, SummaryIsPlainWhenPiped) {
    const Outcome outcome = run({"run", "small.toml", "-o", "a"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.err, "");  // no progress, no messages
    EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
    EXPECT_EQ(outcome.out.find('\r'), std::string::npos);
    std::istringstream stream(outcome.out);
    for (std::string line; std::getline(stream, line);) EXPECT_LE(cli::columns(line), 80U) << line;
    const auto manifest = nlohmann::json::parse(read_text(folder() / "a/manifest.json"));
    for (const std::string& part :
         {std::string("failed 0 of 600"), std::string("seed 11"), std::string("max_probability"),
          std::string("reaches 0.3"), manifest["payload_hash"]["results.nc"].get<std::string>()})
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << outcome.out;
}

TEST_F(Run, TerminalGetsColourAndProgress) {
    const Outcome outcome = run_on_terminal({"run", "small.toml", "-o", "a"});
    EXPECT_EQ(outcome.status, 0) << outcome.out;
    EXPECT_NE(outcome.out.find("\x1b[1msmall\x1b[0m"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("ETA"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("\r\x1b[K"), std::string::npos) << "progress was not cleared";
}

TEST_F(Run, NoColorTurnsColourOff) {
    environment["NO_COLOR"] = "1";
    const Outcome outcome = run_on_terminal({"run", "small.toml", "-o", "a"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_NE(outcome.out.find("failed 0 of 600"), std::string::npos) << outcome.out;
    for (std::size_t at = 0; (at = outcome.out.find('\x1b', at)) != std::string::npos; ++at)
        EXPECT_EQ(outcome.out.substr(at + 1, 2), "[K") << outcome.out.substr(at);
}

TEST_F(Run, DryRunEstimatesAndWritesNothing) {
    const Outcome outcome = run({"run", "small.toml", "--dry-run", "--json"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const auto json = outcome.json();
    EXPECT_EQ(json["cells"], 1);
    EXPECT_EQ(json["replica_steps"], 600.0 * 400);
    EXPECT_GT(json["seconds"], 0.0);
    EXPECT_TRUE(leftovers().empty());
    EXPECT_EQ(run({"run", "small.toml", "--dry-run", "-o", "a"}).status, 0);
    EXPECT_TRUE(leftovers().empty());

    run_json("a");
    double size = 0;
    for (const char* file : {"results.nc", "replicas.nc", "states.nc"})
        size += static_cast<double>(fs::file_size(folder() / "a" / file));
    EXPECT_LT(size, json["disk_bytes_at_most"].get<double>());
}

TEST_F(Run, DryRunOfAnEnormousRunAnswersAtOnce) {
    const Outcome outcome = run(
        {"run", "small.toml", "--dry-run", "--json", "--set", "ensemble.replicas=1_000_000_000_000",
         "--set", "dynamics.iterations=1_000_000_000_000", "--set", "record.replica_table=false"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.json()["replica_steps"], 1e24);
    EXPECT_GT(outcome.json()["seconds"], 1e9);
}

class FlowRun : public Run {
protected:
    FlowRun() { write_flow_config(); }

    nlohmann::json flow_json(const std::string& directory, const Words& more = {}) {
        Words words = {"run", "flow.toml", "-o", directory, "--json"};
        words.insert(words.end(), more.begin(), more.end());
        const Outcome outcome = run(words);
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        return outcome.json();
    }
};

TEST_F(FlowRun, JsonAgreesWithTheFiles) {
    const auto json = flow_json("a");
    EXPECT_EQ(json["clock"], "arc");
    EXPECT_EQ(json["n_ok"], 150);
    EXPECT_FALSE(json.contains("iterations"));
    EXPECT_FALSE(json.contains("replica_steps_per_second"));
    EXPECT_GT(json["replicas_per_second"], 0.0);

    const NetcdfReader results((folder() / "a/results.nc").string());
    EXPECT_EQ(results.values<double>("clock"), (std::vector<double>{0, 2.5, 10, 20}));
    EXPECT_EQ(results.values<double>("arc_mean"), (std::vector<double>{0, 2.5, 10, 20}));
    EXPECT_EQ(results.values<std::int64_t>("n_stopped"), (std::vector<std::int64_t>(4)));
    EXPECT_EQ(json["passages"][0]["median_clock"], results.values<double>("passage_quantile")[3]);

    const NetcdfReader replicas((folder() / "a/replicas.nc").string());
    std::int64_t attempts = 0;
    for (const char* name : {"steps", "rejected_steps"})
        for (const std::int64_t steps : replicas.values<std::int64_t>(name)) attempts += steps;
    EXPECT_EQ(json["useful_steps"], attempts);
    EXPECT_GE(json["issued_steps"], attempts);
    EXPECT_DOUBLE_EQ(json["steps_per_replica"], static_cast<double>(attempts) / 150);
    const auto manifest = nlohmann::json::parse(read_text(folder() / "a/manifest.json"));
    EXPECT_EQ(manifest["issued_steps"], json["issued_steps"]);
}

TEST_F(FlowRun, SummarySaysHowItWent) {
    const Outcome outcome = run({"run", "flow.toml", "-o", "a"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    std::istringstream stream(outcome.out);
    for (std::string line; std::getline(stream, line);) EXPECT_LE(cli::columns(line), 80U) << line;
    for (const char* part : {"gradient flow, arc clock to 20, order 5, rtol 1e-9", " replicas/s",
                             " steps per replica, lanes ", " % busy\n", "median clock"})
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << outcome.out;
}

using FlowRunLong = FlowRun;
TEST_F(FlowRunLong, BitsDependOnNeitherThreadsNorVectors) {
    const auto first = flow_json("one", {"--threads", "1"});
    for (const std::string& set : usable_instruction_sets()) {
        flow_json(set, {"--instruction-set", set, "--threads", "2"});
        expect_same_files("one", set);
    }
}

TEST_F(FlowRun, CountsWhatStopsEarly) {
    const auto json = flow_json("a", {"--set", "dynamics.stop_at_probability=0.6"});
    const std::int64_t stopped = json["n_stopped_early"];
    EXPECT_GT(stopped, 0);
    EXPECT_EQ(json["n_ok"], 150);
    const NetcdfReader results((folder() / "a/results.nc").string());
    EXPECT_EQ(results.values<std::int64_t>("n_stopped").back(), stopped);
    EXPECT_LE(json["observables"]["max_probability"]["end_95"], 0.61);
    const Outcome text = run({"run", "flow.toml", "--set", "dynamics.stop_at_probability=0.6"});
    EXPECT_NE(text.out.find("stopped early " + std::to_string(stopped)), std::string::npos)
        << text.out;
}

class FlowRunIn : public FlowRun, public ::testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Precisions, FlowRunIn, ::testing::Values("f64", "f32"));

TEST_P(FlowRunIn, GoesOnToTheSameBits) {
    const auto go = [&](const std::string& directory, Words words) {
        for (const std::string& set :
             {"backend.precision=" + GetParam(), std::string("dynamics.rtol=1e-6")})
            words.insert(words.end(), {"--set", set});
        flow_json(directory, words);
    };
    go("whole", {});
    go("first", {"--set", "dynamics.horizon=10", "--set", "record.checkpoints=[2.5]"});
    const std::string states = (folder() / "first/states.nc").string();
    go("second", {"--set", "init.file=" + states, "--set", "ensemble.replicas=3"});
    const NetcdfReader whole((folder() / "whole/states.nc").string());
    const NetcdfReader second((folder() / "second/states.nc").string());
    EXPECT_EQ(second.values<double>("checkpoint_clock"), (std::vector<double>{10, 20}));
    const auto end_of = [](const NetcdfReader& file, std::size_t checkpoints) {
        const auto all = file.values<double>("logits");  // (state, checkpoint, token)
        std::vector<double> end;
        for (std::size_t state = 0; state < 3; ++state)
            for (std::size_t token = 0; token < 5; ++token)
                end.push_back(all[(state * checkpoints + checkpoints - 1) * 5 + token]);
        return end;
    };
    EXPECT_EQ(end_of(second, 2), end_of(whole, 4));
}

TEST_F(FlowRun, DryRunEstimatesAndWritesNothing) {
    const Outcome outcome = run({"run", "flow.toml", "--dry-run", "--json"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_GT(outcome.json()["replicas_per_second"], 0.0);
    EXPECT_GT(outcome.json()["seconds"], 0.0);
    const Outcome large =
        run({"run", "flow.toml", "--dry-run", "--set", "ensemble.replicas=1_000_000_000_000",
             "--set", "record.replica_table=false"});
    EXPECT_EQ(large.status, 0) << large.err;
    EXPECT_NE(large.out.find("replicas/s"), std::string::npos) << large.out;
    EXPECT_TRUE(leftovers().empty());
}

}  // namespace
}  // namespace softmaxflow::testing_support
