#include "cli/stop.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string>

#include "softmaxflow/error.hpp"

namespace softmaxflow::cli {
namespace {

// Written before handlers are installed; a handler may only read plain memory and lock-free
// atomics.
std::string directory_to_remove;
std::atomic<int> received{0};
std::atomic<bool> computing{false};
static_assert(std::atomic<int>::is_always_lock_free);

void end_now(int) {
    constexpr char message[] =
        "\nsoftmaxflow: error: stopped at once; a directory without manifest.json is incomplete\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, message, sizeof message - 1);
    rmdir(directory_to_remove.c_str());
    _exit(static_cast<int>(Exit::stopped));
}

void ask_to_stop(int signal) {
    int none = 0;
    if (!received.compare_exchange_strong(none, signal)) end_now(signal);
    if (computing) alarm(StopOnSignal::grace_seconds);
}

void handle(int signal, void (*handler)(int)) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigaction(signal, &action, nullptr);
}

}  // namespace

StopOnSignal::StopOnSignal(const std::filesystem::path& directory) {
    directory_to_remove = directory.string();
    computing = true;
    handle(SIGALRM, end_now);
    handle(SIGINT, ask_to_stop);
    handle(SIGTERM, ask_to_stop);
}

StopOnSignal::~StopOnSignal() { too_late(); }

void StopOnSignal::too_late() {
    computing = false;
    alarm(0);
}

bool StopOnSignal::requested() { return received != 0; }

const char* StopOnSignal::signal_name() {
    return received == SIGINT ? "SIGINT" : received == SIGTERM ? "SIGTERM" : "";
}

}  // namespace softmaxflow::cli
