// SIGINT and SIGTERM.
#include <chrono>
#include <thread>

#include "program.hpp"

namespace softmaxflow::testing_support {
namespace {

class Stop : public ProgramTest {
protected:
    using Clock = std::chrono::steady_clock;

    /// Starts a run of hours, waits until it computes, sends the signals and returns how it ended.
    Outcome interrupt(const std::vector<int>& signals, const std::string& more) {
        write("long.toml", "[ensemble]\nseed = 5\nreplicas = 100000\n" + more + "\n");
        const pid_t child = start({"run", "long.toml", "-o", "a"});
        const auto begin = Clock::now();
        while (!fs::exists(folder() / "a") && Clock::now() - begin < std::chrono::seconds(20))
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_TRUE(fs::exists(folder() / "a"));
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        const auto signalled = Clock::now();
        for (const int signal : signals) {
            kill(child, signal);
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        const Outcome outcome = wait(child);
        seconds_ = std::chrono::duration<double>(Clock::now() - signalled).count();
        return outcome;
    }

    /// Never looks up from its work: no checkpoint before the end.
    static constexpr const char* endless =
        "[dynamics]\niterations = 1_000_000_000_000\n[record]\ncheckpoints = 2";
    double seconds_ = 0.0;
};

TEST_F(Stop, SignalsEndARunWithoutATrace) {
    for (const int signal : {SIGINT, SIGTERM}) {
        const Outcome outcome = interrupt({signal}, "[dynamics]\niterations = 300_000");
        EXPECT_EQ(outcome.status, 5) << outcome.err;
        EXPECT_EQ(outcome.out, "");
        EXPECT_NE(outcome.err.find(signal == SIGINT ? "SIGINT" : "SIGTERM"), std::string::npos);
        EXPECT_NE(outcome.err.find("nothing was written"), std::string::npos) << outcome.err;
        EXPECT_NE(outcome.err.find("--seed 5"), std::string::npos) << outcome.err;
        EXPECT_LT(seconds_, 10.0);
        EXPECT_TRUE(leftovers().empty());
    }
}

TEST_F(Stop, ASecondSignalDoesNotWait) {
    const Outcome outcome = interrupt({SIGINT, SIGINT}, endless);
    EXPECT_EQ(outcome.status, 5) << outcome.err;
    EXPECT_LT(seconds_, 3.0);
    EXPECT_TRUE(leftovers().empty());
}

TEST_F(Stop, ARunThatDoesNotAnswerEndsAllTheSame) {
    const Outcome outcome = interrupt({SIGTERM}, endless);
    EXPECT_EQ(outcome.status, 5) << outcome.err;
    EXPECT_LT(seconds_, 9.0);
    EXPECT_TRUE(leftovers().empty());
}

}  // namespace
}  // namespace softmaxflow::testing_support
