// What a run would take.

#include <algorithm>
#include <atomic>
#include <chrono>

#include "ensemble/derived_problem.hpp"
#include "input/restart_file.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/run.hpp"
#include "stats/exact_sum.hpp"

namespace softmaxflow {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Seconds for one round: as many blocks as there are threads, over `iterations` from the start.
double round_seconds(const Session& session, std::int64_t replicas, std::int64_t iterations) {
    const double start = session.problem().checkpoints.front();
    const double end = start + static_cast<double>(iterations);
    RecordConfig record = session.config().record;
    record.checkpoint_list = {end};
    record.states = 0;
    const Problem problem =
        with_recording(with_replicas(until(session.problem(), end), replicas), record);
    const auto begin = std::chrono::steady_clock::now();
    session.backend().run(problem, {0, replicas}, [](BlockResult&&) {}, {});
    return seconds_since(begin);
}

/// Times one round over few iterations, more until the time is well above the noise of clocks and
/// of starting threads, and extrapolates. The first iteration carries the cost of the draws.
void estimate_time(const Session& session, Estimate& estimate) {
    constexpr double enough = 0.2;  // seconds
    const std::int64_t total = session.iterations();
    const std::int64_t replicas = std::min(session.replicas(), session.full_round());
    const std::int64_t whole_rounds = (session.replicas() + replicas - 1) / replicas;
    const auto rounds = static_cast<double>(whole_rounds);
    round_seconds(session, replicas, 1);  // warms caches and clocks up
    const double draws = round_seconds(session, replicas, 1);
    double seconds = draws;
    std::int64_t iterations = 1;
    while (seconds < enough && iterations < total) {
        iterations = std::min(total, iterations * 4);
        seconds = round_seconds(session, replicas, iterations);
    }
    const auto steps = static_cast<double>(std::max<std::int64_t>(iterations - 1, 1));
    const double per_step = std::max(seconds - draws, 0.0) / steps;
    estimate.seconds = rounds * (draws + per_step * static_cast<double>(total - 1));
    estimate.rate = session.work() / estimate.seconds;
}

/// Runs replicas of a flow, all of them if that takes no longer than `enough`, and extrapolates
/// from how many ended.
void estimate_flow_time(const Session& session, Estimate& estimate) {
    constexpr double enough = 1.0;  // seconds
    const Problem problem = with_states(session.problem(), 0);
    std::atomic<std::int64_t> ended = 0;
    const auto begin = std::chrono::steady_clock::now();
    session.backend().run(
        problem, {0, session.replicas()}, [](BlockResult&&) {},
        [&](std::int64_t work) {
            ended += work;
            return ended == 0 || seconds_since(begin) < enough;
        });
    estimate.rate = static_cast<double>(std::max<std::int64_t>(ended, 1)) / seconds_since(begin);
    estimate.seconds = session.work() / estimate.rate;
}

/// From the sizes of the arrays: on disk before compression, and in memory at the end of a run.
void estimate_sizes(const Session& session, Estimate& estimate) {
    const Config& config = session.config();
    constexpr double number = sizeof(double), observables = model::observable_count;
    const auto checkpoints = static_cast<double>(session.problem().checkpoints.size());
    const auto bins = static_cast<double>(config.record.bins);
    const auto replicas = static_cast<double>(session.replicas());
    const double curves = static_cast<double>(session.problem().curves()) * checkpoints;
    const double ranked = curves - observables * checkpoints;

    // Per checkpoint: moments, quantiles with their resolution, counts; of the ranked curves the
    // mean, the standard deviation and quantiles alone.
    const double statistics =
        ((curves - ranked) * (6 + 2 * quantile_count + bins) + ranked * (2 + quantile_count)) *
        number;
    const double columns = observables + 5 + static_cast<double>(config.record.thresholds.size());
    const double table = config.record.replica_table ? replicas * columns * number : 0.0;
    const double copies = 1.0 + double(memory_names(config.dynamics.method).size());
    const auto outputs = static_cast<double>(session.problem().outputs);
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
    estimate.memory = sums + session.threads() * block + 3 * estimate.disk;
}

}  // namespace

Estimate Session::estimate() const {
    Estimate estimate;
    estimate_sizes(*this, estimate);
    if (flow())
        estimate_flow_time(*this, estimate);
    else
        estimate_time(*this, estimate);
    return estimate;
}

}  // namespace softmaxflow
