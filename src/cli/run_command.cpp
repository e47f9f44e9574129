#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/open.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/stop.hpp"
#include "cli/summary.hpp"
#include "output/atomic_file.hpp"

namespace softmaxflow::cli {
namespace {

namespace fs = std::filesystem;

/// The directory of a run. Unless kept it goes away again, if nothing was written into it.
class RunDirectory {
public:
    RunDirectory(const std::string& asked, const std::string& name) : path_(asked) {
        if (asked.empty())
            path_ = next_run_directory("runs", name);
        else
            create_run_directory(path_);
    }
    RunDirectory(const RunDirectory&) = delete;
    RunDirectory& operator=(const RunDirectory&) = delete;
    ~RunDirectory() {
        std::error_code ignored;
        if (fs::is_empty(path_, ignored)) fs::remove(path_, ignored);
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

/// Computes; a signal becomes Error(stopped) that says how to get the same run again.
RunResult compute(Session& session, const Common& common) {
    ProgressBar bar(session.work(), !common.quiet && isatty(STDERR_FILENO) == 1,
                    session.flow() ? "replicas" : "steps");
    try {
        RunResult result = session.run(callbacks_of(bar));
        StopOnSignal::too_late();
        return result;
    } catch (const Error& error) {
        if (error.status() != Exit::stopped) throw;
        throw Error(Exit::stopped,
                    fmt::format("{}: {}. This version cannot resume a run; --seed {} draws the "
                                "same starts again",
                                StopOnSignal::signal_name(), error.what(),
                                *session.config().ensemble.seed));
    }
}

void print(const Report& report, const Common& common) {
    if (common.json)
        write_json(summary_json(report));
    else if (common.quiet)
        write_out(report.directory + "\n");
    else
        write_out(summary(report, Style::of(STDOUT_FILENO)));
}

}  // namespace

int run_command(const RunOptions& options, const Common& common) {
    Session session = open_session(options);
    const Config& config = session.config();
    const RunDirectory directory(options.output, session.name());
    const StopOnSignal stop(directory.path());
    if (session.seed_drawn() && !common.quiet)
        fmt::print(stderr, "softmaxflow: no seed given: drew {}\n", *config.ensemble.seed);
    if (common.verbose)
        fmt::print(stderr, "softmaxflow: {} into {} on {}\n", session.path(),
                   directory.path().string(), session.backend().devices().front().name);

    const RunResult result = compute(session, common);
    const WrittenFiles files = result.write(directory.path());
    const Report report{session, result, files, directory.path().string(), options.max_failed};
    print(report, common);
    if (!report.too_many_failed()) return static_cast<int>(Exit::done);
    throw Error(Exit::failed,
                fmt::format("{} of {} replicas failed, more than the share of {} that "
                            "--max-failed allows; all files were written",
                            result.cell.n_failed, result.cell.n_total, options.max_failed));
}

}  // namespace softmaxflow::cli
