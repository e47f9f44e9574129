#include "cli/bench_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "output/build_info.hpp"
#include "throughput/figures.hpp"

namespace softmaxflow::cli {

using namespace throughput;
namespace {

using Json = nlohmann::ordered_json;
using cpu::Unit;

const char* name_of(Unit u) { return cpu::unit_names[static_cast<int>(u)]; }

std::string percent(double share, int decimals) {
    return fmt::format("{:.{}f} %", 100 * share, decimals);
}

Json named(const std::array<double, cpu::unit_count>& values, double factor) {
    Json json = Json::object();
    for (int u = 0; u < cpu::unit_count; ++u)
        if (values[static_cast<std::size_t>(u)] > 0)
            json[cpu::unit_names[u]] = values[static_cast<std::size_t>(u)] * factor;
    return json;
}

Json size_json(const Case& c) {
    return {{"name", c.name},
            {"title", c.title},
            {"tokens", c.problem.config.model.tokens},
            {"outputs", c.problem.outputs},
            {"dim", c.problem.config.model.dim},
            {"loss", c.problem.config.objective.loss},
            {"replicas", c.replicas},
            {"iterations", c.iterations},
            {"checkpoints", c.problem.checkpoints.size()},
            {"replicas_failed", c.failed},
            {"seconds", c.seconds},
            {"cpu_seconds", c.cpu_seconds}};
}

Json throughput_json(const BenchReport& report, const Case& c) {
    const Throughput t = throughput_of(c, report.threads, report.costs);
    Json json = size_json(c);
    json["replica_steps_per_second"] = {{"median", t.median}, {"best", t.best}};
    json["spread"] = t.spread;
    json["ns_per_replica_step_and_core"] = t.core_seconds * 1e9;
    json["limit"] = nullptr;
    if (t.counts)
        json["limit"] = {{"vector_operations_per_step", named(t.counts->of, 1.0)},
                         {"bounds_ns_per_replica_step_and_core", named(t.limit.bounds, 1e9)},
                         {"bound_by", name_of(t.limit.bound_by)},
                         {"replica_steps_per_second_and_core", 1.0 / t.limit.seconds},
                         {"share_median", t.share},
                         {"share_best", t.best_share}};
    return json;
}

Json ratio_json(const Ratio& r) { return {{"median", r.median}, {"low", r.low}, {"high", r.high}}; }

Json dim_json(const BenchReport& report, const DimCase& d) {
    const DimFigures f = dim_figures(d, report.workloads.dims.front(), report.threads);
    return {{"dim", d.dim},
            {"ns_per_replica_step_and_core", f.core_seconds * 1e9},
            {"relative_to_first", ratio_json(f.relative)},
            {"start_us_per_replica_and_core", f.start_seconds * 1e6},
            {"shorter", size_json(d.shorter)},
            {"longer", size_json(d.longer)}};
}

Json costs_json(const Costs& costs) {
    Json operations = Json::object();
    for (int u = 0; u < cpu::unit_count; ++u) {
        const UnitCost& cost = costs[static_cast<Unit>(u)];
        operations[cpu::unit_names[u]] = {{"alone_ns", cost.alone * 1e9},
                                          {"beside_fma_ns", cost.beside * 1e9}};
    }
    return {{"numbers_per_vector", costs.vector},
            {"vector_registers", costs.registers},
            {"vector_operations", operations}};
}

std::string header(const BenchReport& r, const Style& style) {
    const Costs& costs = r.costs;
    const double fma = costs[Unit::fma].alone;
    const auto in_fma = [&](Unit u) { return fmt::format("{:.1f}", costs[u].beside / fma); };
    return "\n" +
           line(style.bold(r.processor) + fmt::format(", {}, {} thread{}, {} {}", r.instruction_set,
                                                      r.threads, r.threads == 1 ? "" : "s",
                                                      r.precision, r.numerics)) +
           line(fmt::format("{} repeats of about {} each, in turn", r.repeats,
                            duration(r.seconds))) +
           line(fmt::format("a core does {} fma/s of {} {}; in fma, an addition costs {},",
                            number(1 / fma, 3), costs.vector,
                            r.precision == "f32" ? "floats" : "doubles", in_fma(Unit::add))) +
           line(fmt::format("a division {}, a comparison {}{}", in_fma(Unit::divide),
                            in_fma(Unit::compare),
                            r.precision == "f32" ? "" : ", a table lookup " + in_fma(Unit::table)));
}

std::string throughput_rows(const BenchReport& r, const Style& style) {
    if (r.workloads.throughput.empty()) return "";
    const bool workloads = r.config.empty();
    std::string out = "\n" +
                      line(style.dim("                                  replica-steps/s"
                                     "        ns/step share of")) +
                      line(style.dim("workload                           median    best"
                                     "  +- and core    limit, bound"));
    for (const Case& c : r.workloads.throughput) {
        const Throughput t = throughput_of(c, r.threads, r.costs);
        const std::string title = workloads ? left(c.name, 6) + c.title : c.name;
        out += line(left(title, 33) + right(number(t.median, 3), 8) + right(number(t.best, 3), 8) +
                    right(percent(t.spread, 0), 6) + right(number(t.core_seconds * 1e9, 3), 7) +
                    style.bold(right(t.counts ? percent(t.share, 1) : "-", 9)) + " " +
                    (t.counts ? name_of(t.limit.bound_by) : ""));
        if (!workloads)
            out += line(fmt::format("ran {} of {} replicas, {} of {} iterations, {} checkpoints",
                                    grouped(c.replicas), grouped(r.config_replicas),
                                    grouped(c.iterations), grouped(r.config_iterations),
                                    c.problem.checkpoints.size()));
    }
    return out;
}

std::string flow_rows(const BenchReport& r, const Style& style) {
    if (r.workloads.flows.empty()) return "";
    std::string out = "\n" +
                      line(style.dim("                                                     "
                                     " starts/s"
                                     "        us/start")) +
                      line(style.dim("workload                                              median"
                                     "  +- and core"));
    for (const Case& c : r.workloads.flows) {
        const Throughput t = throughput_of(c, r.threads, r.costs);
        out += line(left(left(c.name, 9) + c.title, 52) + right(number(t.median, 3), 8) +
                    right(percent(t.spread, 0), 6) + right(number(t.core_seconds * 1e6, 3), 7));
    }
    return out;
}

std::string statistics_lines(const BenchReport& r, const Style& style) {
    const auto& cases = r.workloads.statistics;
    if (cases.empty()) return "";
    const Ratio cost = statistics_cost(cases[0], cases[1]);
    return "\n" +
           line(fmt::format("P5     the statistics of {} checkpoints instead of {}, in {} "
                            "iterations,",
                            cases[0].problem.checkpoints.size(),
                            cases[1].problem.checkpoints.size(), grouped(cases[0].iterations))) +
           line(fmt::format("       cost {} of the time ({} .. {} over the repeats)",
                            style.bold(percent(cost.median, 2)), percent(cost.low, 2),
                            percent(cost.high, 2)));
}

std::string dim_rows(const BenchReport& r, const Style& style) {
    const auto& dims = r.workloads.dims;
    if (dims.empty()) return "";
    std::string out =
        "\n" + line(style.dim(fmt::format("P7       d   ns/step and core   relative to d = {}"
                                          "   start of a replica",
                                          dims.front().dim)));
    for (const DimCase& d : dims) {
        const DimFigures f = dim_figures(d, dims.front(), r.threads);
        out += line(right(std::to_string(d.dim), 10) + right(number(f.core_seconds * 1e9, 3), 19) +
                    style.bold(right(fmt::format("{:.3f}", f.relative.median), 20)) +
                    right(number(f.start_seconds * 1e6, 3) + " us", 21));
    }
    return out;
}

std::string warnings(const BenchReport& r, const Style& style) {
    std::string out;
    for (const Case* c : r.workloads.all())
        if (c->failed > 0)
            out += line(style.bad(fmt::format("{}: {} of {} replicas failed: not a timing", c->name,
                                              grouped(c->failed), grouped(c->replicas))));
    const double share = share_of_processors(r.workloads, r.threads);
    if (share < 0.95)
        out +=
            line(style.bad(fmt::format("this program got {} of its processors' time: other "
                                       "programs ran",
                                       percent(share, 0))));
    return out.empty() ? out : "\n" + out;
}

}  // namespace

std::string bench_text(const BenchReport& report, const Style& style) {
    return header(report, style) + throughput_rows(report, style) + flow_rows(report, style) +
           statistics_lines(report, style) + dim_rows(report, style) + warnings(report, style);
}

Json bench_json(const BenchReport& report) {
    const BuildInfo build = build_info();
    Json json = {{"version", build.version},
                 {"git", build.git},
                 {"compiler", build.compiler},
                 {"processor", report.processor},
                 {"instruction_set", report.instruction_set},
                 {"threads", report.threads},
                 {"numerics", report.numerics},
                 {"precision", report.precision},
                 {"repeats", report.repeats},
                 {"seconds", report.seconds},
                 {"share_of_processors", share_of_processors(report.workloads, report.threads)},
                 {"core", costs_json(report.costs)},
                 {"throughput", Json::array()}};
    if (!report.config.empty())
        json["config"] = {{"path", report.config},
                          {"replicas", report.config_replicas},
                          {"iterations", report.config_iterations}};
    for (const Case& c : report.workloads.throughput)
        json["throughput"].push_back(throughput_json(report, c));
    for (const Case& c : report.workloads.flows) {
        const Throughput t = throughput_of(c, report.threads, report.costs);
        Json flow = size_json(c);
        flow.erase("iterations");
        flow["starts_per_second"] = {{"median", t.median}, {"best", t.best}};
        flow["spread"] = t.spread;
        flow["us_per_start_and_core"] = t.core_seconds * 1e6;
        json["flow"].push_back(flow);
    }
    if (const auto& cases = report.workloads.statistics; !cases.empty())
        json["statistics"] = {{"cost", ratio_json(statistics_cost(cases[0], cases[1]))},
                              {"all", size_json(cases[0])},
                              {"two", size_json(cases[1])}};
    for (const DimCase& d : report.workloads.dims) json["dim"].push_back(dim_json(report, d));
    return json;
}

}  // namespace softmaxflow::cli
