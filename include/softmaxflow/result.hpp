#pragma once
/// What a run produces: partial results of one block of replicas (backend -> ensemble), and the
/// merged result of one cell (ensemble -> files, terminal). Observables are indexed as
/// names.hpp lists them; all arrays are row-major with the shapes given.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "softmaxflow/column_arrays.hpp"
#include "softmaxflow/plain/block_moments.hpp"
#include "softmaxflow/plain/status.hpp"

namespace softmaxflow {

/// The state of one recorded replica (record.states): all that it takes to go on from it.
struct StateRecord {
    std::int64_t replica = 0;
    /// By state column: (extents), or (checkpoint, extents) where the column has a value at every
    /// checkpoint.
    ColumnArrays columns;
};

/// Results of `count` consecutive replicas from `first`. Failed replicas enter `status` only.
struct BlockResult {
    std::int64_t first = 0;
    std::int64_t count = 0;
    std::vector<BlockMoments> moments;  ///< (curve, checkpoint); curves as in Problem
    /// Instead of moments, of several blocks delivered in one run: one of them has these, the
    /// others neither.
    std::vector<MergedMoments> merged_moments;
    /// (curve, checkpoint, bin): of this block, or of several delivered in one run, among whose
    /// counts those of this one are; then the others have none.
    std::vector<std::uint32_t> counts;
    /// By replica column: (replica, extent).
    ColumnArrays replicas;
    std::vector<double> final_observables;  ///< (replica, observable); record.replica_table
    std::vector<StateRecord> states;        ///< those of the first record.states replicas here
    /// Flow: steps that lanes could have taken, and those that replicas took. Depends on the
    /// machine.
    std::int64_t issued_steps = 0, useful_steps = 0;
};

/// A share k / n with exact (Clopper-Pearson) two-sided 95 % bounds; NaN for n = 0.
struct Proportion {
    std::int64_t k = 0;
    std::int64_t n = 0;
    double share = 0.0;
    double low = 0.0;
    double high = 1.0;
};

inline constexpr double quantile_levels[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
inline constexpr int quantile_count = 7;

/// Statistics of one observable over the ok replicas of a cell.
struct ObservableResult {
    std::vector<double> mean, std, sem, min, max;  ///< (checkpoint); NaN where nothing is finite
    std::vector<double> quantile;                  ///< (checkpoint, quantile)
    std::vector<double> resolution;                ///< (checkpoint, quantile): width of the bin
    std::vector<std::int64_t> count;               ///< (checkpoint, bin)
    std::vector<std::int64_t> undefined;           ///< (checkpoint): ok, but not finite
    std::vector<double> edge;                      ///< (bin + 1)
};

struct PassageResult {
    double threshold = 0.0;
    std::int64_t count = 0;          ///< replicas that reached it
    std::vector<double> quantile;    ///< (quantile) over all ok replicas; +inf where not reached
    std::vector<double> resolution;  ///< (quantile)
};

/// One line per replica; filled when record.replica_table is set.
struct ReplicaTable {
    ColumnArrays columns;             ///< by replica column: (replica, extent)
    std::vector<double> observables;  ///< (observable, replica): at the end
};

struct Failure {
    std::int64_t replica = 0;
    Status status = Status::non_finite;
};

struct CellResult {
    std::int64_t n_total = 0, n_ok = 0, n_failed = 0;
    std::int64_t n_converged = 0, n_stopped_early = 0;  ///< part of n_ok
    /// (checkpoint): replicas of n_ok that carry their last state there.
    std::vector<std::int64_t> n_stopped;
    std::vector<ObservableResult> observables;  ///< (curve): the catalogue, then the ranked ones
    std::vector<PassageResult> passages;        ///< in the order of record.thresholds
    Proportion winner_is_leader;
    ReplicaTable table;
    std::vector<StateRecord> states;                  ///< by replica
    std::vector<Failure> failures;                    ///< the first few, by replica
    std::int64_t issued_steps = 0, useful_steps = 0;  ///< as in BlockResult
};

/// When, where and on what a run was done. Goes to manifest.json and events.jsonl and nowhere else.
struct RunTiming {
    std::chrono::system_clock::time_point start, finish;
    double wall_seconds = 0.0;  ///< by a steady clock
    std::string host;
    std::string device;  ///< "cpu"
    int threads = 0;
    std::string instruction_set;  ///< "avx2"
};

/// Payload hashes of what was written; empty for a file that the config did not ask for.
struct WrittenFiles {
    std::string results_hash, replicas_hash, states_hash;
};

}  // namespace softmaxflow
