// Jobs in a child process: those that deliver, and every way in which they can fail to.
#include "input/child_process.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <numeric>
#include <vector>

#include "expect_error.hpp"

namespace softmaxflow {
namespace {

const std::string failure = "the job died";

/// The first number that arrives is an error instead.
void expect_failure(const ChildProcess::Job& job) {
    ChildProcess child(job, failure);
    expect_error(Exit::usage, failure, [&] { child.channel().number<int>(); });
}

TEST(ChildProcess, DeliversRecordsInOrder) {
    std::vector<double> many(300'000);  // more than the connection holds
    std::iota(many.begin(), many.end(), 0.0);
    ChildProcess child(
        [&](Channel& channel) {
            channel.put(7);
            channel.put(std::string("a\0b", 3));
            channel.put(std::string());
            channel.put(many.data(), many.size() * sizeof(double));
            channel.put(0.5);
        },
        failure);
    Channel& channel = child.channel();
    EXPECT_EQ(channel.number<int>(), 7);
    EXPECT_EQ(channel.text(), std::string("a\0b", 3));
    EXPECT_EQ(channel.text(), "");
    std::vector<double> received(many.size());
    EXPECT_EQ(channel.get(received.data(), received.size() * sizeof(double)), many.size() * 8);
    EXPECT_EQ(received, many);
    EXPECT_EQ(channel.number<double>(), 0.5);
    expect_error(Exit::usage, failure, [&] { channel.number<int>(); });
}

TEST(ChildProcess, Answers) {
    ChildProcess child(
        [](Channel& channel) {
            for (;;) channel.put(2 * channel.number<int>());
        },
        failure);
    for (const int number : {1, 20, -300}) {
        child.channel().put(number);
        EXPECT_EQ(child.channel().number<int>(), 2 * number);
    }
}

TEST(ChildProcess, RecordsOfAnotherSizeAreNonsense) {
    expect_failure([](Channel& channel) { channel.put(1.0); });  // an int is expected
    expect_failure([](Channel& channel) { channel.put('c'); });
}

TEST(ChildProcess, PassesErrorsOn) {
    ChildProcess child(
        [](Channel& channel) {
            channel.put(1);
            throw Error(Exit::file, "f.nc: what the job says");
        },
        failure);
    EXPECT_EQ(child.channel().number<int>(), 1);
    expect_error(Exit::file, "f.nc: what the job says", [&] { child.channel().number<int>(); });
}

TEST(ChildProcess, SurvivesEveryDeathOfTheChild) {
    expect_failure([](Channel&) {});
    expect_failure([](Channel&) { _exit(0); });
    expect_failure([](Channel&) { std::abort(); });
    expect_failure([](Channel&) { throw std::bad_alloc(); });
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGKILL, SIGTERM, SIGPIPE}) {
        expect_failure([signal](Channel&) { std::raise(signal); });
    }
}

TEST(ChildProcess, NoticesADeathWhenItAsks) {
    ChildProcess child([](Channel& channel) { channel.put(1); }, failure);
    EXPECT_EQ(child.channel().number<int>(), 1);
    expect_error(Exit::usage, failure, [&] {
        for (;;) child.channel().put(1);  // the first may be on its way before the end is
    });
}

TEST(ChildProcess, LimitsTime) {
    expect_failure([](Channel&) {
        ChildProcess::limit(std::uint64_t{1} << 30, 1);
        while (std::clock() >= 0) {
        }
    });
}

TEST(ChildProcess, LimitsMemory) {
    constexpr std::size_t MiB = std::size_t{1} << 20;
    const auto taking = [](std::size_t bytes) -> ChildProcess::Job {
        return [bytes](Channel& channel) {
            ChildProcess::limit(256 * MiB, 60);
            const std::vector<char> memory(bytes, 'x');
            channel.put(int(memory.back()));
        };
    };
    expect_failure(taking(512 * MiB));
    ChildProcess child(taking(64 * MiB), failure);
    EXPECT_EQ(child.channel().number<int>(), 'x');
}

TEST(ChildProcess, EndsAChildThatIsNotNeeded) {
    const auto begin = std::chrono::steady_clock::now();
    {
        ChildProcess child(
            [](Channel& channel) {
                channel.put(1);
                sleep(600);
            },
            failure);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

/// The child has a copy of the parent's unwritten output, and of its handlers.
TEST(ChildProcess, IsSilent) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    std::printf("once");  // in a buffer while the child runs
    std::signal(SIGUSR1, [](int) { _exit(0); });
    {
        ChildProcess child(
            [](Channel& channel) {
                std::puts("never");
                std::cerr << "never";
                std::fflush(stdout);
                channel.put(1);
            },
            failure);
        EXPECT_EQ(child.channel().number<int>(), 1);
    }
    expect_failure([](Channel& channel) {
        std::raise(SIGUSR1);
        channel.put(1);
    });
    std::signal(SIGUSR1, SIG_DFL);
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "once");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace softmaxflow
