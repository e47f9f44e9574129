#include "backend/cpu/staging.hpp"

#include <algorithm>
#include <limits>

#include "backend/cpu/parameters.hpp"
#include "softmaxflow/backend.hpp"
#include "softmaxflow/model/catalogue.hpp"
#include "softmaxflow/model/claims/list.hpp"
#include "softmaxflow/model/reduce.hpp"
#include "softmaxflow/model/source.hpp"

namespace softmaxflow::cpu {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

Staging::Staging(const Problem& problem, const model::Parameters& parameters)
    : problem_(problem),
      parameters_(parameters),
      checkpoints_(parameters.checkpoint_count),
      thresholds_(parameters.threshold_count),
      curve_count_(static_cast<int>(problem.curves())),
      curves_(static_cast<std::size_t>(checkpoints_) * curve_count_ * block_size),
      passage_(static_cast<std::size_t>(thresholds_) * block_size),
      leader_(block_size),
      winner_(block_size),
      status_(block_size),
      steps_(block_size),
      rejected_(block_size),
      stopped_before_(block_size) {
    with_item(model::Methods{}, cpu::make_choice(problem).method,
              [&](auto method) { memories_ = method.memories; });
}

model::Record Staging::prepare(std::int64_t first, std::int64_t count) {
    first_ = first;
    count_ = count;
    std::fill(passage_.begin(), passage_.end(), nan);
    model::Record record;
    record.first = first;
    record.stride = block_size;
    record.curves = curves_.data();
    record.curve_count = curve_count_;
    record.passage = passage_.data();
    record.leader = leader_.data();
    record.winner = winner_.data();
    record.status = status_.data();
    record.steps = steps_.data();
    record.rejected = rejected_.data();
    record.stopped_before = stopped_before_.data();
    issued_ = 0;
    record.issued = &issued_;
    prepare_states(record);
    if (parameters_.watched != 0) prepare_watch(record);
    return record;
}

BlockResult Staging::reduce() {
    BlockResult block;
    block.first = first_;
    block.count = count_;
    for (std::int64_t r = 0; r < count_; ++r) {
        block.status.push_back(static_cast<Status>(status_[r]));
        block.steps.push_back(static_cast<std::int64_t>(steps_[r]));
        block.rejected_steps.push_back(static_cast<std::int64_t>(rejected_[r]));
        block.stopped_before.push_back(static_cast<std::int32_t>(stopped_before_[r]));
        block.useful_steps += block.steps.back() + block.rejected_steps.back();
        block.initial_leader.push_back(static_cast<std::int32_t>(leader_[r]));
        block.winner.push_back(static_cast<std::int32_t>(winner_[r]));
        for (int t = 0; t < thresholds_; ++t)
            block.first_passage.push_back(passage_[t * block_size + r]);
    }
    block.issued_steps = issued_;
    reduce_curves(block);
    if (problem_.config.record.replica_table) copy_final(block);
    copy_states(block);
    if (parameters_.watched != 0) copy_watch(block);
    return block;
}

void Staging::prepare_watch(model::Record& record) {
    const std::size_t claims = model::WatchedClaims::size;
    traits_.assign(block_size, 0.0);
    margin_.assign(claims * block_size, infinity);
    margin_clock_.assign(claims * block_size, nan);
    increment_.assign(claims * block_size, 0.0);
    record.traits = traits_.data();
    record.margin = margin_.data();
    record.margin_clock = margin_clock_.data();
    record.increment = increment_.data();
}

void Staging::copy_watch(BlockResult& block) const {
    block.watch.traits.assign(traits_.begin(), traits_.begin() + count_);
    for (std::int64_t c = 0; c < model::WatchedClaims::size; ++c) {
        const auto append = [&](std::vector<double>& to, const std::vector<double>& from) {
            const auto row = from.begin() + c * block_size;
            to.insert(to.end(), row, row + count_);
        };
        append(block.watch.margin, margin_);
        append(block.watch.clock, margin_clock_);
        append(block.watch.increment, increment_);
    }
}

double* Staging::row(int curve, int checkpoint) {
    return &curves_[(static_cast<std::size_t>(checkpoint) * curve_count_ + curve) * block_size];
}

/// Moments and counts over the ok replicas; a failed one is marked by NaN, which both skip.
void Staging::reduce_curves(BlockResult& block) {
    const int bins = static_cast<int>(problem_.config.record.bins);
    block.moments.resize(static_cast<std::size_t>(curve_count_) * checkpoints_);
    block.counts.assign(block.moments.size() * bins, 0);
    std::vector<double> values(block_size);
    for (int o = 0; o < curve_count_; ++o)
        for (int c = 0; c < checkpoints_; ++c) {
            for (std::int64_t r = 0; r < count_; ++r)
                values[r] = is_ok(static_cast<Status>(status_[r])) ? row(o, c)[r] : nan;
            const int count = static_cast<int>(count_);
            const auto m = model::block_moments<block_size>(values.data(), count);
            const std::size_t place = static_cast<std::size_t>(o) * checkpoints_ + c;
            block.moments[place] = {{m.sum.high, m.sum.low},
                                    {m.sum_of_squares.high, m.sum_of_squares.low},
                                    m.min,
                                    m.max,
                                    m.finite};
            model::count_bins(values.data(), count,
                              &problem_.edges[static_cast<std::size_t>(o) * (bins + 1)], bins,
                              &block.counts[place * bins]);
        }
}

void Staging::copy_final(BlockResult& block) {
    for (std::int64_t r = 0; r < count_; ++r)
        for (int o = 0; o < model::observable_count; ++o)
            block.final_observables.push_back(row(o, checkpoints_ - 1)[r]);
}

void Staging::prepare_states(model::Record& record) {
    const std::int64_t wanted = problem_.config.record.states - first_;
    state_count_ = std::clamp<std::int64_t>(wanted, 0, count_);
    const std::size_t n = problem_.config.model.tokens, m = problem_.outputs;
    const std::size_t per_replica = checkpoints_ * n;
    const auto allocate = [&](std::vector<double>& array, std::size_t size) {
        array.assign(static_cast<std::size_t>(state_count_) * size, 0.0);
        return array.data();
    };
    record.state_count = state_count_;
    record.logits = allocate(logits_, per_replica);
    record.probability = allocate(probability_, per_replica);
    record.values = allocate(values_, per_replica * m);
    for (int i = 0; i < memories_; ++i) {
        record.memory_logits[i] = allocate(memory_logits_[i], per_replica);
        record.memory_values[i] = allocate(memory_values_[i], per_replica * m);
    }
    if (parameters_.flow) {
        record.clock = allocate(clock_, checkpoints_);
        record.step_size = allocate(step_size_, checkpoints_);
        record.controller = allocate(controller_, 2 * static_cast<std::size_t>(checkpoints_));
    }
    record.metric = allocate(metric_, m * m);
    record.ranks = allocate(ranks_, n);
    record.response = allocate(response_, m);
    record.floor = allocate(floor_, 1);
}

void Staging::copy_states(BlockResult& block) {
    const auto slice = [&](const std::vector<double>& array, std::int64_t r) {
        const auto size = static_cast<std::ptrdiff_t>(array.size()) / state_count_;
        return std::vector<double>(array.begin() + r * size, array.begin() + (r + 1) * size);
    };
    for (std::int64_t r = 0; r < state_count_; ++r) {
        StateRecord state;
        state.replica = first_ + r;
        state.logits = slice(logits_, r);
        state.probability = slice(probability_, r);
        state.projected_values = slice(values_, r);
        for (int i = 0; i < memories_; ++i) {
            state.memory_logits[i] = slice(memory_logits_[i], r);
            state.memory_values[i] = slice(memory_values_[i], r);
        }
        state.ranks = slice(ranks_, r);
        state.initial_leader = static_cast<std::int32_t>(leader_[r]);
        state.metric = slice(metric_, r);
        state.response = slice(response_, r);
        state.floor = floor_[r];
        state.target = target_of(state.replica);
        if (parameters_.flow) {
            state.clock = slice(clock_, r);
            state.step_size = slice(step_size_, r);
            state.controller = slice(controller_, r);
        }
        for (int c = 0; c < checkpoints_; ++c) {
            state.arc.push_back(row(static_cast<int>(model::Observable::arc), c)[r]);
            state.log_time.push_back(row(static_cast<int>(model::Observable::log_time), c)[r]);
        }
        block.states.push_back(std::move(state));
    }
}

/// Empty for losses with several outputs.
std::vector<double> Staging::target_of(std::int64_t replica) const {
    std::vector<double> target;
    if (const auto& given = problem_.restart.target; !given.empty()) {
        const std::int64_t dim = problem_.config.model.dim;
        target.assign(given.begin() + replica * dim, given.begin() + (replica + 1) * dim);
        return target;
    }
    with_item(model::Losses{}, cpu::make_choice(problem_).loss, [&]<class Loss>(Loss) {
        if constexpr (Loss::outputs == 1) {
            target.resize(problem_.config.model.dim);
            model::draw_target(parameters_, Loss::kind, static_cast<model::Bits>(replica),
                               target.data());
        }
    });
    return target;
}

}  // namespace softmaxflow::cpu
