#include "input/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>

#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

constexpr std::int64_t error_follows = -1;  // in place of the size of a record
constexpr std::size_t longest_text = std::size_t{1} << 16;

void set_limit(int resource, rlim_t value) {
    rlimit limit{};
    getrlimit(resource, &limit);
    limit.rlim_cur = std::min(value, limit.rlim_max);
    setrlimit(resource, &limit);
}

/// A crash of the job is expected: it is to show to nobody but the parent.
void make_silent() {
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &standard, nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    set_limit(RLIMIT_CORE, 0);
    const int nowhere = open("/dev/null", O_RDWR);
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, stream);
}

[[noreturn]] void run(const ChildProcess::Job& job, Channel& channel) noexcept {
    make_silent();
    try {
        job(channel);
    } catch (const Error& error) {
        channel.pass_on(error);
    }
    _exit(0);
}

}  // namespace

Channel::~Channel() { close(socket_); }

void Channel::fail() const { throw Error(Exit::usage, failure_); }

void Channel::put_bytes(const void* data, std::size_t size) {
    const char* next = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t sent = send(socket_, next, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) fail();
        next += sent;
        size -= static_cast<std::size_t>(sent);
    }
}

void Channel::get_bytes(void* to, std::size_t size) {
    char* next = static_cast<char*>(to);
    while (size > 0) {
        const ssize_t received = recv(socket_, next, size, 0);
        if (received < 0 && errno == EINTR) continue;
        if (received <= 0) fail();
        next += received;
        size -= static_cast<std::size_t>(received);
    }
}

void Channel::put(const void* data, std::size_t size) {
    const auto header = static_cast<std::int64_t>(size);
    put_bytes(&header, sizeof header);
    put_bytes(data, size);
}

std::size_t Channel::get(void* to, std::size_t room) {
    std::int64_t size = 0;
    get_bytes(&size, sizeof size);
    if (size == error_follows) {
        const auto status = static_cast<Exit>(number<int>());
        throw Error(status, text());
    }
    if (size < 0 || static_cast<std::uint64_t>(size) > room) fail();
    get_bytes(to, static_cast<std::size_t>(size));
    return static_cast<std::size_t>(size);
}

std::string Channel::text() {
    std::string text(longest_text, '\0');
    text.resize(get(text.data(), text.size()));
    return text;
}

void Channel::pass_on(const Error& error) {
    put_bytes(&error_follows, sizeof error_follows);
    put(static_cast<int>(error.status()));
    put(std::string(error.what()).substr(0, longest_text));
}

ChildProcess::Started ChildProcess::start(const Job& job, const std::string& failure) {
    int ends[2] = {-1, -1};
    const bool connected = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0;
    const pid_t child = connected ? fork() : -1;
    if (child == 0) {
        close(ends[0]);
        Channel channel(ends[1], failure);
        run(job, channel);
    }
    const int error = errno;
    if (connected) close(ends[1]);
    if (child < 0) {
        if (connected) close(ends[0]);
        throw Error(Exit::file, fmt::format("cannot start a process to read a file in: {}; close "
                                            "other programs, or raise the limits (ulimit -u, -n)",
                                            std::strerror(error)));
    }
    return {child, ends[0]};
}

ChildProcess::ChildProcess(const Job& job, const std::string& failure)
    : ChildProcess(start(job, failure), failure) {}

ChildProcess::~ChildProcess() {
    kill(child_, SIGKILL);
    while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void ChildProcess::limit(std::uint64_t bytes, std::uint64_t seconds) {
    // Counted from what is there already: a sanitizer, for one, holds terabytes of it.
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    set_limit(RLIMIT_AS, pages * std::uint64_t(sysconf(_SC_PAGESIZE)) + bytes);
    set_limit(RLIMIT_CPU, std::uint64_t(std::clock() / CLOCKS_PER_SEC) + seconds);
}

}  // namespace softmaxflow
