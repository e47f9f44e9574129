#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/check_report.hpp"
#include "cli/commands.hpp"
#include "cli/open.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/stop.hpp"
#include "output/atomic_file.hpp"
#include "output/check_file.hpp"
#include "session/check_run.hpp"
#include "session/open_problem.hpp"

namespace softmaxflow::cli {
namespace {

RunOptions run_options(const CheckOptions& options) {
    RunOptions run;
    run.config = options.config;
    run.set = options.set;
    run.backend = options.backend;
    run.threads = options.threads;
    run.seed = options.seed;
    run.instruction_set = options.instruction_set;
    run.set.emplace_back("record.states=0");  // claims about states ask for their own
    if (options.replicas) run.set.push_back(fmt::format("ensemble.replicas={}", *options.replicas));
    return run;
}

claims::Check compute(const Session& session, const claims::CheckRequest& request,
                      const Common& common) {
    ProgressBar bar(session.work(), !common.quiet && isatty(STDERR_FILENO) == 1,
                    work_unit(session));
    const StopOnSignal stop("");
    claims::Check check = run_check(session, request, callbacks_of(bar));
    StopOnSignal::too_late();
    return check;
}

int search_command(const CheckOptions& options, const Common& common, const Session& session,
                   const claims::CheckRequest& request) {
    ProgressBar bar(static_cast<double>(session.replicas()),
                    !common.quiet && isatty(STDERR_FILENO) == 1, "trajectories");
    const StopOnSignal stop("");
    const claims::Search search = run_search(session, request, callbacks_of(bar));
    StopOnSignal::too_late();
    const RunInfo info = run_info(session.config());
    if (!options.output.empty()) write_search(options.output, search, info);
    if (common.json)
        write_json(search_json(search, info));
    else
        write_out(search_report(search, Style::of(STDOUT_FILENO)));
    const bool refuted =
        search.apparent && search.replayed.adjudication == claims::Adjudication::confirmed;
    return static_cast<int>(refuted ? Exit::refuted : Exit::done);
}

}  // namespace

int check_command(const CheckOptions& options, const Common& common) {
    const Session session = open_session(run_options(options));
    const claims::CheckRequest request = check_request(session, options.ids, options.mutant);
    if (session.seed_drawn() && !common.quiet)
        fmt::print(stderr, "softmaxflow: no seed given: drew {}\n",
                   *session.config().ensemble.seed);
    if (!options.output.empty()) create_run_directory(options.output);

    if (options.search) return search_command(options, common, session, request);
    const claims::Check check = compute(session, request, common);
    const RunInfo info = run_info(session.config());
    if (!options.output.empty()) write_check(options.output, check, info);
    if (common.json)
        write_json(check_json(check, info));
    else
        write_out(check_report({session, check, options.output, common.verbose},
                               Style::of(STDOUT_FILENO)));
    return static_cast<int>(claims::status_of(check, options.max_failed));
}

}  // namespace softmaxflow::cli
