#pragma once
/// What every backend must do. A test program per backend includes this and names its backends.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <string>

#include "backend/host/column_extents.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/descent/steps.hpp"

namespace conformance {

using namespace softmaxflow;
namespace state_column = model::state_column;
namespace replica_column = model::replica_column;

/// A run of two blocks, the last one short, with states, ranked curves and table.
inline Config small_config(const std::string& map, const std::string& loss,
                           const std::string& method) {
    Config config;
    config.model.tokens = 8;
    config.model.dim = 5;
    config.model.map = map;
    config.objective.loss = loss;
    config.objective.samples = loss == model::Regression::name ? 7 : 5;
    config.init.value_scale = 0.5;
    config.init.logit_mean = 1.0;
    config.init.logit_scale = 0.4;
    config.dynamics.method = method;
    config.dynamics.learning_rate = 0.1;
    config.dynamics.iterations = 24;
    config.ensemble.replicas = block_size + 19;
    config.ensemble.seed = 11;
    config.record.checkpoint_count = 5;
    config.record.thresholds = {0.2, 0.5};
    config.record.bins = 16;
    config.record.ranked = true;
    config.record.states = block_size + 3;
    return config;
}
inline Config small_config(const std::string& loss, const std::string& method) {
    return small_config(model::Softmax::name, loss, method);
}

/// The words of a block that a run produces, in one row.
inline std::vector<std::uint64_t> words(const BlockResult& block) {
    std::vector<std::uint64_t> all;
    const auto put = [&](double x) { all.push_back(std::bit_cast<std::uint64_t>(x)); };
    const auto put_all = [&](const auto& array) {
        for (const auto x : array) put(static_cast<double>(x));
    };
    for (const BlockMoments& m : block.moments) {
        for (const double x : {m.sum.high, m.sum.low, m.sum_of_squares.high, m.sum_of_squares.low,
                               m.min, m.max, static_cast<double>(m.finite)})
            put(x);
    }
    put_all(block.counts);
    for (int c = 0; c < replica_column::count; ++c) put_all(block.replicas[c]);
    put_all(block.final_observables);
    for (const StateRecord& state : block.states)
        for (int c = 0; c < state_column::count; ++c) put_all(state.columns[c]);
    return all;
}

using Blocks = std::map<std::int64_t, std::vector<std::uint64_t>>;

/// Every block of a run, by its first replica.
inline std::map<std::int64_t, BlockResult> results(const Problem& problem, Backend& backend) {
    std::map<std::int64_t, BlockResult> blocks;
    backend.run(
        problem, {0, problem.config.ensemble.replicas},
        [&](BlockResult&& block) {
            const std::int64_t first = block.first;
            EXPECT_TRUE(blocks.emplace(first, std::move(block)).second);
        },
        [](std::int64_t) { return true; });
    return blocks;
}

inline Blocks run(const Problem& problem, Backend& backend) {
    Blocks blocks;
    for (const auto& [first, block] : results(problem, backend)) blocks[first] = words(block);
    return blocks;
}

inline Blocks run(const Config& config, Backend& backend) {
    return run(make_problem(config, {}, {}, 42), backend);
}

/// Calls f(map, loss, method) for everything in the catalogue.
template <class F>
void for_each_problem(F f) {
    for (const char* map : model::Maps::names)
        for (const char* loss : model::Losses::names)
            for (const char* method : model::Methods::names)
                f(std::string(map), std::string(loss), std::string(method));
}

/// Every two of them together.
template <class F>
void for_each_pair(F f) {
    for (int map = 0; map < model::Maps::size; ++map)
        for (int loss = 0; loss < model::Losses::size; ++loss)
            f(std::string(model::Maps::names[map]), std::string(model::Losses::names[loss]),
              std::string(model::Methods::names[(map + loss) % model::Methods::size]));
}

/// What to hand to make_problem to go on from checkpoint `checkpoint` of recorded states.
inline RestartData restart_from(const std::map<std::int64_t, BlockResult>& blocks,
                                const Problem& problem, int checkpoint) {
    RestartData restart;
    restart.checkpoint = problem.checkpoints.at(checkpoint);
    for (const auto& [first, block] : blocks)
        for (const StateRecord& state : block.states)
            host::append_state(restart,
                               host::at_checkpoint(state, static_cast<std::size_t>(checkpoint),
                                                   problem.checkpoints.size()));
    // Of the time descent keeps nothing.
    if (!is_flow(problem.config)) restart.columns[state_column::log_time].clear();
    return restart;
}

}  // namespace conformance
