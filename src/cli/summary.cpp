#include "cli/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "output/results.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow::cli {
namespace {

constexpr std::size_t indent = 2;
constexpr std::size_t name_width = 20;
constexpr std::size_t number_width = 11;
constexpr std::size_t histogram_rows = 16;
constexpr int bar_width = 46;

std::string line(std::string_view text) { return fmt::format("{:{}}{}\n", "", indent, text); }

std::string percent(std::int64_t k, std::int64_t n) {
    if (n == 0) return "-";
    return fmt::format("{:.4g} %", 100.0 * static_cast<double>(k) / static_cast<double>(n));
}

std::string failed_text(const Report& report, const Style& style) {
    const CellResult& r = report.result.cell;
    const std::string text =
        fmt::format("failed {} of {}", grouped(r.n_failed), grouped(r.n_total));
    return r.n_failed == 0 ? style.good(text) : style.bad(text);
}

/// Iterations are whole numbers, clocks any.
std::string clock_text(const Config& config, double x) {
    return is_flow(config) ? number(x) : grouped(static_cast<std::int64_t>(x));
}

/// How the replicas of a flow went.
std::string flow_line(const CellResult& result) {
    std::string text =
        fmt::format("{} steps per replica, lanes {:.0f} % busy",
                    grouped(std::llround(steps_per_replica(result))), 100 * lanes_busy(result));
    if (result.n_converged > 0) text += fmt::format(", converged {}", grouped(result.n_converged));
    if (result.n_stopped_early > 0)
        text += fmt::format(", stopped early {}", grouped(result.n_stopped_early));
    return line(text);
}

std::string header(const Report& report, const Style& style) {
    const Session& session = report.session;
    const Config& config = session.config();
    const double seconds = std::max(report.result.timing.wall_seconds, 1e-9);
    const double start = session.problem().checkpoints.front();
    const std::string from =
        start == 0.0 ? "" : fmt::format(" from {} of a states.nc", clock_text(config, start));
    return line(style.bold(session.name()) + "  " + model_line(config)) +
           line(method_line(config) + from) +
           line(fmt::format("{} replicas, seed {}{}, {}", grouped(session.replicas()),
                            *config.ensemble.seed, session.seed_drawn() ? " (drawn)" : "",
                            failed_text(report, style))) +
           line(fmt::format("{}: {}, {} {}/s", where_it_runs(session), duration(seconds),
                            number(session.work() / seconds, 2), work_unit(session))) +
           (session.flow() ? flow_line(report.result.cell) : "");
}

std::string failures(const Report& report, const Style& style) {
    const CellResult& r = report.result.cell;
    if (r.n_failed == 0) return "";
    constexpr std::size_t shown = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(shown, r.failures.size()); ++i)
        text += fmt::format("{}{} ({})", i == 0 ? "" : ", ", r.failures[i].replica,
                            status_name(r.failures[i].status));
    if (r.n_failed > static_cast<std::int64_t>(shown)) text += ", ...";
    return line(style.bad("failed replicas: ") + text) +
           line(style.dim("they are counted here and are in no statistic"));
}

std::string row(const std::string& name, const std::array<std::string, 5>& cells) {
    std::string text = left(name, name_width);
    for (const std::string& cell : cells) text += right(cell, number_width);
    return line(text);
}

std::string observable_table(const CellResult& result, const Style& style) {
    std::array<std::string, 5> titles = {"start", "end", "5 %", "95 %", "mean"};
    for (std::string& title : titles) title = style.dim(right(title, number_width));
    std::string text = line(style.dim(left("", name_width) + "   ───── median ──────" +
                                      "   ───── at the end, over replicas")) +
                       row(style.dim("observable"), titles);
    for (std::size_t o = 0; o < model::observable_count; ++o) {
        const ObservableResult& x = result.observables[o];
        const double* end = &x.quantile[x.quantile.size() - quantile_count];
        text += row(model::observables[o].name,
                    {number(x.quantile[3]), style.bold(right(number(end[3]), number_width)),
                     number(end[1]), number(end[5]), number(x.mean.back())});
    }
    return text;
}

std::string winner(const Proportion& p, const Style& style) {
    if (p.n == 0) return "";
    return line(fmt::format("{}{}  {} of {}", left("initial leader wins", name_width),
                            style.bold(right(fmt::format("{:.4f}", p.share), number_width)),
                            grouped(p.k), grouped(p.n))) +
           line(fmt::format("{}{:.4f} .. {:.4f}",
                            left("  exact 95 % interval", name_width + number_width - 6), p.low,
                            p.high));
}

