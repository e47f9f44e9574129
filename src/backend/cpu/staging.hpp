#pragma once
/// Memory of one thread: what a kernel writes for a block of replicas, and its reduction.

#include <vector>

#include "softmaxflow/model/parameters.hpp"
#include "softmaxflow/problem.hpp"
#include "softmaxflow/result.hpp"

namespace softmaxflow::cpu {

class Staging {
public:
    /// Both arguments must outlive the object.
    Staging(const Problem& problem, const model::Parameters& parameters);

    /// Where the kernel writes replicas [first, first + count).
    model::Record prepare(std::int64_t first, std::int64_t count);

    /// What leaves the backend of the replicas that the kernel has written.
    [[nodiscard]] BlockResult reduce();

private:
    double* row(int curve, int checkpoint);
    void reduce_curves(BlockResult& block);
    void copy_final(BlockResult& block);
    void prepare_states(model::Record& record);
    void copy_states(BlockResult& block);
    void prepare_watch(model::Record& record);
    void copy_watch(BlockResult& block) const;
    [[nodiscard]] std::vector<double> target_of(std::int64_t replica) const;

    const Problem& problem_;
    const model::Parameters& parameters_;
    int checkpoints_, thresholds_, curve_count_, memories_ = 0;
    std::int64_t first_ = 0, count_ = 0, state_count_ = 0;
    std::vector<double> curves_;  // (checkpoint, curve, replica)
    std::vector<double> passage_, leader_, winner_, status_, steps_, rejected_, stopped_before_;
    long long issued_ = 0;
    std::vector<double> logits_, probability_, values_, memory_logits_[2], memory_values_[2];
    std::vector<double> metric_, response_, floor_, ranks_;
    std::vector<double> clock_, step_size_, controller_;
    std::vector<double> traits_, margin_, margin_clock_, increment_;
};

}  // namespace softmaxflow::cpu
