#pragma once
/// What kernels write of a range of replicas, on the host, and the blocks that leave a backend.

#include <vector>

#include "backend/host/column_extents.hpp"
#include "softmaxflow/backend.hpp"
#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/problem.hpp"
#include "softmaxflow/result.hpp"

namespace softmaxflow::host {

class Staging {
public:
    /// Of up to `capacity` replicas, whole blocks of them. The first two arguments must outlive the
    /// object.
    Staging(const Problem& problem, const model::Parameters& parameters,
            std::int64_t capacity = block_size);

    /// Where kernels write replicas [first, first + count): all but the curves.
    model::Record prepare(std::int64_t first, std::int64_t count);
    /// The same with curves on the host.
    model::Record prepare_with_curves(std::int64_t first, std::int64_t count);

    /// Calls f(pointer, array) for every array that prepare() placed: `pointer` is its member of
    /// the record, so that a device can have arrays of the same sizes.
    template <class F>
    void for_each_array(model::Record& record, F f) {
        for (int c = 0; c < replica_column::count; ++c)
            if (record.replica[c] != nullptr) f(record.replica[c], replicas_[c]);
        for (int c = 0; c < state_column::count; ++c)
            if (record.state[c] != nullptr) f(record.state[c], states_[c]);
    }
    /// What is needed of the curves to make blocks without statistics, for devices that keep them:
    /// those of the last checkpoint, (observable, replica).
    std::vector<double>& last_observables() { return last_; }
    [[nodiscard]] std::int64_t capacity() const { return capacity_; }

    [[nodiscard]] std::int64_t blocks() const { return (count_ + block_size - 1) / block_size; }
    /// Block `index` of the range, without moments and counts.
    [[nodiscard]] BlockResult block(std::int64_t index) const;
    /// The only block, with moments and counts of the curves on the host.
    [[nodiscard]] BlockResult reduce();

private:
    using Array = std::vector<double>;

    double* row(int curve, int checkpoint);
    void copy_curves();
    void reduce_curves(BlockResult& block);
    void place_replicas();
    void place_states();
    void copy_replicas(BlockResult& block, std::int64_t begin) const;
    void copy_states(BlockResult& block) const;
    [[nodiscard]] Array target_of(std::int64_t replica) const;

    const Problem& problem_;
    const model::Parameters& parameters_;
    std::int64_t capacity_;
    ColumnExtents extents_;
    int checkpoints_, curve_count_;
    std::int64_t first_ = 0, count_ = 0, state_count_ = 0;
    model::Record record_;
    Array curves_;           // (checkpoint, curve, replica)
    Array last_;             // (observable, replica)
    ColumnArrays replicas_;  // (extent, replica)
    ColumnArrays states_;    // (replica, extents), or (replica, checkpoint, extents)
    long long issued_ = 0;
};

}  // namespace softmaxflow::host
