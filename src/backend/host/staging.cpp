#include "backend/host/staging.hpp"

#include <algorithm>
#include <limits>

#include "backend/host/make_parameters.hpp"
#include "kernels/reduce.hpp"
#include "softmaxflow/backend.hpp"
#include "softmaxflow/model/claims/claim_list.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/initial/value_laws.hpp"

namespace softmaxflow::host {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

Staging::Staging(const Problem& problem, const model::Parameters& parameters, std::int64_t capacity)
    : problem_(problem),
      parameters_(parameters),
      capacity_(capacity),
      checkpoints_(parameters.checkpoint_count),
      thresholds_(parameters.threshold_count),
      curve_count_(static_cast<int>(problem.curves())) {
    with_item(model::Methods{}, make_kernel_key(problem).method,
              [&](auto method) { memories_ = method.memories; });
}

void Staging::place(Member member, Array& array, std::int64_t size, double value) {
    array.assign(static_cast<std::size_t>(size), value);
    member(record_) = array.data();
    arrays_.emplace_back(member, &array);
}

model::Record Staging::prepare(std::int64_t first, std::int64_t count) {
    first_ = first;
    count_ = count;
    issued_ = 0;
    record_ = {};
    record_.first = first;
    record_.stride = capacity_;
    record_.curve_count = curve_count_;
    record_.issued = &issued_;
    arrays_.clear();
    using R = model::Record;
    place([](R& r) -> double*& { return r.passage; }, passage_, thresholds_* capacity_, nan);
    place([](R& r) -> double*& { return r.leader; }, leader_, capacity_);
    place([](R& r) -> double*& { return r.winner; }, winner_, capacity_);
    place([](R& r) -> double*& { return r.status; }, status_, capacity_);
    place([](R& r) -> double*& { return r.steps; }, steps_, capacity_);
    place([](R& r) -> double*& { return r.rejected; }, rejected_, capacity_);
    place([](R& r) -> double*& { return r.stopped_before; }, stopped_before_, capacity_);
    place_states();
    if (parameters_.monitored != 0) place_monitor();
    last_.resize(static_cast<std::size_t>(
        problem_.config.record.replica_table ? model::observable_count * capacity_ : 0));
    state_clocks_.resize(static_cast<std::size_t>(2 * checkpoints_ * state_count_));
    return record_;
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
    for (std::int64_t r = begin; r < end; ++r) {
        block.status.push_back(static_cast<Status>(status_[r]));
        block.steps.push_back(static_cast<std::int64_t>(steps_[r]));
        block.rejected_steps.push_back(static_cast<std::int64_t>(rejected_[r]));
        block.stopped_before.push_back(static_cast<std::int32_t>(stopped_before_[r]));
        block.useful_steps += block.steps.back() + block.rejected_steps.back();
        block.initial_leader.push_back(static_cast<std::int32_t>(leader_[r]));
        block.winner.push_back(static_cast<std::int32_t>(winner_[r]));
        for (int t = 0; t < thresholds_; ++t)
            block.first_passage.push_back(passage_[t * capacity_ + r]);
        if (problem_.config.record.replica_table)
            for (int o = 0; o < model::observable_count; ++o)
                block.final_observables.push_back(last_[o * capacity_ + r]);
    }
    copy_states(block);
    if (parameters_.monitored != 0) copy_monitor(block, begin);
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
    auto to = state_clocks_.begin();
    for (const auto clock : {model::Observable::arc, model::Observable::log_time})
        for (int c = 0; c < checkpoints_; ++c)
            to = std::copy_n(row(static_cast<int>(clock), c), state_count_, to);
}

/// What claims are told of every replica: model/claims/monitor.hpp.
void Staging::place_monitor() {
    const std::int64_t claims = model::MonitoredClaims::size;
    using R = model::Record;
    place([](R& r) -> double*& { return r.traits; }, traits_, capacity_);
    place([](R& r) -> double*& { return r.margin; }, margin_, claims* capacity_, infinity);
    place([](R& r) -> double*& { return r.margin_clock; }, margin_clock_, claims* capacity_, nan);
    place([](R& r) -> double*& { return r.increment; }, increment_, claims* capacity_);
}

void Staging::copy_monitor(BlockResult& block, std::int64_t begin) const {
    const std::int64_t count = block.count;
    block.monitor.traits.assign(traits_.begin() + begin, traits_.begin() + begin + count);
    for (std::int64_t c = 0; c < model::MonitoredClaims::size; ++c) {
        const auto append = [&](Array& to, const Array& from) {
            const auto row = from.begin() + c * capacity_ + begin;
            to.insert(to.end(), row, row + count);
        };
        append(block.monitor.margin, margin_);
        append(block.monitor.clock, margin_clock_);
        append(block.monitor.increment, increment_);
    }
}

double* Staging::row(int curve, int checkpoint) {
    return &curves_[(static_cast<std::size_t>(checkpoint) * curve_count_ + curve) * capacity_];
}

void Staging::reduce_curves(BlockResult& block) {
    kernels::Reduction r;
    r.curves = curves_.data();
    r.stride = capacity_;
    r.status = status_.data();
    r.edges = problem_.edges.data();
    r.replicas = static_cast<int>(count_);
    r.curve_count = curve_count_;
    r.checkpoints = checkpoints_;
    r.bins = static_cast<int>(problem_.config.record.bins);
    r.items = static_cast<long long>(curve_count_) * checkpoints_;
    block.moments.resize(static_cast<std::size_t>(r.items));
    block.counts.assign(block.moments.size() * r.bins, 0);
    r.counts = block.counts.data();
    const auto take = [&](int place, const BlockMoments& m) { block.moments[place] = m; };
    for (long long i = 0; i < r.items; ++i)
        kernels::reduce_item(r, i, model::Solo{}, take, [](unsigned& counter) { ++counter; });
}

void Staging::place_states() {
    const std::int64_t wanted = problem_.config.record.states - first_;
    state_count_ = std::clamp<std::int64_t>(wanted, 0, count_);
    record_.state_count = state_count_;
    const std::int64_t n = problem_.config.model.tokens, m = problem_.outputs;
    const std::int64_t states = state_count_, per_token = states * checkpoints_ * n;
    using R = model::Record;
    place([](R& r) -> double*& { return r.logits; }, logits_, per_token);
    place([](R& r) -> double*& { return r.probability; }, probability_, per_token);
    place([](R& r) -> double*& { return r.values; }, values_, per_token* m);
    if (memories_ > 0) {
        place([](R& r) -> double*& { return r.memory_logits[0]; }, memory_logits_[0], per_token);
        place([](R& r) -> double*& { return r.memory_values[0]; }, memory_values_[0], per_token* m);
    }
    if (memories_ > 1) {
        place([](R& r) -> double*& { return r.memory_logits[1]; }, memory_logits_[1], per_token);
        place([](R& r) -> double*& { return r.memory_values[1]; }, memory_values_[1], per_token* m);
    }
    if (parameters_.flow) {
        place([](R& r) -> double*& { return r.clock; }, clock_, states* checkpoints_);
        place([](R& r) -> double*& { return r.step_size; }, step_size_, states* checkpoints_);
        place([](R& r) -> double*& { return r.controller; }, controller_,
              2 * states * checkpoints_);
    }
    place([](R& r) -> double*& { return r.metric; }, metric_, states* m* m);
    place([](R& r) -> double*& { return r.ranks; }, ranks_, states* n);
    place([](R& r) -> double*& { return r.response; }, response_, states* m);
    place([](R& r) -> double*& { return r.floor; }, floor_, states);
}

void Staging::copy_states(BlockResult& block) const {
    const auto slice = [&](const std::vector<double>& array, std::int64_t r) {
        const auto size = static_cast<std::ptrdiff_t>(array.size()) / state_count_;
        return std::vector<double>(array.begin() + r * size, array.begin() + (r + 1) * size);
    };
    const std::int64_t begin = block.first - first_;
    const std::int64_t end = std::min(begin + block.count, state_count_);
    for (std::int64_t r = begin; r < end; ++r) {
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
            state.arc.push_back(state_clocks_[c * state_count_ + r]);
            state.log_time.push_back(state_clocks_[(checkpoints_ + c) * state_count_ + r]);
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
