// Everything that can go wrong, and its exit status.
#include <netcdf.h>

#include <cmath>

#include "output/netcdf_reader.hpp"
#include "program.hpp"
#include "softmaxflow/backend.hpp"

namespace softmaxflow::testing_support {
namespace {

class Errors : public ProgramTest {
protected:
    Errors() { write_small_config(); }

    void expect_error(const Words& words, int status, const std::string& part) {
        const Outcome outcome = run(words);
        EXPECT_EQ(outcome.status, status) << outcome.err;
        EXPECT_TRUE(outcome.err.starts_with("softmaxflow: error: ")) << outcome.err;
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
        EXPECT_EQ(outcome.out, "");
    }

    /// starts.nc: starts of 5 tokens with d = 3; the projected values of those listed overflow.
    void write_starts(std::size_t replicas, const std::vector<std::size_t>& broken) const {
        std::vector<double> values(replicas * 15), target(replicas * 3, 3.0);
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = 0.1 * std::sin(static_cast<double>(i + 1));
        for (const std::size_t replica : broken)
            for (std::size_t i = 0; i < 15; ++i) values[replica * 15 + i] = i % 2 ? 1e308 : -1e308;
        int file = -1, variable[2], dimension[3];
        const std::string path = (folder() / "starts.nc").string();
        ASSERT_EQ(nc_create(path.c_str(), NC_NETCDF4 | NC_CLOBBER, &file), NC_NOERR);
        nc_def_dim(file, "replica", replicas, &dimension[0]);
        nc_def_dim(file, "dim", 3, &dimension[1]);
        nc_def_dim(file, "token", 5, &dimension[2]);
        nc_def_var(file, "values", NC_DOUBLE, 3, dimension, &variable[0]);
        nc_def_var(file, "target", NC_DOUBLE, 2, dimension, &variable[1]);
        nc_enddef(file);
        ASSERT_EQ(nc_put_var_double(file, variable[0], values.data()), NC_NOERR);
        ASSERT_EQ(nc_put_var_double(file, variable[1], target.data()), NC_NOERR);
        ASSERT_EQ(nc_close(file), NC_NOERR);
    }

    Words with_starts(const std::string& directory) const {
        write("starts.toml",
              "[model]\ntokens = 5\ndim = 3\n[init]\nfile = \"starts.nc\"\n"
              "[ensemble]\nseed = 3\n[dynamics]\niterations = 100\n");
        return {"run", "starts.toml", "-o", directory};
    }
};

TEST_F(Errors, DeviceIsSeven) {
    const std::string reason = why_no_cuda();
    if (reason.empty()) GTEST_SKIP() << "a CUDA device is here";
    expect_error({"run", "small.toml", "--backend", "cuda"}, 7, reason);
    expect_error({"run", "small.toml", "--set", "backend.device=cuda"}, 7, "--fallback cpu");
    expect_error({"bench", "--backend", "cuda", "--workload", "P1-8"}, 7, reason);
    expect_error({"run", "small.toml", "--fallback", "gpu"}, 2, "--fallback");
    const Outcome fallback =
        run({"run", "small.toml", "--backend", "cuda", "--fallback", "cpu", "--json"});
    const Outcome automatic = run({"run", "small.toml", "--no-cache", "--json"});
    EXPECT_EQ(fallback.status, 0) << fallback.err;
    EXPECT_NE(fallback.err.find(reason), std::string::npos) << fallback.err;
    EXPECT_EQ(fallback.json()["backend"], "cpu");
    EXPECT_EQ(fallback.json()["payload_hash"], automatic.json()["payload_hash"]);
}

TEST_F(Errors, UsageIsTwo) {
    expect_error({}, 2, "A subcommand is required");
    expect_error({"run"}, 2, "CONFIG");
    expect_error({"nonsense"}, 2, "nonsense: unknown command");
    expect_error({"rum", "small.toml"}, 2, "did you mean `run`?");
    expect_error({"run", "small.toml", "--nonsense"}, 2, "--nonsense");
    expect_error({"run", "small.toml", "--seed", "x"}, 2, "--seed");
    expect_error({"run", "small.toml", "--seed", "-1"}, 2, "ensemble.seed");
    expect_error({"run", "small.toml", "--threads", "100000"}, 2, "backend.threads");
    expect_error({"run", "small.toml", "--backend", "opencl"}, 2, "opencl");
    expect_error({"run", "small.toml", "--max-failed", "2"}, 2, "--max-failed");
    expect_error({"run", "small.toml", "--instruction-set", "mmx"}, 2, "mmx");
    EXPECT_TRUE(leftovers().empty());
}

TEST_F(Errors, WrongConfigIsTwoAndNamesThePlace) {
    write("wrong.toml", "[model]\ntokens = 1\n");
    expect_error({"run", "wrong.toml"}, 2, "wrong.toml:2:1: key `model.tokens`");
    expect_error({"run", "small.toml", "--set", "model.tokens=1"}, 2, "--set model.tokens=1");
    expect_error({"run", "small.toml", "--set", "model.tokens=2,4"}, 2, "sweep");
    expect_error({"run", "quickstrat"}, 2, "did you mean `quickstart`?");
    EXPECT_TRUE(leftovers().empty());
}

TEST_F(Errors, UnreadableConfigIsSix) {
    expect_error({"run", "absent.toml"}, 6, "absent.toml");
    expect_error({"config", "show", "absent.toml"}, 6, "absent.toml");
}

TEST_F(Errors, ExistingDirectoryIsTwoAndStaysAsItIs) {
    fs::create_directory(folder() / "taken");
    expect_error({"run", "small.toml", "-o", "taken"}, 2, "taken exists already");
    EXPECT_TRUE(fs::is_empty(folder() / "taken"));
}

TEST_F(Errors, ConfigIsCheckedBeforeTheDirectory) {
    fs::create_directory(folder() / "taken");
    expect_error({"run", "small.toml", "-o", "taken", "--set", "model.tokens=1"}, 2, "tokens");
}

TEST_F(Errors, DirectoryThatCannotBeMadeIsSix) {
    write("file", "");
    expect_error({"run", "small.toml", "-o", "file/below"}, 6, "file");
}

TEST_F(Errors, FileSizeLimitIsSixAndLeavesNoPartOfAFile) {
    const Outcome outcome = wait(start({"run", "small.toml", "-o", "a"}, 8192));
    EXPECT_EQ(outcome.status, 6) << outcome.err;
    EXPECT_NE(outcome.err.find("a/results.nc"), std::string::npos) << outcome.err;
    EXPECT_FALSE(fs::exists(folder() / "a/results.nc"));
    EXPECT_FALSE(fs::exists(folder() / "a/manifest.json"));
    for (const auto& entry : fs::directory_iterator(folder() / "a"))
        EXPECT_FALSE(entry.path().filename().string().starts_with('.')) << entry.path();
}

TEST_F(Errors, JsonErrorsAreJsonOnStderr) {
    const Outcome outcome = run({"run", "small.toml", "--set", "model.tokns=1", "--json"});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.out, "");
    const auto error = nlohmann::json::parse(outcome.err)["error"];
    EXPECT_EQ(error["status"], 2);
    EXPECT_EQ(error["kind"], "usage");
    EXPECT_NE(error["message"].get<std::string>().find("model.tokns"), std::string::npos);
    EXPECT_EQ(nlohmann::json::parse(run({"--nonsense", "--json"}).err)["error"]["status"], 2);
}

TEST_F(Errors, FullStdoutIsSix) {
    if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
    const std::string command =
        std::string(SOFTMAXFLOW) + " info > /dev/full 2> " + (folder() / "err").string();
    EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 6);
    EXPECT_NE(read_text(folder() / "err").find("stdout"), std::string::npos);
}

