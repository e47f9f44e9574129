#pragma once
/// What a run produces: partial results of one block of replicas (backend -> ensemble), and the
/// merged result of one cell (ensemble -> files, terminal). Observables are indexed as in
/// model/dynamics/catalogue.hpp; all arrays are row-major with the shapes given.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "softmaxflow/plain/block_moments.hpp"
#include "softmaxflow/plain/status.hpp"

namespace softmaxflow {

/// The state of one recorded replica (record.states) at every checkpoint.
struct StateRecord {
    std::int64_t replica = 0;
    std::vector<double> logits;            ///< (checkpoint, token)
    std::vector<double> probability;       ///< (checkpoint, token)
    std::vector<double> projected_values;  ///< (checkpoint, output, token): Z
    /// Momentum: [0] the velocity. Adam: [0] first, [1] second moment. Otherwise empty.
    std::vector<double> memory_logits[2];  ///< (checkpoint, token)
    std::vector<double> memory_values[2];  ///< (checkpoint, output, token)
    std::vector<double> arc;               ///< (checkpoint)
    std::vector<double> log_time;          ///< (checkpoint)
    /// Flow: where the clock of the replica stood (its end, once it has converged or stopped), the
    /// step it was about to take, and its controller: the last error relative to the tolerance, and
    /// how many steps in a row looked stiff (-1: already with the implicit method).
    std::vector<double> clock, step_size;  ///< (checkpoint)
    std::vector<double> controller;        ///< (checkpoint, 2)
    std::vector<double> metric;            ///< (output, output): K
    std::vector<double> response;      ///< (output): y in the basis of K, p, labels, or the radius
    std::vector<double> target;        ///< (dim): W^T of losses with one output
    std::vector<double> ranks;         ///< (token): rank by (Z^T q)(0), 0 the largest
    double floor = 0.0;                ///< regression: loss that no output removes
    std::int32_t initial_leader = -1;  ///< token
};

/// What was seen of the claims of MonitorPlan along the trajectories of a block; empty without.
struct MonitorResult {
    std::vector<std::uint32_t> traits;  ///< (replica): bits of model::Needs that the start has
    /// (claim, replica), all claims of model/claims/claim_list.hpp: the smallest margin over the
    /// accepted steps (infinite where there was none), the clock or iteration where it was, and the
    /// accumulated change of the quantity that had the smallest.
    std::vector<double> margin, clock, increment;
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
    std::vector<Status> status;                ///< (replica)
    std::vector<std::int32_t> initial_leader;  ///< (replica)
    std::vector<std::int32_t> winner;          ///< (replica)
    std::vector<double> first_passage;         ///< (replica, threshold): iteration or clock, or NaN
    std::vector<double> final_observables;     ///< (replica, observable); record.replica_table
    std::vector<StateRecord> states;           ///< those of the first record.states replicas here
    std::vector<std::int64_t> steps, rejected_steps;  ///< (replica)
    /// (replica): first checkpoint that carries the last state of a replica which had converged or
    /// stopped before it; the number of checkpoints if there is none.
    std::vector<std::int32_t> stopped_before;
    MonitorResult monitor;
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
    std::vector<std::int32_t> initial_leader, winner;  ///< (replica)
    std::vector<double> first_passage;                 ///< (replica, threshold)
    std::vector<std::int64_t> steps, rejected_steps;   ///< (replica)
    std::vector<Status> status;                        ///< (replica)
    std::vector<double> observables;                   ///< (observable, replica): at the end
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
