#include "softmaxflow/ensemble.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "ensemble/accumulator.hpp"
#include "fake_backend.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::test {
namespace {

using Doubles = std::vector<double>;

Problem small_problem(std::int64_t replicas = 5000) {
    Config config;
    config.ensemble.seed = 1;
    config.ensemble.replicas = replicas;
    config.dynamics.iterations = 10'000;
    config.record.checkpoint_count = 3;
    config.record.bins = 64;
    config.record.states = 300;
    return make_problem(config, {}, {}, 1);
}

Problem ranked_problem(std::int64_t replicas) {
    Config config = small_problem(replicas).config;
    config.record.ranked = true;
    return make_problem(config, {}, {}, 1);
}

// Of every vector by its bits, NaN included.
template <class T>
void expect_same(const std::vector<T>& a, const std::vector<T>& b) {
    ASSERT_EQ(a.size(), b.size());
    if (!a.empty()) {
        EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(T)), 0);
    }
}

void expect_same(const CellResult& a, const CellResult& b) {
    EXPECT_EQ(a.n_total, b.n_total);
    EXPECT_EQ(a.n_ok, b.n_ok);
    EXPECT_EQ(a.n_failed, b.n_failed);
    expect_same(a.n_stopped, b.n_stopped);
    EXPECT_EQ(a.n_converged, b.n_converged);
    EXPECT_EQ(a.n_stopped_early, b.n_stopped_early);
    EXPECT_EQ(a.issued_steps, b.issued_steps);
    EXPECT_EQ(a.useful_steps, b.useful_steps);
    ASSERT_EQ(a.observables.size(), b.observables.size());
    for (std::size_t o = 0; o < a.observables.size(); ++o) {
        const ObservableResult &x = a.observables[o], &y = b.observables[o];
        for (const auto member :
             {&ObservableResult::mean, &ObservableResult::std, &ObservableResult::sem,
              &ObservableResult::min, &ObservableResult::max, &ObservableResult::quantile,
              &ObservableResult::resolution, &ObservableResult::edge})
            expect_same(x.*member, y.*member);
        expect_same(x.count, y.count);
        expect_same(x.undefined, y.undefined);
    }
    ASSERT_EQ(a.passages.size(), b.passages.size());
    for (std::size_t t = 0; t < a.passages.size(); ++t) {
        EXPECT_EQ(a.passages[t].threshold, b.passages[t].threshold);
        EXPECT_EQ(a.passages[t].count, b.passages[t].count);
        expect_same(a.passages[t].quantile, b.passages[t].quantile);
        expect_same(a.passages[t].resolution, b.passages[t].resolution);
    }
    EXPECT_EQ(a.winner_is_leader.k, b.winner_is_leader.k);
    EXPECT_EQ(a.winner_is_leader.low, b.winner_is_leader.low);
    EXPECT_EQ(a.winner_is_leader.high, b.winner_is_leader.high);
    expect_same(a.table.initial_leader, b.table.initial_leader);
    expect_same(a.table.winner, b.table.winner);
    expect_same(a.table.first_passage, b.table.first_passage);
    expect_same(a.table.steps, b.table.steps);
    expect_same(a.table.rejected_steps, b.table.rejected_steps);
    expect_same(a.table.status, b.table.status);
    expect_same(a.table.observables, b.table.observables);
    ASSERT_EQ(a.states.size(), b.states.size());
    for (std::size_t i = 0; i < a.states.size(); ++i) {
        EXPECT_EQ(a.states[i].replica, b.states[i].replica);
        expect_same(a.states[i].logits, b.states[i].logits);
    }
    ASSERT_EQ(a.failures.size(), b.failures.size());
    for (std::size_t i = 0; i < a.failures.size(); ++i) {
        EXPECT_EQ(a.failures[i].replica, b.failures[i].replica);
        EXPECT_EQ(a.failures[i].status, b.failures[i].status);
    }
}

CellResult run(const Problem& problem, FakeBackend& backend) {
    return run_ensemble(problem, backend, {});
}

