#pragma once
// A backend without dynamics: every number of a replica is a hash of its index, so that results
// can be recomputed from outside in any way one likes.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "ensemble/random_key.hpp"
#include "softmaxflow/backend.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/numerics/moments.hpp"

namespace softmaxflow::test {

inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Uniform on [0, 1).
inline double uniform(std::uint64_t a, std::uint64_t b = 0, std::uint64_t c = 0) {
    return static_cast<double>(random_key(random_key(a, b), c) >> 11) * 0x1p-53;
}

class FakeBackend : public Backend {
public:
    bool with_failures = true;
    bool with_undefined = true;
    double stopping = 0.0;             // share of replicas that converge or stop early
    std::uint64_t delivery_seed = 0;   // 0: blocks in order
    std::int64_t blocks_left_out = 0;  // at the end of the delivery
    std::string refusal;

    [[nodiscard]] std::string name() const override { return "fake"; }
    [[nodiscard]] std::vector<Device> devices() const override { return {}; }
    [[nodiscard]] Support supports(const Problem&) const override {
        return {refusal.empty(), refusal};
    }

    [[nodiscard]] Status status(std::int64_t replica) const {
        if (uniform(replica, 8) < stopping) return Status(1 + replica % 2);
        if (!with_failures || uniform(replica, 1) > 0.05) return Status::ok;
        return replica % 2 == 0 ? Status::non_finite : Status::map_singular;
    }
    // Many sizes and both signs; NaN now and then; a failed replica has values that must not count.
    [[nodiscard]] double value(std::int64_t replica, int observable,
                               std::int64_t checkpoint) const {
        const auto cell = static_cast<std::uint64_t>(observable * 1000 + checkpoint);
        if (with_undefined && uniform(replica, 2, cell) < 0.01) return nan;
        if (!is_ok(status(replica))) return 1e300;
        const double sign = observable % 3 == 0 && uniform(replica, 3, cell) < 0.5 ? -1.0 : 1.0;
        return sign * std::exp2(20.0 * uniform(replica, 4, cell) - 16.0);
    }
    [[nodiscard]] std::int32_t leader(std::int64_t replica) const {
        return static_cast<std::int32_t>(replica % 5);
    }
    [[nodiscard]] std::int32_t winner(std::int64_t replica) const {
        return uniform(replica, 5) < 0.7 ? leader(replica) : 5;
    }
    [[nodiscard]] double passage(std::int64_t replica, std::int64_t threshold,
                                 std::int64_t iterations) const {
        if (uniform(replica, 6, threshold) < 0.2 * static_cast<double>(threshold)) return nan;
        return std::floor(
            std::pow(static_cast<double>(iterations), uniform(replica, 7, threshold)));
    }

    // A checkpoint after the start, or none.
    [[nodiscard]] std::int32_t stopped_before(std::int64_t replica,
                                              std::int64_t checkpoints) const {
        const Status end = status(replica);
        if (end != Status::converged && end != Status::stopped_early)
            return static_cast<std::int32_t>(checkpoints);
        return static_cast<std::int32_t>(1 + replica % checkpoints);
    }
    [[nodiscard]] static std::int64_t steps(std::int64_t replica) { return 100 + replica % 89; }

    [[nodiscard]] BlockResult block(const Problem& problem, std::int64_t first) const {
        const auto& record = problem.config.record;
        const auto checkpoints = static_cast<std::int64_t>(problem.checkpoints.size());
        BlockResult result;
        result.first = first;
        result.count = std::min<std::int64_t>(block_size, problem.config.ensemble.replicas - first);
        result.counts.resize(problem.curves() * checkpoints * record.bins);
        double values[block_size];
        for (int o = 0; o < static_cast<int>(problem.curves()); ++o)
            for (std::int64_t c = 0; c < checkpoints; ++c) {
                for (std::int64_t i = 0; i < result.count; ++i)
                    values[i] = is_ok(status(first + i)) ? value(first + i, o, c) : nan;
                const int count = static_cast<int>(result.count);
                result.moments.push_back(model::block_moments<block_size>(values, count));
                model::count_bins(values, count, problem.edges.data() + o * (record.bins + 1),
                                  static_cast<int>(record.bins),
                                  result.counts.data() + (o * checkpoints + c) * record.bins);
            }
        for (std::int64_t r = first; r < first + result.count; ++r) {
            result.status.push_back(status(r));
            result.initial_leader.push_back(leader(r));
            result.winner.push_back(winner(r));
            result.steps.push_back(steps(r));
            result.rejected_steps.push_back(r % 7);
            result.stopped_before.push_back(stopped_before(r, checkpoints));
            result.useful_steps += steps(r) + r % 7;
            result.issued_steps += 2 * steps(r);
            for (std::size_t t = 0; t < record.thresholds.size(); ++t)
                result.first_passage.push_back(passage(r, t, problem.config.dynamics.iterations));
            for (int o = 0; record.replica_table && o < model::observable_count; ++o)
                result.final_observables.push_back(value(r, o, checkpoints - 1));
            if (r < record.states) {
                StateRecord state;
                state.replica = r;
                state.logits = {uniform(r)};
                result.states.push_back(state);
            }
        }
        return result;
    }

    void run(const Problem& problem, ReplicaRange range, const BlockSink& deliver,
             const Progress& progress) override {
        std::vector<std::int64_t> firsts;
        for (std::int64_t r = range.first; r < range.first + range.count; r += block_size)
            firsts.push_back(r);
        if (delivery_seed != 0)
            std::shuffle(firsts.begin(), firsts.end(), std::mt19937_64(delivery_seed));
        firsts.resize(firsts.size() - blocks_left_out);
        for (const std::int64_t first : firsts) {
            deliver(block(problem, first));
            if (!progress(block_size * problem.config.dynamics.iterations)) return;
        }
    }
};

}  // namespace softmaxflow::test
