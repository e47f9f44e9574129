#pragma once
/// What every backend must do. A test program per backend includes this and names its backends.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <string>

#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/descent/steps.hpp"

namespace conformance {

using namespace softmaxflow;

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
    for (const Status status : block.status) put(static_cast<double>(status));
    put_all(block.initial_leader);
    put_all(block.winner);
    put_all(block.first_passage);
    put_all(block.final_observables);
    put_all(block.monitor.traits);
    for (const auto* array :
         {&block.monitor.margin, &block.monitor.clock, &block.monitor.increment})
        put_all(*array);
    for (const StateRecord& s : block.states) {
        put(s.floor);
        put(s.initial_leader);
        for (const auto* array :
             {&s.logits, &s.probability, &s.projected_values, &s.memory_logits[0],
              &s.memory_logits[1], &s.memory_values[0], &s.memory_values[1], &s.arc, &s.metric,
              &s.response, &s.target, &s.ranks})
            put_all(*array);
    }
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
    const auto append = [](std::vector<double>& to, const std::vector<double>& from) {
        to.insert(to.end(), from.begin(), from.end());
    };
    const std::size_t checkpoints = problem.checkpoints.size();
    const auto append_checkpoint = [&](std::vector<double>& to, const std::vector<double>& from) {
        const auto size = static_cast<std::ptrdiff_t>(from.size() / checkpoints);
        to.insert(to.end(), from.begin() + checkpoint * size,
                  from.begin() + (checkpoint + 1) * size);
    };
    for (const auto& [first, block] : blocks)
        for (const StateRecord& state : block.states) {
            ++restart.replicas;
            append_checkpoint(restart.logits, state.logits);
            append_checkpoint(restart.projected_values, state.projected_values);
            append_checkpoint(restart.arc, state.arc);
            append_checkpoint(restart.log_time, state.log_time);
            append_checkpoint(restart.clock, state.clock);
            append_checkpoint(restart.step_size, state.step_size);
            append_checkpoint(restart.controller, state.controller);
            for (const int i : {0, 1}) {
                append_checkpoint(restart.memory_logits[i], state.memory_logits[i]);
                append_checkpoint(restart.memory_values[i], state.memory_values[i]);
            }
            append(restart.metric, state.metric);
            append(restart.response, state.response);
            append(restart.target, state.target);
            append(restart.ranks, state.ranks);
            restart.floor.push_back(state.floor);
            restart.initial_leader.push_back(state.initial_leader);
        }
    return restart;
}

}  // namespace conformance
