#pragma once
/// Runs the program that is tested as a shell would, each test in a folder of its own.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace softmaxflow::testing_support {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

inline std::string read_text(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

struct Outcome {
    int status = -1;  ///< exit status; -signal if a signal ended it
    std::string out, err;

    [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out); }
};

class ProgramTest : public ::testing::Test {
protected:
    ProgramTest() {
        std::string name = (fs::temp_directory_path() / "softmaxflow-test-XXXXXX").string();
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    ~ProgramTest() override { fs::remove_all(folder_); }

    /// Starts the program in the folder of the test; stdout and stderr go to files there.
    pid_t start(const Words& words, rlim_t file_size_limit = RLIM_INFINITY) {
        const pid_t child = fork();
        if (child != 0) return child;
        redirect(STDOUT_FILENO, ".out");
        redirect(STDERR_FILENO, ".err");
        const rlimit limit{file_size_limit, file_size_limit};
        if (file_size_limit != RLIM_INFINITY) setrlimit(RLIMIT_FSIZE, &limit);
        execute(words);
    }

    Outcome wait(pid_t child) {
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return {code, read_text(folder_ / ".out"), read_text(folder_ / ".err")};
    }

    Outcome run(const Words& words) { return wait(start(words)); }

    /// On a terminal of 80 columns, stdout and stderr together in `out`.
    Outcome run_on_terminal(const Words& words) {
        const winsize size{24, 80, 0, 0};
        int terminal = -1;
        const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
        if (child == 0) {
            setenv("TERM", "xterm", 1);
            execute(words);
        }
        Outcome outcome;
        char buffer[4096];
        for (ssize_t n = 0; (n = read(terminal, buffer, sizeof buffer)) > 0;)
            outcome.out.append(buffer, static_cast<std::size_t>(n));
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        close(terminal);
        outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return outcome;
    }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder_ / name) << text;
    }

    /// A run of a fraction of a second: three blocks, the last one short.
    void write_small_config() const {
        write("small.toml",
              "[model]\ntokens = 5\ndim = 3\n[dynamics]\niterations = 400\n"
              "[ensemble]\nreplicas = 600\nseed = 11\n[record]\ncheckpoints = 9\nstates = 3\n"
              "thresholds = [0.3, 0.9]\n");
    }

    /// The same of a flow.
    void write_flow_config() const {
        write("flow.toml",
              "[model]\ntokens = 5\ndim = 3\n"
              "[dynamics]\nmethod = \"flow\"\nclock = \"arc\"\nhorizon = 20\n"
              "[ensemble]\nreplicas = 150\nseed = 11\n[record]\ncheckpoints = [2.5, 10]\n"
              "states = 3\nthresholds = [0.3, 0.9]\n");
    }

    /// Names in the folder that a run could have left.
    [[nodiscard]] std::vector<std::string> leftovers() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder_)) {
            const std::string name = entry.path().filename().string();
            if (!name.starts_with('.') && !name.ends_with(".toml")) names.push_back(name);
        }
        return names;
    }

    [[nodiscard]] const fs::path& folder() const { return folder_; }
    std::map<std::string, std::string> environment;  ///< set for the program

private:
    void redirect(int descriptor, const char* name) const {
        const int file = open((folder_ / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (file < 0 || dup2(file, descriptor) < 0) _exit(126);
    }
    [[noreturn]] void execute(const Words& words) const {
        std::vector<char*> arguments{const_cast<char*>(SOFTMAXFLOW)};
        for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        unsetenv("NO_COLOR");
        for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
        if (chdir(folder_.c_str()) == 0) execv(SOFTMAXFLOW, arguments.data());
        _exit(127);
    }

    fs::path folder_;
};

}  // namespace softmaxflow::testing_support
