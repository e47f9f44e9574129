// results.nc; what is kept of single replicas is in replica_files.cpp and states_file.cpp.
#include "output/results.hpp"

#include <fmt/format.h>

#include <iterator>
#include <numeric>
#include <utility>

#include "output/results_builder.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow {
namespace {

void add_counts(DatasetBuilder& file, const CellResult& result) {
    const auto scalar = [&](const char* name, std::int64_t n, const char* long_name) {
        file.variable(name, {}, std::vector{n}, "1", long_name);
    };
    scalar("n_total", result.n_total, "replicas in all");
    scalar("n_ok", result.n_ok, "replicas that finished; all statistics are over these");
    scalar("n_failed", result.n_failed, "replicas that failed and are in no statistic");
    file.variable("n_stopped", {"checkpoint"}, result.n_stopped, "1",
                  "replicas that had converged or stopped early before the checkpoint",
                  "they are part of n_ok and count from then on with their last state");
}

void add_moments(DatasetBuilder& file, const model::ObservableInfo& x, const ObservableResult& r) {
    const auto curve = [&](const char* suffix, const std::vector<double>& values,
                           const char* statistic) {
        file.variable(std::string(x.name) + suffix, {"checkpoint"}, values, x.unit,
                      fmt::format("{} of {} ({})", statistic, x.name, x.long_name));
    };
    curve("_mean", r.mean, "mean");
    curve("_std", r.std, "standard deviation");
    curve("_sem", r.sem, "standard error of the mean");
    curve("_min", r.min, "minimum");
    curve("_max", r.max, "maximum");
}

void add_distribution(DatasetBuilder& file, const model::ObservableInfo& x,
                      const ObservableResult& r) {
    const std::string name = x.name;
    file.variable(name + "_quantile", {"checkpoint", "quantile"}, r.quantile, x.unit,
                  fmt::format("quantiles of {} ({})", name, x.long_name),
                  fmt::format("taken from {}_count", name));
    file.variable(name + "_resolution", {"checkpoint", "quantile"}, r.resolution, x.unit,
                  fmt::format("resolution of the quantiles of {}", name),
                  "width of the bin that the quantile comes from");
    file.variable(name + "_count", {"checkpoint", "bin"}, r.count, "1",
                  fmt::format("histogram of {} ({})", name, x.long_name),
                  fmt::format("replicas in bin i, between {}_edge i and i + 1; the first and the "
                              "last bin are open: they also hold all values beyond them",
                              name));
    file.variable(name + "_edge", {"bin_edge"}, r.edge, x.unit,
                  fmt::format("edges of the bins of {}_count", name), "fixed before the run");
    file.variable(name + "_undefined", {"checkpoint"}, r.undefined, "1",
                  fmt::format("replicas in which {} is infinite or not defined", name),
                  fmt::format("they are part of n_ok but of no other statistic of {0}: the sum of "
                              "{0}_count over the bins plus {0}_undefined is n_ok",
                              name));
}

void add_winner(DatasetBuilder& file, const Proportion& p) {
    const auto scalar = [&](const char* name, double value, const char* long_name,
                            const char* comment) {
        file.variable(name, {}, std::vector{value}, "1", long_name, comment);
    };
    scalar("winner_is_leader", p.share, "share of replicas that the initial leader wins",
           "winner: token of largest weight at the end; initial leader: token of largest "
           "projected value (Z^T q) at the start");
    scalar("winner_is_leader_low", p.low, "lower end of the 95 % interval of winner_is_leader",
           "exact (Clopper-Pearson)");
    scalar("winner_is_leader_high", p.high, "upper end of the 95 % interval of winner_is_leader",
           "exact (Clopper-Pearson)");
}

void add_passages(DatasetBuilder& file, const std::string& clock,
                  const std::vector<PassageResult>& passages) {
    std::vector<std::int64_t> count;
    std::vector<double> quantile, resolution;
    for (const PassageResult& passage : passages) {
        count.push_back(passage.count);
        quantile.insert(quantile.end(), passage.quantile.begin(), passage.quantile.end());
        resolution.insert(resolution.end(), passage.resolution.begin(), passage.resolution.end());
    }
    file.variable("passage_count", {"threshold"}, std::move(count), "1",
                  "replicas whose max_probability reached the threshold");
    file.variable("passage_quantile", {"threshold", "quantile"}, std::move(quantile), "1",
                  clock + " at which max_probability first reaches the threshold: quantiles",
                  "over all n_ok replicas; infinity where so many never reached it");
    file.variable("passage_resolution", {"threshold", "quantile"}, std::move(resolution), "1",
                  clock +
                      " at which max_probability first reaches the threshold: resolution of "
                      "the quantiles",
                  "the quantile is known to within this width");
}

/// One statistic of the curves of all ranks: (checkpoint, rank, width).
std::vector<double> by_rank(const std::vector<const ObservableResult*>& curves,
                            std::size_t checkpoints, std::vector<double> ObservableResult::*part,
                            std::size_t width = 1) {
    std::vector<double> all;
    for (std::size_t c = 0; c < checkpoints; ++c)
        for (const ObservableResult* curve : curves)
            for (std::size_t i = 0; i < width; ++i) all.push_back((curve->*part)[c * width + i]);
    return all;
}

/// Statistics per rank, from the curves behind those of the catalogue: (quantity, rank).
void add_ranked(DatasetBuilder& file, const Problem& problem, const CellResult& result) {
    const auto ranks = static_cast<std::size_t>(problem.config.model.tokens);
    const std::size_t checkpoints = problem.checkpoints.size();
    std::vector<std::int64_t> numbers(ranks);
    std::iota(numbers.begin(), numbers.end(), 0);
    file.dimension("rank", ranks);
    file.variable("rank", {"rank"}, std::move(numbers), "1",
                  "rank of the token by projected value (Z^T q) at the start",
                  "from 0, the largest; on ties the lower token is first");
    const std::pair<std::string, std::string> quantities[] = {
        {"ranked_probability", "the attention weight of the token of that rank"},
        {"ranked_logit", "the logit of the token of that rank"},
        {"ranked_value", "the projected value (Z^T q) of the token of that rank"}};
    std::size_t first = model::observable_count;
    for (const auto& [name, what] : quantities) {
        std::vector<const ObservableResult*> curves;
        for (std::size_t rank = 0; rank < ranks; ++rank)
            curves.push_back(&result.observables.at(first + rank));
        file.variable(name + "_mean", {"checkpoint", "rank"},
                      by_rank(curves, checkpoints, &ObservableResult::mean), "1",
                      "mean of " + what);
        file.variable(name + "_std", {"checkpoint", "rank"},
                      by_rank(curves, checkpoints, &ObservableResult::std), "1",
                      "standard deviation of " + what);
        file.variable(name + "_quantile", {"checkpoint", "rank", "quantile"},
                      by_rank(curves, checkpoints, &ObservableResult::quantile, quantile_count),
                      "1", "quantiles of " + what,
                      "taken from a histogram of record.bins bins, for logits and values "
                      "logarithmic ones");
        first += ranks;
    }
}

}  // namespace

Dataset results_dataset(const Problem& problem, const CellResult& result, const RunInfo& info) {
    DatasetBuilder file("Statistics over replicas", problem, result, info);
    file.add_checkpoints(problem);
    file.dimension("quantile", quantile_count);
    file.variable("quantile", {"quantile"},
                  std::vector(std::begin(quantile_levels), std::end(quantile_levels)), "1",
                  "levels of the quantiles");
    if (!result.passages.empty()) file.add_thresholds(problem);
    const auto bins = static_cast<std::size_t>(problem.config.record.bins);
    file.dimension("bin", bins);
    file.dimension("bin_edge", bins + 1);

    add_counts(file, result);
    add_winner(file, result.winner_is_leader);
    if (!result.passages.empty())
        add_passages(file, is_flow(problem.config) ? "clock" : "iteration", result.passages);
    for (std::size_t i = 0; i < model::observable_count; ++i) {
        add_moments(file, model::observables[i], result.observables.at(i));
        add_distribution(file, model::observables[i], result.observables.at(i));
    }
    if (problem.config.record.ranked) add_ranked(file, problem, result);
    return file.finish();
}

}  // namespace softmaxflow
