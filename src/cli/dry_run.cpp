#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/plan.hpp"
#include "cli/summary.hpp"
#include "input/restart_file.hpp"
#include "output/atomic_file.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "stats/exact_sum.hpp"

namespace softmaxflow::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Estimate {
    double seconds = 0.0;
    double rate = 0.0;                ///< replica-steps per second; of a flow, replicas
    double memory = 0.0, disk = 0.0;  ///< bytes
};

/// Seconds for one round: as many blocks as there are threads, over `iterations` from the start.
double round_seconds(const Plan& plan, std::int64_t replicas, std::int64_t iterations) {
    Problem problem = plan.problem;
    const double start = problem.checkpoints.front();
    const double end = start + static_cast<double>(iterations);
    problem.config.dynamics.iterations = static_cast<std::int64_t>(end);
    problem.config.ensemble.replicas = replicas;
    problem.config.record.states = 0;
    problem.checkpoints = {start, end};
    const auto begin = std::chrono::steady_clock::now();
    plan.backend->run(problem, {0, replicas}, [](BlockResult&&) {}, {});
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Times one round over few iterations, more until the time is well above the noise of clocks and
/// of starting threads, and extrapolates. The first iteration carries the cost of the draws.
void estimate_time(const Plan& plan, Estimate& estimate) {
    constexpr double enough = 0.2;  // seconds
    const std::int64_t total = plan.iterations();
    const std::int64_t replicas = std::min(plan.replicas(), plan.full_round());
    const std::int64_t whole_rounds = (plan.replicas() + replicas - 1) / replicas;
    const auto rounds = static_cast<double>(whole_rounds);
    round_seconds(plan, replicas, 1);  // warms caches and clocks up
    const double draws = round_seconds(plan, replicas, 1);
    double seconds = draws;
    std::int64_t iterations = 1;
    while (seconds < enough && iterations < total) {
        iterations = std::min(total, iterations * 4);
        seconds = round_seconds(plan, replicas, iterations);
    }
    const auto steps = static_cast<double>(std::max<std::int64_t>(iterations - 1, 1));
    const double per_step = std::max(seconds - draws, 0.0) / steps;
    estimate.seconds = rounds * (draws + per_step * static_cast<double>(total - 1));
    estimate.rate = plan.work() / estimate.seconds;
}

/// Runs replicas of a flow, all of them if that takes no longer than `enough`, and extrapolates
/// from how many ended.
void estimate_flow_time(const Plan& plan, Estimate& estimate) {
    constexpr double enough = 1.0;  // seconds
    Problem problem = plan.problem;
    problem.config.record.states = 0;
    std::atomic<std::int64_t> ended = 0;
    const auto begin = std::chrono::steady_clock::now();
    const auto seconds = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    plan.backend->run(
        problem, {0, plan.replicas()}, [](BlockResult&&) {},
        [&](std::int64_t work) {
            ended += work;
            return ended == 0 || seconds() < enough;
        });
    estimate.rate = static_cast<double>(std::max<std::int64_t>(ended, 1)) / seconds();
    estimate.seconds = plan.work() / estimate.rate;
}

/// From the sizes of the arrays: on disk before compression, and in memory at the end of a run.
void estimate_sizes(const Plan& plan, Estimate& estimate) {
    const Config& config = plan.problem.config;
    constexpr double number = sizeof(double), observables = model::observable_count;
    const auto checkpoints = static_cast<double>(plan.problem.checkpoints.size());
    const auto bins = static_cast<double>(config.record.bins);
    const auto replicas = static_cast<double>(plan.replicas());
    const double curves = static_cast<double>(plan.problem.curves()) * checkpoints;
    const double ranked = curves - observables * checkpoints;

    // Per checkpoint: moments, quantiles with their resolution, counts; of the ranked curves the
    // mean, the standard deviation and quantiles alone.
    const double statistics =
        ((curves - ranked) * (6 + 2 * quantile_count + bins) + ranked * (2 + quantile_count)) *
        number;
    const double columns = observables + 5 + static_cast<double>(config.record.thresholds.size());
    const double table = config.record.replica_table ? replicas * columns * number : 0.0;
    const double copies = 1.0 + double(memory_names(config.dynamics.method).size());
    const auto outputs = static_cast<double>(plan.problem.outputs);
    const double per_token = copies * (1.0 + outputs) + 1.0;
    const double per_state =
        checkpoints * static_cast<double>(config.model.tokens) * per_token + outputs * outputs;
    const double states =
        std::min(static_cast<double>(config.record.states), replicas) * per_state * number;
    constexpr double headers = 4096 * (11 * observables + 60);  // of a variable, with its texts
    estimate.disk = statistics + table + states + headers;

    const double sums = curves * (2 * sizeof(ExactSum) + bins * number);
    const double block = curves * (block_size * number + bins * sizeof(std::uint32_t));
    // The data three times: as merged, as the arrays of the files, and as the image of a file.
    estimate.memory = sums + plan.threads * block + 3 * estimate.disk;
}

Json to_json(const Plan& plan, const Estimate& estimate) {
    Json json = {{"dry_run", true},
                 {"config", plan.path},
                 {"cells", 1},
                 {"replicas", plan.replicas()},
                 {"checkpoints", plan.problem.checkpoints.size()},
                 {"backend", plan.backend->name()},
                 {"threads", plan.threads},
                 {"instruction_set", plan.instruction_set},
                 {"precision", plan.problem.config.backend.precision},
                 {"kernel", plan.backend->devices().front().name},
                 {"memory_bytes", estimate.memory},
                 {"disk_bytes_at_most", estimate.disk},
                 {"seconds", estimate.seconds}};
    if (plan.flow()) {
        json["horizon"] = plan.problem.config.dynamics.horizon;
        json["replicas_per_second"] = estimate.rate;
    } else {
        json["iterations"] = plan.problem.config.dynamics.iterations;
        json["replica_steps"] = plan.work();
        json["replica_steps_per_second"] = estimate.rate;
    }
    return json;
}

std::string as_text(const Plan& plan, const Estimate& estimate, const Style& style) {
    const Config& config = plan.problem.config;
    std::string out = fmt::format("\n  {}  {}\n  {}\n\n", style.bold(plan.name), model_line(config),
                                  method_line(config));
    const auto item = [&](const char* name, const std::string& text) {
        out += fmt::format("  {}{}\n", style.dim(left(name, 15)), text);
    };
    item("cells", "1");
    item("replicas", grouped(plan.replicas()));
    if (!plan.flow()) item("replica-steps", number(plan.work()));
    item("kernel", plan.backend->devices().front().name);
    item("memory", "about " + bytes(estimate.memory));
    item("disk", "at most " + bytes(estimate.disk) + ", before compression");
    item("speed", fmt::format("{} {}/s, with this machine as busy as now", number(estimate.rate, 2),
                              plan.work_unit()));
    item("time", style.bold("about " + duration(estimate.seconds)));
    return out + "\n  Nothing was written. Leave out --dry-run to run it.\n";
}

}  // namespace

int dry_run_command(const RunOptions& options, const Common& common) {
    const Plan plan = make_plan(options);
    if (!options.output.empty()) require_new(options.output);
    Estimate estimate;
    estimate_sizes(plan, estimate);
    if (plan.flow())
        estimate_flow_time(plan, estimate);
    else
        estimate_time(plan, estimate);
    if (common.json)
        write_json(to_json(plan, estimate));
    else if (common.quiet)
        write_out(duration(estimate.seconds) + "\n");
    else
        write_out(as_text(plan, estimate, Style::of(STDOUT_FILENO)));
    return static_cast<int>(Exit::done);
}

}  // namespace softmaxflow::cli
