#pragma once
/// SIGINT and SIGTERM during a run.

#include <filesystem>

namespace softmaxflow::cli {

/// While it lives, SIGINT and SIGTERM ask for a stop. A second signal, or `grace_seconds` without
/// an answer, ends the process with status 5 at once, after removing `directory` if it is empty.
/// After too_late() there is nothing left to stop, and a first signal has no effect. The handlers
/// stay installed: a second signal on the way out must not turn status 5 into death by signal.
class StopOnSignal {
public:
    static constexpr int grace_seconds = 4;

    explicit StopOnSignal(const std::filesystem::path& directory);
    StopOnSignal(const StopOnSignal&) = delete;
    StopOnSignal& operator=(const StopOnSignal&) = delete;
    ~StopOnSignal();

    static void too_late();
    [[nodiscard]] static bool requested();
    /// "SIGINT", "SIGTERM" or "".
    [[nodiscard]] static const char* signal_name();
};

}  // namespace softmaxflow::cli
