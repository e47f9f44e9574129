#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/bench_device.hpp"
#include "cli/bench_report.hpp"
#include "cli/commands.hpp"
#include "cli/open.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "ensemble/derived_problem.hpp"
#include "softmaxflow/error.hpp"
#include "throughput/figures.hpp"
#include "throughput/measure.hpp"

namespace softmaxflow::cli {

using namespace throughput;
namespace {

/// "AMD EPYC 7763 64-Core Processor"; the kernel's name of the machine where there is no such line.
std::string processor_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string text; std::getline(file, text);)
        if (text.starts_with("model name")) return text.substr(text.find(':') + 2);
    return "processor of unknown name";
}

std::vector<std::string> overrides(const BenchOptions& options) {
    std::vector<std::string> list = options.set;
    if (options.threads) list.push_back(fmt::format("backend.threads={}", *options.threads));
    if (options.numerics) list.push_back("backend.numerics=" + *options.numerics);
    if (options.precision) list.push_back("backend.precision=" + *options.precision);
    return list;
}

/// The config as the only case.
void use_config(const BenchOptions& options, BenchReport& report) {
    RunOptions run;
    run.config = options.config;
    run.set = overrides(options);
    run.instruction_set = options.instruction_set;
    const Session session = open_session(run);
    if (session.flow())
        throw Error(
            Exit::usage,
            fmt::format("{}: bench counts iterations, which dynamics.method = \"flow\" does "
                        "not have; `softmaxflow run` prints its replicas per second",
                        session.path()));
    report.config = session.path();
    report.config_replicas = session.replicas();
    report.config_iterations = session.iterations();
    report.workloads.throughput.push_back(
        {session.name(), session.path(), with_states(session.problem(), 0), CaseKind::config});
}

void use_workloads(const BenchOptions& options, BenchReport& report) {
    if (!options.set.empty())
        throw Error(Exit::usage, "--set needs a CONFIG; what a workload is is fixed");
    report.workloads = make_workloads(options.workloads, overrides(options));
}

void measure(BenchReport& report, Backend& backend, int threads, bool show_progress,
             const std::function<void()>& between) {
    std::optional<ProgressBar> bar;
    const auto begin = [&](double total) {
        bar.emplace(total, show_progress);
        bar->add(0);
    };
    throughput::measure(report.workloads, backend, {threads, report.repeats, report.seconds},
                        {between, begin, [&](std::int64_t steps) { bar->add(steps); }});
}

void measure_cpu(BenchReport& report, bool show_progress) {
    const auto backend = make_cpu_backend({report.threads, report.instruction_set});
    Machine machine(report.instruction_set, report.precision == "f32", report.threads);
    measure(report, *backend, report.threads, show_progress, [&] { machine.sample(); });
    report.costs = machine.costs();
}

/// On the CUDA devices. Replicas come in rounds that fill them.
int measure_cuda(BenchReport& report, const Common& common) {
    constexpr int round = 1 << 17;  // replicas
    const auto backend = make_cuda_backend({});
    for (const Case* c : report.workloads.all())
        if (const Support support = backend->supports(c->problem); !support.ok)
            throw Error(Exit::usage,
                        fmt::format("backend cuda cannot run {}: {}", c->name, support.reason));
    measure(report, *backend, round / block_size, !common.quiet && isatty(STDERR_FILENO) == 1, {});
    if (common.json)
        write_json(device_json(report, *backend));
    else
        write_out(device_text(report, *backend));
    return static_cast<int>(Exit::done);
}

std::string brief(const BenchReport& report) {
    std::string out;
    for (const Case& c : report.workloads.throughput)
        out += fmt::format("{} {:.4g}\n", c.name,
                           throughput_of(c, report.threads, report.costs).median);
    for (const Case& c : report.workloads.flows)
        out += fmt::format("{} {:.4g}\n", c.name,
                           throughput_of(c, report.threads, report.costs).median);
    if (const auto& cases = report.workloads.statistics; !cases.empty())
        out += fmt::format("P5 {:.4g}\n", statistics_cost(cases[0], cases[1]).median);
    if (const auto& dims = report.workloads.dims; !dims.empty())
        out += fmt::format("P7 {:.4g}\n",
                           dim_figures(dims.back(), dims.front(), report.threads).relative.median);
    return out;
}

}  // namespace

int bench_command(const BenchOptions& options, const Common& common) {
    if (!options.config.empty() && !options.workloads.empty())
        throw Error(Exit::usage, "either a CONFIG or --workload, not both");
    BenchReport report;
    if (options.config.empty())
        use_workloads(options, report);
    else
        use_config(options, report);
    const BackendConfig& wanted = report.workloads.all().front()->problem.config.backend;
    report.numerics = wanted.numerics;
    report.precision = wanted.precision;
    report.threads = wanted.threads > 0
                         ? static_cast<int>(wanted.threads)
                         : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    report.instruction_set = options.instruction_set.empty() ? usable_instruction_sets().front()
                                                             : options.instruction_set;
    report.processor = processor_name();
    report.repeats = options.repeats;
    report.seconds = options.seconds;
    if (options.backend == "cuda") return measure_cuda(report, common);
    measure_cpu(report, !common.quiet && isatty(STDERR_FILENO) == 1);

    if (common.json)
        write_json(bench_json(report));
    else if (common.quiet)
        write_out(brief(report));
    else
        write_out(bench_text(report, Style::of(STDOUT_FILENO)));
    return static_cast<int>(Exit::done);
}

}  // namespace softmaxflow::cli
