#pragma once
/// The end of a run, for people and for scripts.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/open.hpp"
#include "cli/terminal.hpp"

namespace softmaxflow::cli {

/// Everything that there is to say about a finished run.
struct Report {
    const Session& session;
    const RunResult& result;
    const WrittenFiles& files;
    std::string directory;
    double max_failed = 0.01;

    [[nodiscard]] bool too_many_failed() const {
        return static_cast<double>(result.cell.n_failed) >
               max_failed * static_cast<double>(result.cell.n_total);
    }
};

/// Neighbouring bins of a histogram taken together.
struct Bin {
    double low = 0.0, high = 0.0;
    std::int64_t count = 0;
};
/// The occupied range of a histogram as at most `most` bins of equally many neighbours each.
std::vector<Bin> merged_bins(const std::vector<double>& edges, const std::int64_t* counts,
                             std::size_t most);

/// At most 80 columns wide but for paths; ends with a line end.
std::string summary(const Report& report, const Style& style);
/// Keys are stable: they are only ever added.
nlohmann::ordered_json summary_json(const Report& report);

/// "logistic loss, softmax map, n = 8 tokens, d = 8" and "gradient descent, eta = 0.1, ...".
std::string model_line(const Config& config);
std::string method_line(const Config& config);

/// Of a flow: mean over replicas; and the share of the steps of all lanes that replicas took.
double steps_per_replica(const CellResult& result);
double lanes_busy(const CellResult& result);

}  // namespace softmaxflow::cli
