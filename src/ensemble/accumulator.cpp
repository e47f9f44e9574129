#include "ensemble/accumulator.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <string>

#include "ensemble/edges.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/numerics/merged_moments.hpp"
#include "stats/histogram.hpp"
#include "stats/proportion.hpp"
#include "stats/special_values.hpp"

namespace softmaxflow {
namespace {

/// The smaller (larger) so far, with -0 taken as +0: otherwise the order of arrival would show.
void widen(double& min, double& max, double low, double high) {
    min = std::min(min, low + 0.0);
    max = std::max(max, high + 0.0);
}

template <class T>
void add_elementwise(std::vector<std::uint64_t>& sums, const std::vector<T>& terms) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += terms[i];
}

void add_pair(ExactSum& sum, DoubleDouble pair) {
    sum.add(pair.high);
    sum.add(pair.low);
}

/// Of first passages: integers in descent, where small ones are to have a bin each.
std::vector<double> passage_grid(const Problem& problem) {
    const double start = problem.checkpoints.front(), end = problem.checkpoints.back();
    if (is_flow(problem.config)) return flow_passage_edges(start, end);
    return passage_edges(static_cast<std::int64_t>(start), static_cast<std::int64_t>(end));
}

template <class T>
void append(std::vector<T>& all, const std::vector<T>& part) {
    all.insert(all.end(), part.begin(), part.end());
}

}  // namespace

CellAccumulator::CellAccumulator(const Problem& problem)
    : checkpoints_(static_cast<std::int64_t>(problem.checkpoints.size())),
      bins_(problem.config.record.bins),
      keep_table_(problem.config.record.replica_table),
      passage_grain_(is_flow(problem.config) ? 0.0 : 1.0),
      thresholds_(problem.config.record.thresholds),
      edges_(problem.edges),
      passage_edges_(passage_grid(problem)),
      cells_(problem.curves() * checkpoints_, Cell{{}, {}, infinity, -infinity}),
      counts_(cells_.size() * bins_),
      passages_(thresholds_.size(), Passage{std::vector<std::uint64_t>(passage_edges_.size() - 1),
                                            infinity, -infinity}),
      newly_stopped_(checkpoints_) {}

void CellAccumulator::add(BlockResult&& block) {
    require_shape(block);
    add_moments(block);
    if (!block.counts.empty()) add_elementwise(counts_, block.counts);
    add_replicas(block);
    issued_steps_ += block.issued_steps;
    useful_steps_ += block.useful_steps;
    for (auto& state : block.states) states_.insert_or_assign(state.replica, std::move(state));
    if (keep_table_) {
        BlockResult& rows = rows_[block.first] = std::move(block);
        rows.moments = {};
        rows.merged_moments = {};
        rows.counts = {};
        rows.states = {};
    }
}

void CellAccumulator::add_moments(const BlockResult& block) {
    for (std::size_t i = 0; i < block.moments.size(); ++i) {
        const BlockMoments& moments = block.moments[i];
        add_pair(cells_[i].sum, moments.sum);
        add_pair(cells_[i].sum_of_squares, moments.sum_of_squares);
        widen(cells_[i].min, cells_[i].max, moments.min, moments.max);
        cells_[i].finite += moments.finite;
    }
    for (std::size_t i = 0; i < block.merged_moments.size(); ++i) {
        const MergedMoments& moments = block.merged_moments[i];
        cells_[i].sum.add(moments.sum);
        cells_[i].sum_of_squares.add(moments.sum_of_squares);
        widen(cells_[i].min, cells_[i].max, model::from_ordered(moments.min),
              model::from_ordered(moments.max));
        cells_[i].finite += moments.finite;
    }
}

void CellAccumulator::require_shape(const BlockResult& block) const {
    const auto count = static_cast<std::size_t>(block.count);
    const std::size_t table = keep_table_ ? count * model::observable_count : 0;
    const auto none_or = [](const auto& array, std::size_t size) {
        return array.empty() || array.size() == size;
    };
    if (!none_or(block.moments, cells_.size()) || !none_or(block.merged_moments, cells_.size()) ||
        !none_or(block.counts, counts_.size()) || block.status.size() != count ||
        block.initial_leader.size() != count || block.winner.size() != count ||
        block.steps.size() != count || block.rejected_steps.size() != count ||
        block.stopped_before.size() != count ||
        block.first_passage.size() != count * thresholds_.size() ||
        block.final_observables.size() < table)
        throw Error(Exit::internal, "the block of replicas from " + std::to_string(block.first) +
                                        " does not have the shape of its problem");
}

