#pragma once
/// What a person sees while a run computes.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "cli/terminal.hpp"
#include "softmaxflow/run.hpp"

namespace softmaxflow::cli {

/// One line of progress, at most 79 columns wide.
std::string progress_line(double done, double total, std::int64_t failed, double seconds,
                          const Style& style, const char* unit = "steps");

/// A progress line on stderr, at most ten times a second, gone at the end. Silent unless `show`.
/// Its members may be called from any thread.
class ProgressBar {
public:
    /// `unit`: what is counted.
    ProgressBar(double total, bool show, const char* unit = "steps");
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    ~ProgressBar();

    void add(std::int64_t work);
    void add_failed(std::int64_t count) { failed_ += count; }

private:
    using Clock = std::chrono::steady_clock;

    double total_;
    bool show_;
    const char* unit_;
    Style style_;
    Clock::time_point start_ = Clock::now();
    std::atomic<std::int64_t> done_{0}, failed_{0};
    std::mutex mutex_;
    Clock::time_point next_;
    bool drawn_ = false;
};

/// Callbacks that advance the bar, which must outlive them, and stop on a signal (stop.hpp).
RunCallbacks callbacks_of(ProgressBar& bar);

}  // namespace softmaxflow::cli
