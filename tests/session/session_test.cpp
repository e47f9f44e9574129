// A run without a terminal.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>

#include "expect_error.hpp"
#include "softmaxflow/run.hpp"

namespace softmaxflow {
namespace {

namespace fs = std::filesystem;

Config small_config() {
    Config config;
    config.model.tokens = 4;
    config.model.dim = 3;
    config.dynamics.iterations = 50;
    config.ensemble.replicas = 150;
    config.ensemble.seed = 11;
    config.record.checkpoint_count = 5;
    return config;
}

class SessionTest : public ::testing::Test {
protected:
    SessionTest() {
        std::string name = (fs::temp_directory_path() / "softmaxflow-session-XXXXXX").string();
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        folder = name;
    }
    ~SessionTest() override { fs::remove_all(folder); }
    fs::path folder;
};

TEST_F(SessionTest, OpensRunsAndWritesInSilence) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Session session = open(small_config());
    const RunResult result = session.run();
    const WrittenFiles files = result.write(folder / "deep" / "run");
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");

    EXPECT_EQ(session.name(), "run");
    EXPECT_EQ(result.cell.n_total, 150);
    EXPECT_EQ(result.cell.n_failed, 0);
    EXPECT_EQ(result.timing.device, session.backend().name());
    EXPECT_GT(result.timing.wall_seconds, 0.0);
    for (const char* file : {"config.toml", "results.nc", "replicas.nc", "manifest.json"})
        EXPECT_TRUE(fs::exists(folder / "deep" / "run" / file)) << file;

    // The config that it wrote is that run again.
    Session again = open((folder / "deep" / "run" / "config.toml").string());
    EXPECT_EQ(again.name(), "config");
    const WrittenFiles same = again.run().write(folder / "again");
    EXPECT_EQ(same.results_hash, files.results_hash);
    EXPECT_EQ(same.replicas_hash, files.replicas_hash);
}

TEST_F(SessionTest, WritesIntoNoOtherRun) {
    const RunResult result = open(small_config()).run();
    result.write(folder);
    expect_error(Exit::usage, "holds a run already", [&] { result.write(folder); });
    std::ofstream(folder / "file") << "in the way";
    expect_error(Exit::file, "cannot create", [&] { result.write(folder / "file" / "run"); });
}

TEST_F(SessionTest, ResolvesTheConfigOnce) {
    Config config = small_config();
    config.ensemble.seed.reset();
    const Session drawn = open(config);
    EXPECT_TRUE(drawn.seed_drawn());
    EXPECT_TRUE(drawn.config().ensemble.seed.has_value());
    EXPECT_NE(drawn.config().ensemble.seed, open(config).config().ensemble.seed);

    OpenOptions options;
    options.overrides = {"model.tokens=3", "ensemble.seed=5", "backend.threads=3"};
    const Session session = open(config, options);
    EXPECT_FALSE(session.seed_drawn());
    EXPECT_EQ(session.config().model.tokens, 3);
    EXPECT_EQ(session.threads(), 3);
    EXPECT_EQ(session.work(), 150.0 * 50.0);
    EXPECT_EQ(session.problem().checkpoints.size(), 5U);
    options.overrides = {"model.tokens=0"};
    expect_error(Exit::usage, "model.tokens", [&] { return open(config, options); });
}

TEST_F(SessionTest, TellsOfItsProgress) {
    Config config = small_config();
    config.dynamics.learning_rate = 1e300;
    config.objective.loss = "square";
    Session session = open(config);
    std::atomic<std::int64_t> work = 0, failed = 0, asked = 0;
    RunCallbacks callbacks;
    callbacks.progress = [&](std::int64_t w, std::int64_t f) { work += w, failed += f; };
    callbacks.stop = [&] { return ++asked < 0; };
    const RunResult result = session.run(callbacks);
    EXPECT_EQ(static_cast<double>(work), session.work());
    EXPECT_EQ(failed, result.cell.n_failed);
    EXPECT_GT(failed, 0);
    EXPECT_GT(asked, 0);
}

TEST_F(SessionTest, StopsWhenAsked) {
    Config config = small_config();
    config.dynamics.iterations = 1'000'000'000;
    Session session = open(config);
    RunCallbacks callbacks;
    callbacks.stop = [] { return true; };
    expect_error(Exit::stopped, "stopped after", [&] { return session.run(callbacks); });
}

TEST_F(SessionTest, SaysWhyTheCpuTakesOver) {
    if (why_no_cuda().empty()) GTEST_SKIP() << "there is a CUDA device";
    Config config = small_config();
    config.backend.device = "cuda";
    EXPECT_THROW(open(config), NoDevice);
    std::string told;
    OpenOptions options;
    options.fallback_cpu = true;
    options.on_fallback = [&](const std::string& reason) { told = reason; };
    EXPECT_EQ(open(config, options).backend().name(), "cpu");
    EXPECT_NE(told.find("no CUDA device can be used"), std::string::npos) << told;
}

TEST_F(SessionTest, FindsExamples) {
    const std::vector<std::string> names = example_names();
    for (const char* name : {"quickstart", "claims/benign"})
        EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
    EXPECT_TRUE(fs::exists(find_config("quickstart")));
    expect_error(Exit::usage, "did you mean `quickstart`?", [] { return open("quickstat"); });
}

// Sizes follow from the shapes of the arrays.
TEST_F(SessionTest, EstimatesTimeAndSpace) {
    Config config = small_config();
    const Estimate small = open(config).estimate();
    EXPECT_GT(small.seconds, 0.0);
    EXPECT_GT(small.rate, 0.0);
    config.ensemble.replicas = 150'000;
    const Estimate large = open(config).estimate();
    // A table of 18 observables and 8 further columns.
    EXPECT_EQ(large.disk - small.disk, (150'000 - 150) * 26.0 * 8.0);
    EXPECT_GT(large.memory, small.memory);
    EXPECT_GT(large.seconds, small.seconds);
}

}  // namespace
}  // namespace softmaxflow