TEST_F(Errors, FailedReplicasAreCountedShownAndHarmless) {
    write_starts(300, {});
    EXPECT_EQ(run(with_starts("whole")).status, 0);
    write_starts(300, {7, 8, 250, 260, 299});
    const Outcome outcome = run(with_starts("broken"));
    EXPECT_EQ(outcome.status, 4) << outcome.err;
    EXPECT_NE(outcome.out.find("failed 5 of 300"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("7 (non_finite), 8 (non_finite), 250"), std::string::npos);
    EXPECT_NE(outcome.err.find("5 of 300 replicas failed"), std::string::npos) << outcome.err;

    const NetcdfReader whole((folder() / "whole/replicas.nc").string());
    const NetcdfReader broken((folder() / "broken/replicas.nc").string());
    const auto status = broken.values<std::int8_t>("status");
    const auto expected = whole.values<double>("entropy");
    const auto found = broken.values<double>("entropy");
    for (std::size_t r = 0; r < 300; ++r) {
        const bool planted = r == 7 || r == 8 || r == 250 || r == 260 || r == 299;
        EXPECT_EQ(status[r], planted ? 5 : 0) << r;
        if (planted)
            EXPECT_TRUE(std::isnan(found[r])) << r;
        else
            EXPECT_EQ(found[r], expected[r]) << r;
    }
}

TEST_F(Errors, MaxFailedDecidesWhatIsTooMuch) {
    write_starts(300, {7, 8, 9});
    EXPECT_EQ(run(with_starts("a")).status, 0);  // exactly the share of 0.01
    Words words = with_starts("b");
    words.insert(words.end(), {"--max-failed", "0.009", "--json"});
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.status, 4);
    EXPECT_TRUE(outcome.json()["too_many_failed"]);
    EXPECT_EQ(outcome.json()["n_failed"], 3);
    EXPECT_EQ(outcome.json()["failures"][1]["replica"], 8);
    EXPECT_EQ(outcome.json()["failures"][1]["status"], "non_finite");
    EXPECT_EQ(nlohmann::json::parse(outcome.err)["error"]["kind"], "failed");
    EXPECT_TRUE(fs::exists(folder() / "b/manifest.json"));
}

TEST_F(Errors, ARunWhereEverythingFailsStillReports) {
    write_starts(2, {0, 1});
    const Outcome outcome = run(with_starts("a"));
    EXPECT_EQ(outcome.status, 4) << outcome.err;
    EXPECT_NE(outcome.out.find("failed 2 of 2"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("payload hash"), std::string::npos) << outcome.out;
}

}  // namespace
}  // namespace softmaxflow::testing_support