void CellAccumulator::add_replicas(const BlockResult& block) {
    total_ += block.count;
    for (std::int64_t i = 0; i < block.count; ++i) {
        if (!is_ok(block.status[i])) {
            add_failure({block.first + i, block.status[i]});
            continue;
        }
        ok_ += 1;
        converged_ += block.status[i] == Status::converged ? 1 : 0;
        stopped_early_ += block.status[i] == Status::stopped_early ? 1 : 0;
        if (block.stopped_before[i] < checkpoints_) newly_stopped_.at(block.stopped_before[i]) += 1;
        leader_won_ += block.winner[i] == block.initial_leader[i] ? 1 : 0;
        for (std::size_t t = 0; t < thresholds_.size(); ++t)
            add_passage(passages_[t], block.first_passage[i * thresholds_.size() + t]);
    }
}

void CellAccumulator::add_failure(Failure failure) {
    const auto earlier = [](const Failure& a, const Failure& b) { return a.replica < b.replica; };
    failures_.insert(std::upper_bound(failures_.begin(), failures_.end(), failure, earlier),
                     failure);
    if (failures_.size() > failures_kept) failures_.pop_back();
}

void CellAccumulator::add_passage(Passage& passage, double clock) const {
    if (std::isnan(clock)) return;
    const int bins = static_cast<int>(passage.counts.size());
    passage.counts[model::bin_of(clock, passage_edges_.data(), bins)] += 1;
    widen(passage.min, passage.max, clock, clock);
    passage.reached += 1;
}

void CellAccumulator::merge(CellAccumulator&& other) {
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        cells_[i].sum.merge(other.cells_[i].sum);
        cells_[i].sum_of_squares.merge(other.cells_[i].sum_of_squares);
        widen(cells_[i].min, cells_[i].max, other.cells_[i].min, other.cells_[i].max);
        cells_[i].finite += other.cells_[i].finite;
    }
    add_elementwise(counts_, other.counts_);
    for (std::size_t t = 0; t < passages_.size(); ++t) {
        add_elementwise(passages_[t].counts, other.passages_[t].counts);
        widen(passages_[t].min, passages_[t].max, other.passages_[t].min, other.passages_[t].max);
        passages_[t].reached += other.passages_[t].reached;
    }
    total_ += other.total_;
    ok_ += other.ok_;
    leader_won_ += other.leader_won_;
    converged_ += other.converged_;
    stopped_early_ += other.stopped_early_;
    for (std::int64_t c = 0; c < checkpoints_; ++c) newly_stopped_[c] += other.newly_stopped_[c];
    issued_steps_ += other.issued_steps_;
    useful_steps_ += other.useful_steps_;
    for (const Failure& failure : other.failures_) add_failure(failure);
    rows_.merge(other.rows_);
    states_.merge(other.states_);
}

CellResult CellAccumulator::finish() const {
    CellResult result;
    result.n_total = total_;
    result.n_ok = ok_;
    result.n_failed = total_ - ok_;
    result.n_converged = converged_;
    result.n_stopped_early = stopped_early_;
    std::partial_sum(newly_stopped_.begin(), newly_stopped_.end(),
                     std::back_inserter(result.n_stopped));
    result.issued_steps = issued_steps_;
    result.useful_steps = useful_steps_;
    const auto curves = static_cast<std::int64_t>(cells_.size()) / checkpoints_;
    for (std::int64_t i = 0; i < curves; ++i) result.observables.push_back(curve_result(i));
    for (std::size_t t = 0; t < thresholds_.size(); ++t)
        result.passages.push_back(passage_result(static_cast<std::int64_t>(t)));
    result.winner_is_leader = clopper_pearson(leader_won_, ok_);
    if (keep_table_) result.table = table();
    for (const auto& [replica, state] : states_) result.states.push_back(state);
    result.failures = failures_;
    return result;
}

