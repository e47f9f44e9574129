#pragma once
/// check.json and the counterexamples: what a test of claims leaves behind.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "claims/check.hpp"
#include "claims/search.hpp"
#include "output/results.hpp"

namespace softmaxflow {

/// The law of starts and objectives in words: "values 0.1 N(0,1), logits 0; target uniform on the
/// sphere".
std::string law_text(const Config& config);

/// The whole of check.json.
nlohmann::ordered_json check_json(const claims::Check& check, const RunInfo& info);

/// One replayed violation, with all that it takes to replay it elsewhere.
nlohmann::ordered_json counterexample_json(const claims::Check& check,
                                           const claims::Outcome& outcome,
                                           const claims::Replayed& replayed, const RunInfo& info);
/// "value_gaps_grow-17.json"
std::string counterexample_name(const claims::Claim& claim, std::int64_t replica);

/// A search as JSON.
nlohmann::ordered_json search_json(const claims::Search& search, const RunInfo& info);
/// Writes config.toml and search.json, and a counterexample if there is one.
void write_search(const std::filesystem::path& directory, const claims::Search& search,
                  const RunInfo& info);

/// Writes config.toml, counterexamples/*.json (those confirmed, then undecided ones) and
/// check.json, in this order, each whole or not at all. Throws Error(file).
void write_check(const std::filesystem::path& directory, const claims::Check& check,
                 const RunInfo& info);

/// A counterexample read back: the problem of its one replica, monitored for its claim.
struct Counterexample {
    const claims::Claim* claim = nullptr;
    Problem problem;
    std::int64_t cell = 0, replica = 0;
    std::string version, git, classification;
    std::int64_t numerics_version = 0;
    std::vector<claims::Trial> trials;
};
/// Throws Error(file) for a file that cannot be read, Error(usage) for one that is none.
Counterexample read_counterexample(const std::filesystem::path& path);

}  // namespace softmaxflow
