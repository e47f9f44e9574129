#pragma once
/// What every backend must do. A test program per backend includes this and names its backends.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>

#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/replica.hpp"

namespace conformance {

using namespace softmaxflow;

/// A run of three blocks, the last one short, with states and table.
inline Config small_config(const std::string& loss, const std::string& method) {
    Config config;
    config.model.tokens = 8;
    config.model.dim = 5;
    config.objective.loss = loss;
    config.objective.samples = 7;
    config.init.value_scale = 0.5;
    config.init.logit_scale = 0.4;
    config.dynamics.method = method;
    config.dynamics.learning_rate = 0.1;
    config.dynamics.iterations = 60;
    config.ensemble.replicas = 2 * block_size + 37;
    config.ensemble.seed = 11;
    config.record.checkpoint_count = 6;
    config.record.thresholds = {0.2, 0.5};
    config.record.bins = 32;
    config.record.states = block_size + 3;
    return config;
}

/// The words of a block that a run produces, in one row.
inline std::vector<std::uint64_t> words(const BlockResult& block) {
    std::vector<std::uint64_t> all;
    const auto put = [&](double x) { all.push_back(std::bit_cast<std::uint64_t>(x)); };
    const auto put_all = [&](const auto& array) {
        for (const auto x : array) put(static_cast<double>(x));
    };
    for (const Moments& m : block.moments) {
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
    for (const StateRecord& s : block.states) {
        put(s.floor);
        for (const auto* array :
             {&s.logits, &s.probability, &s.projected_values, &s.velocity_logits,
              &s.velocity_values, &s.arc, &s.metric, &s.response, &s.target})
            put_all(*array);
    }
    return all;
}

using Blocks = std::map<std::int64_t, std::vector<std::uint64_t>>;

inline Blocks run(const Problem& problem, Backend& backend, ReplicaRange range) {
    Blocks blocks;
    backend.run(
        problem, range,
        [&](BlockResult&& block) { EXPECT_TRUE(blocks.emplace(block.first, words(block)).second); },
        [](std::int64_t) { return true; });
    return blocks;
}

inline Blocks run_all(const Config& config, Backend& backend) {
    const Problem problem = make_problem(config, {}, {}, 42);
    return run(problem, backend, {0, config.ensemble.replicas});
}

/// The words of one run as 64 bits (FNV-1a), small enough to pin.
inline std::uint64_t fingerprint(const Blocks& blocks) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const auto& [first, row] : blocks)
        for (const std::uint64_t word : row) hash = (hash ^ word) * 1099511628211ULL;
    return hash;
}

/// Calls f(loss, method) for every pair of the catalogue.
template <class F>
void for_each_problem(F f) {
    for (const char* loss : model::Losses::names)
        for (const char* method : model::Methods::names) f(std::string(loss), std::string(method));
}

}  // namespace conformance