std::string passages(const Config& config, const CellResult& result, const Style& style) {
    if (result.passages.empty()) return "";
    std::string text =
        line(style.dim(left("max_probability", name_width) + right("replicas", number_width) +
                       right("share", number_width) +
                       right(is_flow(config) ? "median clock" : "median iteration", 19)));
    for (const PassageResult& p : result.passages) {
        const double median = p.quantile[3];
        const std::string when =
            std::isfinite(median) ? clock_text(config, median) : std::string("not reached");
        text += line(left(fmt::format("  reaches {}", number(p.threshold)), name_width) +
                     right(grouped(p.count), number_width) +
                     right(percent(p.count, result.n_ok), number_width) + right(when, 19));
    }
    return text;
}

std::string histogram(const CellResult& result, std::size_t observable, const Style& style) {
    const ObservableResult& x = result.observables[observable];
    const std::size_t bins = x.edge.size() - 1;
    const std::vector<Bin> rows =
        merged_bins(x.edge, &x.count[x.count.size() - bins], histogram_rows);
    std::int64_t most = 1;
    for (const Bin& bin : rows) most = std::max(most, bin.count);
    std::string text =
        line(style.dim(fmt::format("{} at the end", model::observables[observable].name)));
    for (const Bin& bin : rows) {
        const double share = static_cast<double>(bin.count) / static_cast<double>(most);
        text += line(fmt::format("{:>6.4f} .. {:<6.4f}  {}{}", bin.low, bin.high,
                                 style.accent(left(bar(share, bar_width), bar_width)),
                                 right(grouped(bin.count), 12)));
    }
    return text;
}

std::string files(const Report& report, const Style& style) {
    const std::string results = (std::filesystem::path(report.directory) / "results.nc").string();
    return line(style.dim("payload hash  ") + report.files.results_hash) +
           line(style.dim("files in      ") + style.bold(report.directory)) +
           line(style.dim("look at them  ") + "ncdump -h " + results) +
           line(style.dim("   in Python  ") + fmt::format("xarray.open_dataset(\"{}\")", results));
}

}  // namespace

std::vector<Bin> merged_bins(const std::vector<double>& edges, const std::int64_t* counts,
                             std::size_t most) {
    std::size_t first = 0, last = edges.size() - 1;  // bins [first, last)
    while (first < last && counts[first] == 0) ++first;
    while (last > first && counts[last - 1] == 0) --last;
    const std::size_t together = (last - first + most - 1) / most;
    std::vector<Bin> bins;
    for (std::size_t i = first; i < last; i += together) {
        const std::size_t end = std::min(i + together, last);
        Bin bin{edges[i], edges[end], 0};
        for (std::size_t j = i; j < end; ++j) bin.count += counts[j];
        bins.push_back(bin);
    }
    return bins;
}

std::string model_line(const Config& config) {
    std::string loss = config.objective.loss;
    std::replace(loss.begin(), loss.end(), '_', ' ');
    return fmt::format("{} loss, {} map, n = {} tokens, d = {}", loss, config.model.map,
                       grouped(config.model.tokens), grouped(config.model.dim));
}

std::string method_line(const Config& config) {
    const DynamicsConfig& dynamics = config.dynamics;
    const std::string precision = config.backend.precision == "f32" ? ", f32" : "";
    if (is_flow(config))
        return fmt::format("gradient flow, {} clock to {}, order {}, rtol {}{}{}", dynamics.clock,
                           number(dynamics.horizon), dynamics.order, number(dynamics.rtol),
                           dynamics.stiff == "auto" ? "" : ", stiff " + dynamics.stiff, precision);
    std::string method = config.dynamics.method;
    std::replace(method.begin(), method.end(), '_', ' ');
    return fmt::format("{}, eta = {}, {} iterations{}", method, number(dynamics.learning_rate),
                       grouped(dynamics.iterations), precision);
}

double steps_per_replica(const CellResult& result) {
    return static_cast<double>(result.useful_steps) / static_cast<double>(result.n_total);
}

double lanes_busy(const CellResult& result) {
    if (result.issued_steps == 0) return 0.0;
    return static_cast<double>(result.useful_steps) / static_cast<double>(result.issued_steps);
}

std::string summary(const Report& report, const Style& style) {
    const CellResult& result = report.result.cell;
    std::string text = fmt::format("\n{}{}\n", header(report, style), failures(report, style));
    if (result.n_ok > 0) {
        text +=
            observable_table(result, style) + "\n" + winner(result.winner_is_leader, style) + "\n" +
            passages(report.session.config(), result, style) + "\n" +
            histogram(result, static_cast<std::size_t>(model::Observable::max_probability), style) +
            "\n";
    }
    return text + files(report, style);
}

}  // namespace softmaxflow::cli
