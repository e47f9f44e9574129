#include "backend/host/staging.hpp"

#include <algorithm>
#include <limits>

#include "backend/host/make_parameters.hpp"
#include "kernels/reduce.hpp"
#include "softmaxflow/backend.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/initial/value_laws.hpp"

namespace softmaxflow::host {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Staging::Staging(const Problem& problem, const model::Parameters& parameters, std::int64_t capacity)
    : problem_(problem),
      parameters_(parameters),
      capacity_(capacity),
      extents_(column_extents(problem)),
      checkpoints_(parameters.checkpoint_count),
      curve_count_(static_cast<int>(problem.curves())) {}

model::Record Staging::prepare(std::int64_t first, std::int64_t count) {
    first_ = first;
    count_ = count;
    issued_ = 0;
    record_ = {};
    record_.first = first;
    record_.stride = capacity_;
    record_.curve_count = curve_count_;
    record_.issued = &issued_;
    place_replicas();
    place_states();
    last_.resize(static_cast<std::size_t>(
        problem_.config.record.replica_table ? model::observable_count * capacity_ : 0));
    return record_;
}

void Staging::place_replicas() {
    for (int c = 0; c < replica_column::count; ++c) {
        const model::ReplicaColumn& column = model::replica_columns[c];
        const std::int64_t size = extents_.keeps(column) ? extents_.size(column) * capacity_ : 0;
        replicas_[c].assign(static_cast<std::size_t>(size), column.preset);
        record_.replica[c] = replicas_[c].empty() ? nullptr : replicas_[c].data();
    }
}

/// The target is made on the host: no kernel keeps it.
void Staging::place_states() {
    const std::int64_t wanted = problem_.config.record.states - first_;
    state_count_ = std::clamp<std::int64_t>(wanted, 0, count_);
    record_.state_count = state_count_;
    for_each_state_column(extents_, [&](int c, const model::StateColumn& column) {
        if (c == state_column::target) return;
        const std::int64_t times = column.when == model::When::checkpoint ? checkpoints_ : 1;
        states_[c].assign(static_cast<std::size_t>(state_count_ * times * extents_.size(column)),
                          0.0);
        record_.state[c] = states_[c].empty() ? nullptr : states_[c].data();
    });
}

model::Record Staging::prepare_with_curves(std::int64_t first, std::int64_t count) {
    prepare(first, count);
    curves_.resize(static_cast<std::size_t>(checkpoints_) * curve_count_ * capacity_);
    record_.curves = curves_.data();
    return record_;
}

BlockResult Staging::block(std::int64_t index) const {
    const std::int64_t begin = index * block_size, end = std::min(begin + block_size, count_);
    BlockResult block;
    block.first = first_ + begin;
    block.count = end - begin;
    copy_replicas(block, begin);
    for (std::int64_t r = 0; r < block.count; ++r)
        block.useful_steps +=
            static_cast<std::int64_t>(block.replicas[replica_column::steps][r] +
                                      block.replicas[replica_column::rejected_steps][r]);
    if (problem_.config.record.replica_table)
        for (std::int64_t r = begin; r < end; ++r)
            for (int o = 0; o < model::observable_count; ++o)
                block.final_observables.push_back(last_[o * capacity_ + r]);
    copy_states(block);
    return block;
}

BlockResult Staging::reduce() {
    copy_curves();
    BlockResult result = block(0);
    result.issued_steps = issued_;
    reduce_curves(result);
    return result;
}

/// What block() needs of the curves.
void Staging::copy_curves() {
    if (problem_.config.record.replica_table)
        for (int o = 0; o < model::observable_count; ++o)
            std::copy_n(row(o, checkpoints_ - 1), capacity_, &last_[o * capacity_]);
}

void Staging::copy_replicas(BlockResult& block, std::int64_t begin) const {
    for (int c = 0; c < replica_column::count; ++c) {
        const Array& from = replicas_[c];
        if (from.empty()) continue;
        const std::int64_t extent = extents_.size(model::replica_columns[c]);
        Array& to = block.replicas[c];
        to.reserve(static_cast<std::size_t>(block.count * extent));
        for (std::int64_t r = begin; r < begin + block.count; ++r)
            for (std::int64_t e = 0; e < extent; ++e) to.push_back(from[e * capacity_ + r]);
    }
}

double* Staging::row(int curve, int checkpoint) {
    return &curves_[(static_cast<std::size_t>(checkpoint) * curve_count_ + curve) * capacity_];
}

void Staging::reduce_curves(BlockResult& block) {
    kernels::Reduction r;
    r.curves = curves_.data();
    r.stride = capacity_;
    r.status = replicas_[replica_column::status].data();
    r.edges = problem_.edges.data();
    r.replicas = static_cast<int>(count_);
    r.curve_count = curve_count_;
    r.checkpoints = checkpoints_;
    r.bins = static_cast<int>(problem_.config.record.bins);
    r.items = static_cast<long long>(curve_count_) * checkpoints_;
    block.moments.resize(static_cast<std::size_t>(r.items));
    block.counts.assign(block.moments.size() * r.bins, 0);
    r.counts = block.counts.data();
    const auto take = [&](int place, const BlockMoments& moments) {
        block.moments[static_cast<std::size_t>(place)] = moments;
    };
    for (long long i = 0; i < r.items; ++i)
        kernels::reduce_item(r, i, model::Solo{}, take, [](unsigned& counter) { ++counter; });
}

void Staging::copy_states(BlockResult& block) const {
    const std::int64_t begin = block.first - first_;
    const std::int64_t end = std::min(begin + block.count, state_count_);
    for (std::int64_t r = begin; r < end; ++r) {
        StateRecord state;
        state.replica = first_ + r;
        for_each_state_column(extents_, [&](int c, const model::StateColumn&) {
            const Array& all = states_[c];
            const auto size = static_cast<std::ptrdiff_t>(all.size()) / state_count_;
            state.columns[c].assign(all.begin() + r * size, all.begin() + (r + 1) * size);
        });
        state.columns[state_column::target] = target_of(state.replica);
        block.states.push_back(std::move(state));
    }
}

/// Empty for losses with several outputs.
std::vector<double> Staging::target_of(std::int64_t replica) const {
    std::vector<double> target;
    if (const auto& given = problem_.restart.columns[state_column::target]; !given.empty()) {
        const std::int64_t dim = problem_.config.model.dim;
        target.assign(given.begin() + replica * dim, given.begin() + (replica + 1) * dim);
        return target;
    }
    with_item(model::Losses{}, make_kernel_key(problem_).loss, [&]<class Loss>(Loss) {
        if constexpr (Loss::outputs == 1) {
            target.resize(problem_.config.model.dim);
            model::draw_target(parameters_, Loss::kind, static_cast<model::Bits>(replica),
                               target.data());
        }
    });
    return target;
}

}  // namespace softmaxflow::host
