#pragma once
/// Runs replicas through replica.hpp on any Real and any Team and returns every word it wrote, so
/// that tests can compare them for equality.

#include <barrier>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "softmaxflow/model/pack.hpp"
#include "softmaxflow/model/replica.hpp"

namespace fixture {

namespace model = softmaxflow::model;

/// A small problem for any loss. n = 11 fills no team size evenly.
struct Case {
    model::Parameters parameters;
    std::vector<long long> checkpoints = {0, 1, 7, 40};
    std::vector<double> thresholds = {0.2, 0.3, 0.9};

    explicit Case(bool scalar_loss, int tokens = 11) {
        parameters.tokens = tokens;
        parameters.dim = 5;
        parameters.outputs = scalar_loss ? 1 : 5;
        parameters.samples = 7;  // more than dim: regression gets a floor
        parameters.condition_number = 3.0;
        parameters.loss_constant = 0.5;
        parameters.sharpness = 4.0;
        parameters.value_scale = 0.8;
        parameters.logit_scale = 0.5;
        parameters.logit_mean = 0.25;
        parameters.learning_rate = 0.2;
        parameters.logit_rate = 0.75;
        parameters.momentum = 0.6;
        parameters.random_key = 0x1234567890abcdefULL;
    }

    /// Logits in the thousands: the slow path of the softmax.
    Case& with_extreme_logits() {
        parameters.logit_scale = 3000.0;
        return *this;
    }

    [[nodiscard]] model::Parameters bound() const {
        model::Parameters p = parameters;
        p.checkpoints = checkpoints.data();
        p.checkpoint_count = static_cast<int>(checkpoints.size());
        p.thresholds = thresholds.data();
        p.threshold_count = static_cast<int>(thresholds.size());
        return p;
    }
};

/// Everything that a run of `count` replicas writes.
struct Words {
    std::vector<double> observables, passage, leader, winner, failed;
    std::vector<double> logits, probability, values, velocity_logits, velocity_values;
    std::vector<double> metric, response, floor;

    Words(const model::Parameters& p, int count) {
        const std::size_t rows = static_cast<std::size_t>(count), c = p.checkpoint_count;
        const double unset = std::numeric_limits<double>::quiet_NaN();
        observables.assign(c * model::observable_count * rows, unset);
        passage.assign(p.threshold_count * rows, unset);
        for (auto* array : {&leader, &winner, &failed, &floor}) array->assign(rows, unset);
        for (auto* array : {&logits, &probability, &velocity_logits})
            array->assign(rows * c * p.tokens, unset);
        for (auto* array : {&values, &velocity_values})
            array->assign(rows * c * p.outputs * p.tokens, unset);
        for (auto* array : {&metric, &response}) array->assign(rows * p.outputs, unset);
    }

    model::Record record(int count) {
        model::Record r;
        r.stride = r.state_count = count;
        r.observables = observables.data();
        r.passage = passage.data();
        r.leader = leader.data();
        r.winner = winner.data();
        r.failed = failed.data();
        r.logits = logits.data();
        r.probability = probability.data();
        r.values = values.data();
        r.velocity_logits = velocity_logits.data();
        r.velocity_values = velocity_values.data();
        r.metric = metric.data();
        r.response = response.data();
        r.floor = floor.data();
        return r;
    }

    [[nodiscard]] std::vector<std::uint64_t> bits() const {
        std::vector<std::uint64_t> all;
        for (const auto* array :
             {&observables, &passage, &leader, &winner, &failed, &logits, &probability, &values,
              &velocity_logits, &velocity_values, &metric, &response, &floor})
            for (const double x : *array) {
                std::uint64_t word;
                std::memcpy(&word, &x, sizeof word);
                all.push_back(word);
            }
        return all;
    }
};

inline int unequal_words(const Words& a, const Words& b) {
    const auto x = a.bits(), y = b.bits();
    if (x.size() != y.size()) return std::numeric_limits<int>::max();
    int unequal = 0;
    for (std::size_t i = 0; i < x.size(); ++i) unequal += x[i] != y[i];
    return unequal;
}

/// Memory for the arrays of one lane, aligned for any pack.
class Memory {
public:
    Memory() : bytes_(1 << 20) {}
    char* aligned() {
        const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
        return bytes_.data() + ((address + 63) / 64 * 64 - address);
    }

private:
    std::vector<char> bytes_;
};

/// One lane per replica.
template <class Map, class Loss, class Method, class Real, int N = 0>
Words run_solo(const Case& c, int count) {
    const model::Parameters p = c.bound();
    Words words(p, count);
    const model::Record record = words.record(count);
    Memory memory;
    constexpr int width = model::width_of<Real>;
    for (int first = 0; first < count; first += width) {
        model::Arena arena(memory.aligned());
        using Flow = model::Flow<Map, Loss, Real, model::Solo, N, Loss::outputs>;
        model::Replicas<Flow, Method> replicas(p, record, model::Solo{}, arena, first,
                                               std::min(width, count - first));
        replicas.run();
    }
    return words;
}

/// What the lanes of one emulated team share.
struct Exchange {
    explicit Exchange(int size) : barrier(size) {}
    std::barrier<> barrier;
    double slot[2][32];
};

/// S lanes as S threads that meet at every exchange, as the lanes of a warp do.
template <int S>
struct EmulatedTeam {
    static constexpr int size = S;
    Exchange* shared;
    int lane_rank;
    int* parity;  // of this lane: consecutive exchanges use alternate slots

    [[nodiscard]] int rank() const { return lane_rank; }
    [[nodiscard]] double exchange(double x, int distance) const {
        double* slot = shared->slot[*parity ^= 1];
        slot[lane_rank] = x;
        shared->barrier.arrive_and_wait();
        return slot[lane_rank ^ distance];
    }
};

/// S lanes per replica, through the same replica.hpp.
template <class Map, class Loss, class Method, int S, int N = 0>
Words run_team(const Case& c, int count) {
    const model::Parameters p = c.bound();
    Words words(p, count);
    const model::Record record = words.record(count);
    Exchange exchange(S);
    const auto lane = [&](int rank) {
        Memory memory;
        int parity = 0;
        for (int replica = 0; replica < count; ++replica) {
            model::Arena arena(memory.aligned());
            using Team = EmulatedTeam<S>;
            using Flow = model::Flow<Map, Loss, double, Team, N, Loss::outputs>;
            model::Replicas<Flow, Method> replicas(p, record, Team{&exchange, rank, &parity}, arena,
                                                   replica, 1);
            replicas.run();
        }
    };
    std::vector<std::jthread> lanes;
    for (int rank = 0; rank < S; ++rank) lanes.emplace_back(lane, rank);
    lanes.clear();
    return words;
}

/// Calls f(Loss{}) for every loss of the catalogue.
template <class F>
void for_each_loss(F f) {
    for (int i = 0; i < model::Losses::size; ++i) with_item(model::Losses{}, i, f);
}

/// Calls f(Method{}) for every method.
template <class F>
void for_each_method(F f) {
    for (int i = 0; i < model::Methods::size; ++i) with_item(model::Methods{}, i, f);
}

}  // namespace fixture