Error error_of(const Problem& problem, FakeBackend& backend, const Progress& progress = {}) {
    try {
        run_ensemble(problem, backend, progress);
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "no error";
    return {Exit::done, ""};
}

TEST(Ensemble, DoesNotDependOnTheOrderOfBlocks) {
    const Problem problem = small_problem();
    FakeBackend backend;
    const CellResult in_order = run(problem, backend);
    for (backend.delivery_seed = 1; backend.delivery_seed < 6; ++backend.delivery_seed)
        expect_same(run(problem, backend), in_order);
}

TEST(Ensemble, MergesPartsToTheWhole) {
    const Problem problem = ranked_problem(5000);
    FakeBackend backend;
    const CellResult whole = run(problem, backend);
    std::mt19937_64 random(3);
    for (const std::size_t parts : {2, 3, 7}) {
        std::vector<CellAccumulator> partial(parts, CellAccumulator(problem));
        backend.delivery_seed = parts;
        backend.run(
            problem, {0, 5000},
            [&](BlockResult&& block) { partial[random() % parts].add(std::move(block)); },
            [](std::int64_t) { return true; });
        while (partial.size() > 1) {
            std::shuffle(partial.begin(), partial.end(), random);
            CellAccumulator last = std::move(partial.back());
            partial.pop_back();
            partial.back().merge(std::move(last));
        }
        expect_same(partial[0].finish(), whole);
    }
}

// The finite values of the ok replicas, sorted.
Doubles values_of(const FakeBackend& backend, std::int64_t replicas, int observable,
                  std::int64_t checkpoint) {
    Doubles values;
    for (std::int64_t r = 0; r < replicas; ++r) {
        const double value = backend.value(r, observable, checkpoint);
        if (is_ok(backend.status(r)) && std::isfinite(value)) values.push_back(value);
    }
    std::sort(values.begin(), values.end());
    return values;
}

double interpolated(const Doubles& sorted, double p) {
    const double position = static_cast<double>(sorted.size() - 1) * p;
    const auto rank = static_cast<std::size_t>(position);
    const double weight = position - static_cast<double>(rank);
    return weight == 0.0 ? sorted[rank] : std::lerp(sorted[rank], sorted[rank + 1], weight);
}

// Of the observables and, behind them, of the ranked curves.
TEST(Ensemble, AgreesWithStatisticsOfAllValues) {
    const std::int64_t replicas = 1000, checkpoints = 3, bins = 64;
    const Problem problem = ranked_problem(replicas);
    const int curves = model::observable_count + 3 * 8;
    FakeBackend backend;
    const CellResult result = run(problem, backend);
    ASSERT_EQ(result.observables.size(), static_cast<std::size_t>(curves));
    for (int o = 0; o < curves; ++o)
        for (std::int64_t c = 0; c < checkpoints; ++c) {
            const ObservableResult& x = result.observables[o];
            const Doubles values = values_of(backend, replicas, o, c);
            const auto n = static_cast<double>(values.size());
            long double sum = 0, scatter = 0;
            for (const double value : values) sum += value;
            for (const double value : values) scatter += (value - sum / n) * (value - sum / n);
            const auto std = static_cast<double>(std::sqrt(scatter / (n - 1)));
            EXPECT_NEAR(x.mean[c], static_cast<double>(sum / n), 1e-15 * std);
            EXPECT_NEAR(x.std[c], std, 1e-14 * std);
            EXPECT_NEAR(x.sem[c], std / std::sqrt(n), 1e-14 * std);
            EXPECT_EQ(x.min[c], values.front());
            EXPECT_EQ(x.max[c], values.back());
            EXPECT_EQ(x.undefined[c], result.n_ok - static_cast<std::int64_t>(values.size()));
            std::int64_t counted = 0;
            for (std::int64_t b = 0; b < bins; ++b) counted += x.count[c * bins + b];
            EXPECT_EQ(counted, static_cast<std::int64_t>(values.size()));
            for (int q = 0; q < quantile_count; ++q)
                EXPECT_LE(std::abs(x.quantile[c * quantile_count + q] -
                                   interpolated(values, quantile_levels[q])),
                          x.resolution[c * quantile_count + q] + 1e-12)
                    << "curve " << o << ' ' << quantile_levels[q];
        }
}

TEST(Ensemble, KeepsFailedReplicasOutAndInSight) {
    const Problem problem = small_problem();
    FakeBackend backend;
    const CellResult result = run(problem, backend);
    std::vector<Failure> failures;
    std::int64_t won = 0;
    for (std::int64_t r = 0; r < 5000; ++r) {
        if (!is_ok(backend.status(r)))
            failures.push_back({r, backend.status(r)});
        else
            won += backend.winner(r) == backend.leader(r);
    }
    ASSERT_GT(failures.size(), 150u);
    EXPECT_EQ(result.n_total, 5000);
    EXPECT_EQ(result.n_failed, static_cast<std::int64_t>(failures.size()));
    EXPECT_EQ(result.n_ok, 5000 - result.n_failed);
    EXPECT_EQ(result.winner_is_leader.k, won);
    EXPECT_EQ(result.winner_is_leader.n, result.n_ok);
    ASSERT_EQ(result.failures.size(), CellAccumulator::failures_kept);
    for (std::size_t i = 0; i < result.failures.size(); ++i) {
        EXPECT_EQ(result.failures[i].replica, failures[i].replica);
        EXPECT_EQ(result.failures[i].status, failures[i].status);
    }
    for (const ObservableResult& x : result.observables) EXPECT_LT(x.max.back(), 1e300);

    const std::int64_t failed = failures.front().replica, ok = failed == 0 ? 1 : 0;
    EXPECT_EQ(result.table.status[failed], backend.status(failed));
    EXPECT_EQ(result.table.winner[failed], -1);
    EXPECT_EQ(result.table.steps[failed], -1);
    EXPECT_TRUE(std::isnan(result.table.first_passage[failed * 3]));
    EXPECT_TRUE(std::isnan(result.table.observables[failed]));
    EXPECT_EQ(result.table.winner[ok], backend.winner(ok));
    EXPECT_EQ(result.table.steps[ok], FakeBackend::steps(ok));
    EXPECT_EQ(result.table.rejected_steps[ok], ok % 7);
    EXPECT_EQ(result.table.rejected_steps[failed], -1);
    EXPECT_EQ(result.table.observables[4 * 5000 + ok], backend.value(ok, 4, 2));
}

TEST(Ensemble, FirstPassagesAreQuantilesOverAllOkReplicas) {
    const Problem problem = small_problem();
    FakeBackend backend;
    const CellResult result = run(problem, backend);
    for (std::size_t t = 0; t < 3; ++t) {
        Doubles times;
        std::int64_t reached = 0;
        for (std::int64_t r = 0; r < 5000; ++r) {
            if (!is_ok(backend.status(r))) continue;
            const double time = backend.passage(r, t, 10'000);
            reached += !std::isnan(time);
            times.push_back(std::isnan(time) ? std::numeric_limits<double>::infinity() : time);
        }
        std::sort(times.begin(), times.end());
        const PassageResult& passage = result.passages[t];
        EXPECT_EQ(passage.count, reached);
        for (int q = 0; q < quantile_count; ++q) {
            const double truth = interpolated(times, quantile_levels[q]);
            if (std::isinf(truth)) {
                EXPECT_EQ(passage.quantile[q], truth);
            } else {
                EXPECT_LE(std::abs(passage.quantile[q] - truth), passage.resolution[q] + 1e-9);
                EXPECT_LE(passage.resolution[q], 0.0025 * truth);
            }
        }
    }
    EXPECT_TRUE(std::isinf(result.passages[2].quantile[6]));
    EXPECT_EQ(result.passages[0].resolution[0], 0.0);  // iteration 1, exactly
}

// A restart counts iterations from the original start; so do the times of its passages.
TEST(Ensemble, PassagesOfARestart) {
    Problem problem = small_problem(3);
    problem.checkpoints = {9'000, 9'500, 10'000};
    FakeBackend backend;
    BlockResult block = backend.block(problem, 0);
    std::fill(block.status.begin(), block.status.end(), Status::ok);
    block.first_passage = {9'000, 9'001, nan, 9'002, 9'600, nan, 9'004, nan, nan};
    CellAccumulator cell(problem);
    cell.add(std::move(block));
    const CellResult result = cell.finish();
    EXPECT_EQ(result.passages[0].count, 3);
    EXPECT_EQ(result.passages[0].quantile[3], 9'002);
    EXPECT_EQ(result.passages[0].resolution[3], 0.0);
    EXPECT_EQ(result.passages[1].count, 2);
    EXPECT_NEAR(result.passages[1].quantile[3], 9'600, result.passages[1].resolution[3]);
    EXPECT_LE(result.passages[1].resolution[3], 3.0);
}

// Of the replicas that are ok; from the checkpoint on at which they carry their last state.
TEST(Ensemble, CountsReplicasThatStopped) {
    const Problem problem = small_problem();
    FakeBackend backend;
    backend.stopping = 0.4;
    const CellResult result = run(problem, backend);
    std::int64_t converged = 0, early = 0, useful = 0;
    std::vector<std::int64_t> stopped(3);
    for (std::int64_t r = 0; r < 5000; ++r) {
        converged += backend.status(r) == Status::converged;
        early += backend.status(r) == Status::stopped_early;
        useful += FakeBackend::steps(r) + r % 7;
        for (int c = 0; c < 3; ++c) stopped[c] += backend.stopped_before(r, 3) <= c;
    }
    EXPECT_GT(stopped[1], 100);
    EXPECT_GT(stopped[2], stopped[1]);
    EXPECT_LT(stopped[2], converged + early);  // some stopped after the last checkpoint but one
    EXPECT_EQ(result.n_stopped, stopped);
    EXPECT_EQ(result.n_converged, converged);
    EXPECT_EQ(result.n_stopped_early, early);
    EXPECT_EQ(result.useful_steps, useful);
    EXPECT_GT(result.n_failed, 0);
}

TEST(Ensemble, PassagesOfAFlowAreNotWhole) {
    Config config = small_problem(3).config;
    config.dynamics.method = "flow";
    config.dynamics.horizon = 50.0;
    const Problem problem = make_problem(config, {}, {}, 1);
    FakeBackend backend;
    backend.with_failures = false;
    BlockResult block = backend.block(problem, 0);
    block.first_passage = {0.031, nan, 0.0, 0.0625, 7.5, 50.0, 0.11, 49.999, nan};
    CellAccumulator cell(problem);
    cell.add(std::move(block));
    const CellResult result = cell.finish();
    const double medians[] = {0.0625, 49.999, 50.0};
    for (const int t : {0, 1, 2}) {
        const PassageResult& passage = result.passages[t];
        EXPECT_EQ(passage.count, t == 0 ? 3 : 2);
        EXPECT_NEAR(passage.quantile[3], medians[t], passage.resolution[3]);
        EXPECT_LE(passage.resolution[3], 0.006 * medians[t]);
    }
}

// One block in which observable 0 at checkpoint 0 has these values.
ObservableResult observable_of(const Doubles& values) {
    const auto count = static_cast<int>(values.size());
    const Problem problem = small_problem(count);
    FakeBackend backend;
    backend.with_failures = false;
    BlockResult block = backend.block(problem, 0);
    block.moments[0] = model::block_moments<block_size>(values.data(), count);
    CellAccumulator cell(problem);
    cell.add(std::move(block));
    return cell.finish().observables[0];
}

TEST(Ensemble, ConstantObservablesHaveNoSpread) {
    const ObservableResult constant = observable_of(Doubles(60, 0.1));  // squares are rounded
    EXPECT_EQ(constant.mean[0], 0.1);
    EXPECT_EQ(constant.std[0], 0.0);
    EXPECT_EQ(constant.sem[0], 0.0);
}

TEST(Ensemble, NearlyConstantObservablesHaveTheirSpread) {
    Doubles values(60);
    long double scatter = 0;
    for (int i = 0; i < 60; ++i) values[i] = 1.0 + (i % 2 == 0 ? 1 : -1) * 0x1p-40;
    for (const double value : values) scatter += (value - 1.0L) * (value - 1.0L);
    const auto std = static_cast<double>(std::sqrt(scatter / 59));
    EXPECT_NEAR(observable_of(values).std[0] / std, 1.0, 1e-6);
}

TEST(Ensemble, ZeroHasNoSign) {
    const Problem problem = small_problem(2 * block_size);
    FakeBackend backend;
    for (const double first : {0.0, -0.0}) {
        CellAccumulator cell(problem);
        for (const std::int64_t start : {0, block_size}) {
            BlockResult block = backend.block(problem, start);
            block.moments[0].min = block.moments[0].max = start == 0 ? first : -first;
            cell.add(std::move(block));
        }
        const CellResult result = cell.finish();
        EXPECT_FALSE(std::signbit(result.observables[0].min[0]));
        EXPECT_FALSE(std::signbit(result.observables[0].max[0]));
    }
}

TEST(Ensemble, StatesAreSortedByReplica) {
    const Problem problem = small_problem();
    FakeBackend backend;
    backend.delivery_seed = 4;
    const CellResult result = run(problem, backend);
    ASSERT_EQ(result.states.size(), 300u);
    for (std::int64_t r = 0; r < 300; ++r) EXPECT_EQ(result.states[r].replica, r);
}

TEST(Ensemble, AllReplicasMayFail) {
    const Problem problem = small_problem(3);
    FakeBackend backend;
    BlockResult block = backend.block(problem, 0);
    for (auto& moments : block.moments) moments = {};
    std::fill(block.counts.begin(), block.counts.end(), 0u);
    std::fill(block.status.begin(), block.status.end(), Status::non_finite);
    CellAccumulator cell(problem);
    cell.add(std::move(block));
    const CellResult result = cell.finish();
    EXPECT_EQ(result.n_ok, 0);
    EXPECT_TRUE(std::isnan(result.observables[0].mean[0]));
    EXPECT_TRUE(std::isnan(result.observables[0].min[0]));
    EXPECT_TRUE(std::isnan(result.observables[0].quantile[0]));
    EXPECT_TRUE(std::isnan(result.winner_is_leader.share));
    EXPECT_TRUE(std::isnan(result.passages[0].quantile[0]));
}

TEST(Ensemble, NoticesWhatABackendGetsWrong) {
    const Problem problem = small_problem();
    FakeBackend backend;
    backend.refusal = "too large";
    EXPECT_EQ(error_of(problem, backend).status(), Exit::usage);
    EXPECT_NE(std::string(error_of(problem, backend).what()).find("too large"), std::string::npos);
    backend.refusal = "";
    backend.blocks_left_out = 1;
    EXPECT_EQ(error_of(problem, backend).status(), Exit::internal);
    backend.blocks_left_out = 0;
    EXPECT_EQ(error_of(problem, backend, [](std::int64_t) { return false; }).status(),
              Exit::stopped);

    CellAccumulator cell(problem);
    BlockResult block = backend.block(problem, 0);
    block.counts.pop_back();
    EXPECT_THROW(cell.add(std::move(block)), Error);
    for (const auto member : {&BlockResult::steps, &BlockResult::rejected_steps}) {
        block = backend.block(problem, 0);
        (block.*member).pop_back();
        EXPECT_THROW(cell.add(std::move(block)), Error);
    }
    block = backend.block(problem, 0);
    block.stopped_before.pop_back();
    EXPECT_THROW(cell.add(std::move(block)), Error);
}

TEST(Ensemble, MemoryDoesNotDependOnReplicasWithoutTables) {
    Problem problem = small_problem(1'000'000);
    problem.config.record.replica_table = false;
    problem.config.record.states = 0;
    FakeBackend backend;
    BlockResult block = backend.block(problem, 0);
    CellAccumulator cell(problem);
    std::size_t early = 0;
    for (std::int64_t first = 0; first < 1'000'000 - block_size; first += block_size) {
        BlockResult next = block;
        next.first = first;
        cell.add(std::move(next));
        if (first == 20 * block_size) early = cell.bytes();
    }
    EXPECT_GE(cell.replicas(), 999'000);
    EXPECT_GT(cell.finish().n_failed, 10'000);
    EXPECT_EQ(cell.bytes(), early);
    EXPECT_LT(cell.bytes(), 2u << 20);

    problem.config.record.replica_table = true;  // the measure sees tables where they are kept
    CellAccumulator with_table(problem);
    const std::size_t empty = with_table.bytes();
    with_table.add(backend.block(problem, 0));
    EXPECT_GT(with_table.bytes(), empty + block_size * model::observable_count * sizeof(double));
}

}  // namespace
}  // namespace softmaxflow::test
