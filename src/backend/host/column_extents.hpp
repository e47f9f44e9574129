#pragma once
/// How large the columns of a run are, and which it has.

#include <cstdint>
#include <string>
#include <vector>

#include "softmaxflow/model/dynamics/column_table.hpp"
#include "softmaxflow/problem.hpp"
#include "softmaxflow/result.hpp"

namespace softmaxflow::host {

namespace state_column = model::state_column;
namespace replica_column = model::replica_column;

/// What the extents of columns and their carriers depend on.
struct ColumnExtents {
    std::int64_t tokens = 0, outputs = 0, dim = 0, thresholds = 0, claims = 0;
    int memories = 0;  ///< states that the method remembers
    bool flow = false, has_target = false, monitored = false;

    [[nodiscard]] std::int64_t of(model::Axis axis) const;
    [[nodiscard]] bool carried_by(model::Carriers carriers) const;
    /// Numbers of one replica, at one checkpoint where there is one at each.
    [[nodiscard]] std::int64_t size(const model::StateColumn& column) const;
    [[nodiscard]] std::int64_t size(const model::ReplicaColumn& column) const;
    /// Whether runs of this kind keep the column in memory; files have it by its carriers.
    [[nodiscard]] bool keeps(const model::ReplicaColumn& column) const;
    /// Numbers that a replica leaves, all columns together.
    [[nodiscard]] std::int64_t left_by_replica() const;
};

/// Throws Error(internal) for a loss or a method that is not in the catalogue.
ColumnExtents column_extents(const Config& config, std::int64_t outputs);
ColumnExtents column_extents(const Problem& problem);

/// Calls f(index, row of state_columns) for every column that such a run records.
template <class F>
void for_each_state_column(const ColumnExtents& extents, F f) {
    for (int c = 0; c < state_column::count; ++c)
        if (extents.carried_by(model::state_columns[c].carriers)) f(c, model::state_columns[c]);
}

/// "state x output x token"
std::string shape_text(const model::StateColumn& column);
/// Whether a run that goes on cannot do without it.
bool is_needed(const ColumnExtents& extents, const model::StateColumn& column);
/// Whether it is part of what the method remembers, named in files after the memory.
inline bool is_memory(const model::StateColumn& column) {
    return column.carriers == model::Carriers::descent_with_memory ||
           column.carriers == model::Carriers::descent_with_memories;
}

/// The arrays of one recorded state at one of its checkpoints, to go on from: (extents).
ColumnArrays at_checkpoint(const StateRecord& state, std::size_t checkpoint,
                           std::size_t checkpoints);
/// Appends the states of another restart, recorded at the same checkpoint.
void append_state(RestartData& restart, const ColumnArrays& state);

/// How replica `i` of a block ended.
inline Status status_of(const BlockResult& block, std::int64_t i) {
    return static_cast<Status>(
        static_cast<int>(block.replicas[replica_column::status][static_cast<std::size_t>(i)]));
}

/// How many replicas of a block failed.
std::int64_t failed_replicas(const BlockResult& block);

inline std::int64_t ColumnExtents::of(model::Axis axis) const {
    switch (axis) {
        case model::Axis::none:
            return 1;
        case model::Axis::token:
            return tokens;
        case model::Axis::output:
        case model::Axis::output_b:
            return outputs;
        case model::Axis::dim:
            return dim;
        case model::Axis::controller_entry:
            return 2;
        case model::Axis::threshold:
            return thresholds;
        case model::Axis::claim:
            return claims;
    }
    return 0;
}

inline bool ColumnExtents::carried_by(model::Carriers carriers) const {
    switch (carriers) {
        case model::Carriers::all:
            return true;
        case model::Carriers::descent_with_memory:
            return !flow && memories > 0;
        case model::Carriers::descent_with_memories:
            return !flow && memories > 1;
        case model::Carriers::flow:
            return flow;
        case model::Carriers::single_output:
            return has_target;
        case model::Carriers::monitored:
            return monitored;
    }
    return false;
}

inline std::int64_t ColumnExtents::size(const model::StateColumn& column) const {
    return of(column.axes[0]) * of(column.axes[1]);
}
inline std::int64_t ColumnExtents::size(const model::ReplicaColumn& column) const {
    return of(column.axis);
}

inline bool ColumnExtents::keeps(const model::ReplicaColumn& column) const {
    return column.carriers != model::Carriers::monitored || monitored;
}
inline std::int64_t ColumnExtents::left_by_replica() const {
    std::int64_t sum = 0;
    for (const model::ReplicaColumn& column : model::replica_columns)
        if (keeps(column)) sum += size(column);
    return sum;
}

}  // namespace softmaxflow::host
