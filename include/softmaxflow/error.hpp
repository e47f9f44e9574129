#pragma once
/// The one error type that host code throws, and what it means to the shell.

#include <stdexcept>
#include <string>

namespace softmaxflow {

/// Exit statuses of the command; users script against these numbers.
enum class Exit : int {
    done = 0,
    internal = 1,
    usage = 2,     ///< usage or config
    refuted = 3,   ///< a named claim was refuted
    failed = 4,    ///< done, but too many failed replicas
    stopped = 5,   ///< stopped early and resumable
    file = 6,      ///< file error
    device = 7,    ///< device error
    mismatch = 8,  ///< resume does not match the run
};

/// An error with its exit status. The message says what was found, where (file, line, key),
/// what was expected, and what to do about it.
class Error : public std::runtime_error {
public:
    Error(Exit status, const std::string& message) : std::runtime_error(message), status_(status) {}
    [[nodiscard]] Exit status() const noexcept { return status_; }

private:
    Exit status_;
};

}  // namespace softmaxflow
