#include "cli/progress.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "cli/stop.hpp"

namespace softmaxflow::cli {

std::string progress_line(double done, double total, std::int64_t failed, double seconds,
                          const Style& style, const char* unit) {
    constexpr int width = 8;
    const double share = total > 0 ? done / total : 0.0;
    const double rate = seconds > 0 ? done / seconds : 0.0;
    const double left_seconds = rate > 0 ? (total - done) / rate : -1.0;
    const std::string failures = fmt::format("failed {}", failed);
    return fmt::format("  {} {:3.0f} %  {}/{} {}  {}/s  ETA {}  {}",
                       style.accent(left(bar(share, width), width)), 100 * share, number(done, 2),
                       number(total, 2), unit, number(rate, 2), duration(left_seconds),
                       failed > 0 ? style.bad(failures) : failures);
}

ProgressBar::ProgressBar(double total, bool show, const char* unit)
    : total_(total), show_(show), unit_(unit), style_(Style::of(2)), next_(start_) {}

void ProgressBar::add(std::int64_t work) {
    const std::int64_t done = done_ += work;
    if (!show_) return;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    const auto now = Clock::now();
    if (!lock.owns_lock() || now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    drawn_ = true;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const std::string line =
        progress_line(static_cast<double>(done), total_, failed_, seconds, style_, unit_);
    fmt::print(stderr, "\r{}\x1b[K", line);
    std::fflush(stderr);
}

ProgressBar::~ProgressBar() {
    if (!drawn_) return;
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
}

RunCallbacks callbacks_of(ProgressBar& bar) {
    RunCallbacks callbacks;
    callbacks.progress = [&bar](std::int64_t work, std::int64_t failed) {
        bar.add_failed(failed);
        bar.add(work);
    };
    callbacks.stop = StopOnSignal::requested;
    return callbacks;
}

}  // namespace softmaxflow::cli
