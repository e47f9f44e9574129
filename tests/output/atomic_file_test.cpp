#include "output/atomic_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>
#include <vector>

#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

namespace fs = std::filesystem;

/// An empty folder of its own for each test.
class AtomicFile : public testing::Test {
protected:
    AtomicFile() {
        std::string name = (fs::temp_directory_path() / "softmaxflow-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~AtomicFile() override { fs::remove_all(folder_); }

    std::vector<std::string> entries() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder_))
            names.push_back(entry.path().filename().string());
        std::sort(names.begin(), names.end());
        return names;
    }

    fs::path folder_;
};

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The message of the Error that `call` throws, after checking its status.
template <class Call>
std::string error_of(Exit status, Call&& call) {
    try {
        call();
    } catch (const Error& error) {
        EXPECT_EQ(error.status(), status) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
}

/// Files end at `bytes` while this lives.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    rlimit before_{};
    void (*handler_)(int);
};

TEST_F(AtomicFile, WritesAndReplaces) {
    const std::string bytes("a\0b\n", 4);
    write_atomically(folder_ / "file", bytes);
    EXPECT_EQ(read(folder_ / "file"), bytes);
    write_atomically(folder_ / "file", std::string(3'000'000, 'x'));
    EXPECT_EQ(read(folder_ / "file"), std::string(3'000'000, 'x'));
    write_atomically(folder_ / "file", std::string_view());
    EXPECT_EQ(read(folder_ / "file"), "");
    EXPECT_EQ(entries(), std::vector<std::string>{"file"});
}

TEST_F(AtomicFile, ObeysTheUmask) {
    const mode_t before = ::umask(027);
    write_atomically(folder_ / "file", std::string_view("x"));
    ::umask(before);
    EXPECT_EQ(fs::status(folder_ / "file").permissions(), fs::perms(0640));
}

TEST_F(AtomicFile, FullDiskLeavesTheOldFileAndNoPart) {
    write_atomically(folder_ / "file", std::string_view("old"));
    std::string message;
    {
        const FileSizeLimit limit(100'000);
        message = error_of(
            Exit::file, [&] { write_atomically(folder_ / "file", std::string(1'000'000, 'x')); });
        error_of(Exit::file, [&] { write_atomically(folder_ / "new", std::string(100'001, 'x')); });
    }
    EXPECT_EQ(message, "cannot write " + (folder_ / "file").string() + ": File too large");
    EXPECT_EQ(read(folder_ / "file"), "old");
    EXPECT_EQ(entries(), std::vector<std::string>{"file"});
}

TEST_F(AtomicFile, MissingFolder) {
    const fs::path path = folder_ / "absent" / "file";
    EXPECT_EQ(error_of(Exit::file, [&] { write_atomically(path, std::string_view("x")); }),
              "cannot create " + path.string() + ": No such file or directory");
    EXPECT_TRUE(entries().empty());
}

TEST_F(AtomicFile, RenameOntoADirectoryFailsAndCleansUp) {
    fs::create_directories(folder_ / "file" / "inside");
    EXPECT_EQ(
        error_of(Exit::file, [&] { write_atomically(folder_ / "file", std::string_view("x")); }),
        "cannot rename to " + (folder_ / "file").string() + ": Is a directory");
    EXPECT_EQ(entries(), std::vector<std::string>{"file"});
}

TEST_F(AtomicFile, ReadOnlyFolder) {
    if (::geteuid() == 0) GTEST_SKIP() << "root writes into read-only folders";
    fs::permissions(folder_, fs::perms(0555));
    EXPECT_EQ(
        error_of(Exit::file, [&] { write_atomically(folder_ / "file", std::string_view("x")); }),
        "cannot create " + (folder_ / "file").string() + ": Permission denied");
    fs::permissions(folder_, fs::perms(0755));
    EXPECT_TRUE(entries().empty());
}

TEST_F(AtomicFile, ALeftoverOfAnEarlierProcessIsNotTouched) {
    const std::string leftover = ".file." + std::to_string(::getpid()) + "-0.tmp";
    std::ofstream(folder_ / leftover) << "part";
    write_atomically(folder_ / "file", std::string_view("whole"));
    EXPECT_EQ(read(folder_ / "file"), "whole");
    EXPECT_EQ(read(folder_ / leftover), "part");
}

TEST_F(AtomicFile, WritersAtOnceLeaveOneWholeFile) {
    std::vector<std::thread> writers;
    for (const char c : {'a', 'b', 'c', 'd'}) {
        writers.emplace_back([&, c] {
            for (int i = 0; i < 20; ++i) write_atomically(folder_ / "file", std::string(50'000, c));
        });
    }
    for (std::thread& writer : writers) writer.join();
    const std::string text = read(folder_ / "file");
    ASSERT_EQ(text.size(), 50'000u);
    EXPECT_EQ(text, std::string(50'000, text[0]));
    EXPECT_EQ(entries(), std::vector<std::string>{"file"});
}

TEST_F(AtomicFile, RunDirectoryIsExclusive) {
    create_run_directory(folder_ / "a" / "run");
    EXPECT_TRUE(fs::is_directory(folder_ / "a" / "run"));
    for (const fs::path& again : {folder_ / "a" / "run", folder_ / "a" / "run/"}) {
        const std::string message = error_of(Exit::usage, [&] { create_run_directory(again); });
        EXPECT_NE(message.find("a/run"), std::string::npos) << message;
        EXPECT_NE(message.find("-o"), std::string::npos) << message;
    }
    create_run_directory(folder_ / "slash/");
    EXPECT_TRUE(fs::is_directory(folder_ / "slash"));
}

TEST_F(AtomicFile, RunDirectoryBelowAFile) {
    std::ofstream(folder_ / "file") << "x";
    const std::string message =
        error_of(Exit::file, [&] { create_run_directory(folder_ / "file" / "run"); });
    EXPECT_NE(message.find("Not a directory"), std::string::npos) << message;
}

TEST_F(AtomicFile, NextRunDirectoryCounts) {
    const fs::path base = folder_ / "runs";
    EXPECT_EQ(next_run_directory(base, "quickstart"), base / "quickstart-1");
    EXPECT_EQ(next_run_directory(base, "quickstart"), base / "quickstart-2");
    EXPECT_EQ(next_run_directory(base, "other"), base / "other-1");
    EXPECT_TRUE(fs::is_directory(base / "quickstart-2"));
}

TEST_F(AtomicFile, NextRunDirectoryGivesEachItsOwn) {
    constexpr int callers = 8, each = 25;
    std::vector<fs::path> paths(callers * each);
    std::vector<std::thread> threads;
    for (int t = 0; t < callers; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < each; ++i)
                paths.at(t * each + i) = next_run_directory(folder_ / "runs", "x");
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(std::set<fs::path>(paths.begin(), paths.end()).size(), paths.size());
}

}  // namespace
}  // namespace softmaxflow
