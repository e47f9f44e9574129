#pragma once
/// What kernels write of a range of replicas, on the host, and the blocks that leave a backend.

#include <vector>

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
        for (const auto& [member, array] : arrays_)
            if (!array->empty()) f(member(record), *array);
    }
    /// What is needed of the curves to make blocks without statistics, for devices that keep them:
    /// those of the last checkpoint, (observable, replica), and the clocks of recorded states,
    /// (arc or log_time, checkpoint, state).
    std::vector<double>& last_observables() { return last_; }
    std::vector<double>& state_clocks() { return state_clocks_; }
    [[nodiscard]] std::int64_t state_count() const { return state_count_; }
    [[nodiscard]] std::int64_t capacity() const { return capacity_; }

    [[nodiscard]] std::int64_t blocks() const { return (count_ + block_size - 1) / block_size; }
    /// Block `index` of the range, without moments and counts.
    [[nodiscard]] BlockResult block(std::int64_t index) const;
    /// The only block, with moments and counts of the curves on the host.
    [[nodiscard]] BlockResult reduce();

private:
    using Array = std::vector<double>;
    using Member = double*& (*)(model::Record&);

    double* row(int curve, int checkpoint);
    void copy_curves();
    void reduce_curves(BlockResult& block);
    void place_states();
    void copy_states(BlockResult& block) const;
    [[nodiscard]] Array target_of(std::int64_t replica) const;
    void place(Member member, Array& array, std::int64_t size, double value = 0.0);
    void place_monitor();
    void copy_monitor(BlockResult& block, std::int64_t begin) const;

    const Problem& problem_;
    const model::Parameters& parameters_;
    std::int64_t capacity_;
    int checkpoints_, thresholds_, curve_count_, memories_ = 0;
    std::int64_t first_ = 0, count_ = 0, state_count_ = 0;
    model::Record record_;
    std::vector<std::pair<Member, Array*>> arrays_;
    Array curves_;  // (checkpoint, curve, replica)
    Array last_, state_clocks_;
    Array passage_, leader_, winner_, status_, steps_, rejected_, stopped_before_;
    long long issued_ = 0;
    Array logits_, probability_, values_, memory_logits_[2], memory_values_[2];
    Array metric_, response_, floor_, ranks_;
    Array clock_, step_size_, controller_;
    Array traits_, margin_, margin_clock_, increment_;
};

}  // namespace softmaxflow::host
