#include "ensemble/checkpoints.hpp"

#include <algorithm>
#include <cmath>

#include "ensemble/edges.hpp"
#include "ensemble/require.hpp"

namespace softmaxflow {
namespace {

std::vector<double> as_doubles(const std::vector<std::int64_t>& integers) {
    return {integers.begin(), integers.end()};
}

/// 0, then record.checkpoints - 1 log-spaced ones; fewer where they coincide.
std::vector<double> log_spaced_checkpoints(const Config& config) {
    const bool flow = is_flow(config);
    const double end = end_of_run(config), asked = config.record.first;
    const double first = asked == 0.0 ? (flow ? end / 1e6 : 1.0) : asked;
    require(first > 0.0 && first <= end && (flow || first == std::floor(first)),
            "record.first = {}: expected a {} up to {} = {}", first,
            flow ? "value of the clock" : "whole number", end_key(config), end);
    std::vector<double> result = {0.0, end};
    const std::int64_t count = config.record.checkpoint_count;
    if (count == 2) return result;
    result = flow ? log_spaced(first, end, count - 1)
                  : as_doubles(log_spaced_integers(static_cast<std::int64_t>(first),
                                                   config.dynamics.iterations, count - 1));
    result.insert(result.begin(), 0.0);
    return result;
}

std::vector<double> linear_checkpoints(const Config& config) {
    const std::int64_t count = config.record.checkpoint_count;
    return is_flow(config)
               ? linearly_spaced(config.dynamics.horizon, count)
               : as_doubles(linearly_spaced_integers(config.dynamics.iterations, count));
}

/// 0, those of the list, and the last.
std::vector<double> listed_checkpoints(const Config& config) {
    const bool flow = is_flow(config);
    const double end = end_of_run(config);
    std::vector<double> result = {0.0, end};
    for (const double value : config.record.checkpoint_list) {
        require(value >= 0.0 && value <= end && (flow || value == std::floor(value)),
                "record.checkpoints: {} is not {} of this run; expected {} from 0 to {} = {}",
                value, flow ? "on the clock" : "an iteration", flow ? "numbers" : "whole numbers",
                end_key(config), end);
        result.push_back(value);
    }
    std::sort(result.begin(), result.end());
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
}

}  // namespace

std::vector<double> checkpoints_of(const Config& config, double start) {
    std::vector<double> whole;
    if (config.record.checkpoint_list.empty()) {
        require_positive("record.checkpoints", config.record.checkpoint_count, 2);
        whole = config.record.spacing == "linear" ? linear_checkpoints(config)
                                                  : log_spaced_checkpoints(config);
    } else {
        whole = listed_checkpoints(config);
    }
    std::vector<double> result = {start};
    result.insert(result.end(), std::upper_bound(whole.begin(), whole.end(), start), whole.end());
    return result;
}

}  // namespace softmaxflow