ObservableResult CellAccumulator::curve_result(std::int64_t curve) const {
    ObservableResult result;
    const double* edges = edges_.data() + curve * (bins_ + 1);
    result.edge.assign(edges, edges + bins_ + 1);
    for (std::int64_t c = curve * checkpoints_; c < (curve + 1) * checkpoints_; ++c) {
        const Cell& cell = cells_[c];
        const bool any = cell.finite > 0;
        SampleMoments moments = sample_moments(cell.sum, cell.sum_of_squares, cell.finite);
        // Constant data is known to be constant; squares are rounded and would leave a trace.
        if (any && cell.min == cell.max) moments.mean = cell.min;
        if (cell.finite > 1 && cell.min == cell.max) moments.std = moments.sem = 0.0;
        result.mean.push_back(moments.mean);
        result.std.push_back(moments.std);
        result.sem.push_back(moments.sem);
        result.min.push_back(any ? cell.min : nan);
        result.max.push_back(any ? cell.max : nan);
        result.undefined.push_back(ok_ - cell.finite);

        const std::span counts(counts_.data() + c * bins_, bins_);
        result.count.insert(result.count.end(), counts.begin(), counts.end());
        for (const double level : quantile_levels) {
            const Quantile quantile =
                histogram_quantile({counts, result.edge, cell.min, cell.max}, level);
            result.quantile.push_back(quantile.value);
            result.resolution.push_back(quantile.resolution);
        }
    }
    return result;
}

PassageResult CellAccumulator::passage_result(std::int64_t threshold) const {
    const Passage& passage = passages_[threshold];
    const auto never = static_cast<std::uint64_t>(ok_ - passage.reached);
    PassageResult result{thresholds_[threshold], passage.reached, {}, {}};
    for (const double level : quantile_levels) {
        const Quantile quantile = histogram_quantile(
            {passage.counts, passage_edges_, passage.min, passage.max, never, passage_grain_},
            level);
        result.quantile.push_back(quantile.value);
        result.resolution.push_back(quantile.resolution);
    }
    return result;
}

ReplicaTable CellAccumulator::table() const {
    ReplicaTable table;
    table.observables.reserve(model::observable_count * total_);
    for (const auto& [first, rows] : rows_) {
        append(table.initial_leader, rows.initial_leader);
        append(table.winner, rows.winner);
        append(table.first_passage, rows.first_passage);
        append(table.status, rows.status);
        append(table.steps, rows.steps);
        append(table.rejected_steps, rows.rejected_steps);
    }
    for (std::int64_t observable = 0; observable < model::observable_count; ++observable)
        for (const auto& [first, rows] : rows_)
            for (std::int64_t i = 0; i < rows.count; ++i)
                table.observables.push_back(
                    rows.final_observables[i * model::observable_count + observable]);

    const auto replicas = table.status.size(), thresholds = thresholds_.size();
    for (std::size_t i = 0; i < replicas; ++i) {
        if (is_ok(table.status[i])) continue;
        table.initial_leader[i] = table.winner[i] = -1;
        table.steps[i] = table.rejected_steps[i] = -1;
        std::fill_n(table.first_passage.begin() + i * thresholds, thresholds, nan);
        for (int o = 0; o < model::observable_count; ++o) table.observables[o * replicas + i] = nan;
    }
    return table;
}

std::size_t CellAccumulator::bytes() const {
    const auto held = [](const auto& v) { return v.capacity() * sizeof(v[0]); };
    std::size_t sum = sizeof *this + held(edges_) + held(passage_edges_) + held(thresholds_) +
                      held(cells_) + held(counts_) + held(passages_) + held(failures_) +
                      held(newly_stopped_);
    for (const auto& passage : passages_) sum += held(passage.counts);
    for (const auto& [first, rows] : rows_)
        sum += sizeof rows + held(rows.initial_leader) + held(rows.winner) + held(rows.status) +
               held(rows.first_passage) + held(rows.final_observables) + held(rows.steps) +
               held(rows.rejected_steps) + held(rows.stopped_before);
    return sum;
}

}  // namespace softmaxflow
