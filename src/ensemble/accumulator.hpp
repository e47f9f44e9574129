#pragma once
/// Merges blocks of replicas into the statistics of a cell, exactly and in any order.

#include <cstdint>
#include <map>
#include <vector>

#include "backend/host/column_extents.hpp"
#include "softmaxflow/problem.hpp"
#include "softmaxflow/result.hpp"
#include "stats/exact_sum.hpp"

namespace softmaxflow {

/// Sums are exact and counts are integers, so the result does not depend on the order in which
/// blocks arrive, nor on how they were shared out among accumulators that are merged later.
/// Without a replica table the size is independent of the number of replicas.
class CellAccumulator {
public:
    explicit CellAccumulator(const Problem& problem);
    /// Throws Error(internal) for a block whose arrays do not have the shapes of the problem.
    void add(BlockResult&& block);
    /// Takes over what another accumulator of the same problem holds.
    void merge(CellAccumulator&& other);
    /// The statistics of all replicas so far. In the table, a failed replica has leader, winner and
    /// steps -1 and NaN otherwise. Replicas that never arrived are not in the table.
    [[nodiscard]] CellResult finish() const;

    [[nodiscard]] std::int64_t replicas() const { return total_; }
    /// Memory held, in bytes; without the states.
    [[nodiscard]] std::size_t bytes() const;

    static constexpr std::size_t failures_kept = 100;

private:
    struct Cell {  // one curve at one checkpoint
        ExactSum sum, sum_of_squares;
        double min, max;
        std::int64_t finite = 0;
    };
    struct Passage {
        std::vector<std::uint64_t> counts;
        double min, max;
        std::int64_t reached = 0;
    };

    void add_moments(const BlockResult& block);
    void require_shape(const BlockResult& block) const;
    [[nodiscard]] bool has_columns(const BlockResult& block) const;
    void forget_replica(ReplicaTable& table, std::size_t replica) const;
    void add_replicas(const BlockResult& block);
    void add_failure(Failure failure);
    void add_passage(Passage& passage, double clock) const;  // or iteration
    [[nodiscard]] ObservableResult curve_result(std::int64_t curve) const;
    [[nodiscard]] PassageResult passage_result(std::int64_t threshold) const;
    [[nodiscard]] ReplicaTable table() const;

    // Extents and grids of the problem.
    std::int64_t checkpoints_, bins_;
    host::ColumnExtents extents_;
    bool keep_table_;
    double passage_grain_;  // 1 where first passages are integers
    std::vector<double> thresholds_, edges_, passage_edges_;

    std::vector<Cell> cells_;                  // (curve, checkpoint)
    std::vector<std::uint64_t> counts_;        // (curve, checkpoint, bin)
    std::vector<Passage> passages_;            // (threshold)
    std::vector<std::int64_t> newly_stopped_;  // (checkpoint): ok, first carrying their last state
    std::int64_t total_ = 0, ok_ = 0, leader_won_ = 0, converged_ = 0, stopped_early_ = 0;
    std::int64_t issued_steps_ = 0, useful_steps_ = 0;
    std::vector<Failure> failures_;               // the first few, sorted
    std::map<std::int64_t, BlockResult> rows_;    // by first replica: what the table needs
    std::map<std::int64_t, StateRecord> states_;  // by replica
};

}  // namespace softmaxflow
