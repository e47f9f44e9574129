#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/check_report.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/plan.hpp"
#include "cli/progress.hpp"
#include "cli/stop.hpp"
#include "config/config_file.hpp"
#include "input/start_file.hpp"
#include "output/atomic_file.hpp"
#include "output/check_file.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"

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

/// The problem of a config that differs from that of the plan, with the same seed.
Problem problem_of(const Config& config) {
    Config own = config;
    Inputs inputs = read_inputs(own);
    const std::uint64_t key = cell_key(config, inputs.digests);
    return make_problem(config, std::move(inputs.starts), std::move(inputs.objective), key,
                        std::move(inputs.restart));
}

claims::CheckRequest request_of(const CheckOptions& options, const Plan& plan) {
    const ClaimsConfig& config = plan.problem.config.claims;
    claims::CheckRequest request;
    request.ids = options.ids.empty() ? config.ids : options.ids;
    request.level = config.level;
    request.horizon = config.horizon;
    request.mutant = options.mutant;
    request.threads = plan.threads;
    request.problem_of = problem_of;
    return request;
}

claims::Check compute(const Plan& plan, const claims::CheckRequest& request, const Common& common) {
    ProgressBar bar(plan.work(), !common.quiet && isatty(STDERR_FILENO) == 1, plan.work_unit());
    BackendWithProgress backend(*plan.backend, bar);
    const StopOnSignal stop("");
    claims::Check check = claims::run_check(plan.problem, backend, request, [&](std::int64_t work) {
        bar.add(work);
        return !StopOnSignal::requested();
    });
    StopOnSignal::too_late();
    return check;
}

int search_command(const CheckOptions& options, const Common& common, const Plan& plan,
                   const claims::CheckRequest& request) {
    if (request.ids.size() != 1)
        throw Error(Exit::usage, "--search looks for violations of one claim: name one");
    ProgressBar bar(static_cast<double>(plan.replicas()),
                    !common.quiet && isatty(STDERR_FILENO) == 1, "trajectories");
    const StopOnSignal stop("");
    const claims::Search search =
        claims::run_search(plan.problem, *plan.backend, claims::find_claim(request.ids.front()),
                           request, plan.replicas(), [&](std::int64_t work) {
                               bar.add(work);
                               return !StopOnSignal::requested();
                           });
    StopOnSignal::too_late();
    const RunInfo info = run_info(plan.problem.config);
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
    const Plan plan = make_plan(run_options(options));
    const Config& config = plan.problem.config;
    if (config.backend.precision != "f64")
        throw Error(Exit::usage, fmt::format("{}: check watches steps in f64; set "
                                             "backend.precision = \"f64\"",
                                             plan.path));
    if (plan.seed_drawn && !common.quiet)
        fmt::print(stderr, "softmaxflow: no seed given: drew {}\n", *config.ensemble.seed);
    if (!options.output.empty()) create_run_directory(options.output);

    const claims::CheckRequest request = request_of(options, plan);
    if (options.search) return search_command(options, common, plan, request);
    const claims::Check check = compute(plan, request, common);
    const RunInfo info = run_info(config);
    if (!options.output.empty()) write_check(options.output, check, info);
    if (common.json)
        write_json(check_json(check, info));
    else
        write_out(
            check_report({plan, check, options.output, common.verbose}, Style::of(STDOUT_FILENO)));
    return static_cast<int>(claims::status_of(check, options.max_failed));
}

}  // namespace softmaxflow::cli
