#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/plan.hpp"
#include "cli/progress.hpp"
#include "cli/stop.hpp"
#include "cli/summary.hpp"
#include "config/config_file.hpp"
#include "output/atomic_file.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"

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

std::string host_name() {
    char name[256] = "";
    return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

/// run_ensemble; where the device fails, all of it again on the CPU, if that is asked for.
CellResult compute_with_fallback(Plan& plan, bool fallback, ProgressBar& bar) {
    const auto run = [&] {
        BackendWithProgress backend(*plan.backend, bar);
        return run_ensemble(plan.problem, backend, [&](std::int64_t work) {
            bar.add(work);
            return !StopOnSignal::requested();
        });
    };
    try {
        return run();
    } catch (const Error& error) {
        if (error.status() != Exit::device || !fallback) throw;
        fmt::print(stderr, "softmaxflow: {}; running on the CPU\n", error.what());
    }
    use_cpu(plan);
    return run();
}

/// Computes; a signal becomes Error(stopped) that says how to get the same run again.
CellResult compute(Plan& plan, bool fallback, const Common& common, RunTiming& timing) {
    ProgressBar bar(plan.work(), !common.quiet && isatty(STDERR_FILENO) == 1,
                    plan.flow() ? "replicas" : "steps");
    timing.start = std::chrono::system_clock::now();
    const auto begin = std::chrono::steady_clock::now();
    CellResult result;
    try {
        result = compute_with_fallback(plan, fallback, bar);
    } catch (const Error& error) {
        if (error.status() != Exit::stopped) throw;
        throw Error(Exit::stopped,
                    fmt::format("{}: {}. This version cannot resume a run; --seed {} draws the "
                                "same starts again",
                                StopOnSignal::signal_name(), error.what(),
                                *plan.problem.config.ensemble.seed));
    }
    StopOnSignal::too_late();
    timing.wall_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    timing.finish = std::chrono::system_clock::now();
    timing.host = host_name();
    timing.device = plan.backend->name();
    timing.threads = plan.threads;
    timing.instruction_set = plan.instruction_set;
    return result;
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
    Plan plan = make_plan(options);
    const Config& config = plan.problem.config;
    const RunDirectory directory(options.output, plan.name);
    const StopOnSignal stop(directory.path());
    if (plan.seed_drawn && !common.quiet)
        fmt::print(stderr, "softmaxflow: no seed given: drew {}\n", *config.ensemble.seed);
    if (common.verbose)
        fmt::print(stderr, "softmaxflow: {} into {} on {}\n", plan.path, directory.path().string(),
                   plan.backend->devices().front().name);

    RunTiming timing;
    const CellResult result = compute(plan, options.fallback_cpu, common, timing);
    const WrittenFiles files =
        write_run(directory.path(), plan.problem, result, run_info(config), timing);
    const Report report{plan, result, timing, files, directory.path().string(), options.max_failed};
    print(report, common);
    if (!report.too_many_failed()) return static_cast<int>(Exit::done);
    throw Error(Exit::failed,
                fmt::format("{} of {} replicas failed, more than the share of {} that "
                            "--max-failed allows; all files were written",
                            result.n_failed, result.n_total, options.max_failed));
}

}  // namespace softmaxflow::cli
