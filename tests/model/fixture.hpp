#pragma once
/// Runs replicas through steps.hpp on any Real and any Team and returns every word it wrote, so
/// that tests can compare them for equality.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "backend/cpu/flow_executor.hpp"
#include "backend/cpu/replicas.hpp"
#include "backend/host/column_extents.hpp"
#include "model/numerics/emulated_team.hpp"
#include "softmaxflow/model/numerics/pack.hpp"

namespace fixture {

namespace model = softmaxflow::model;

/// The place of a law of values.
constexpr int law_of(const char* name) { return model::index_of<model::ValueLaws>(name); }

/// Maps, losses and methods chosen at run time: one instantiation runs the whole catalogue.
using AnyMap = model::Any<model::Maps>;
using AnyLoss = model::Any<model::Losses>;
using AnyMethod = model::Any<model::Methods>;

/// Indices into the lists of the catalogue.
struct Combination {
    int map = 0, loss = 0, method = 0;

    [[nodiscard]] const char* map_name() const { return model::Maps::names[map]; }
    [[nodiscard]] const char* loss_name() const { return model::Losses::names[loss]; }
    [[nodiscard]] const char* method_name() const { return model::Methods::names[method]; }
    [[nodiscard]] std::string name() const {
        return std::string(map_name()) + " " + loss_name() + " " + method_name();
    }
    [[nodiscard]] bool scalar_loss() const {
        int outputs = 0;
        with_item(model::Losses{}, loss, [&](auto item) { outputs = item.outputs; });
        return outputs == 1;
    }
    [[nodiscard]] int memories() const {
        int count = 0;
        with_item(model::Methods{}, method, [&](auto item) { count = item.memories; });
        return count;
    }
};

/// The choice of those types.
template <class Map, class Loss, class Method>
Combination combination_of() {
    const auto index = [](auto list, const std::string& name) {
        const auto* end = list.names + list.size;
        return static_cast<int>(std::find(list.names, end, name) - list.names);
    };
    return {index(model::Maps{}, Map::name), index(model::Losses{}, Loss::name),
            index(model::Methods{}, Method::name)};
}

/// Calls f for every map, loss and method together.
template <class F>
void for_each_combination(F f) {
    for (int map = 0; map < model::Maps::size; ++map)
        for (int loss = 0; loss < model::Losses::size; ++loss)
            for (int method = 0; method < model::Methods::size; ++method)
                f(Combination{map, loss, method});
}

/// Calls f for choices in which every two items of different lists meet, about a quarter of all.
template <class F>
void for_each_pair(F f) {
    for (int map = 0; map < model::Maps::size; ++map)
        for (int loss = 0; loss < model::Losses::size; ++loss)
            f(Combination{map, loss, (map + loss) % model::Methods::size});
}

/// A small problem. n = 11 fills no team size evenly.
struct Case {
    Combination combination;
    model::Parameters parameters;
    std::vector<double> checkpoints = {0, 1, 5, 16};
    std::vector<double> thresholds = {0.2, 0.3, 0.9};

    /// What a file may give, shaped as in Parameters; empty: absent.
    std::vector<double> values, logits, target, projection, metric, response, distribution;

    /// States to go on from: (replica, extents).
    std::vector<double> restart[model::state_column::count];

    explicit Case(Combination c, int tokens = 11) : combination(c) {
        parameters.tokens = tokens;
        parameters.dim = 5;
        parameters.outputs = c.scalar_loss() ? 1 : 5;
        parameters.samples = 5;
        if (c.loss_name() == std::string("regression"))
            parameters.samples = 7;  // more than dim: a loss that no output removes
        parameters.condition_number = 3.0;
        parameters.loss_constant = 0.5;
        parameters.sharpness = 4.0;
        parameters.value_scale = 0.8;
        parameters.logit_scale = 0.5;
        parameters.logit_mean = 0.25;
        parameters.learning_rate = 0.1;
        parameters.logit_rate = 0.75;
        parameters.momentum = 0.6;
        parameters.adam_beta1 = 0.9;
        parameters.adam_beta2 = 0.99;
        parameters.adam_epsilon = 1e-8;
        parameters.random_key = 0x1234567890abcdefULL;
    }

    [[nodiscard]] model::Parameters bound() const {
        model::Parameters p = parameters;
        const auto bind = [](const double*& pointer, const std::vector<double>& array) {
            pointer = array.empty() ? nullptr : array.data();
        };
        p.checkpoints = checkpoints.data();
        p.checkpoint_count = static_cast<int>(checkpoints.size());
        p.thresholds = thresholds.data();
        p.threshold_count = static_cast<int>(thresholds.size());
        bind(p.start_values, values);
        bind(p.start_logits, logits);
        bind(p.start_target, target);
        bind(p.design_projection, projection);
        bind(p.design_metric, metric);
        bind(p.design_response, response);
        bind(p.class_distribution, distribution);
        for (int c = 0; c < model::state_column::count; ++c) bind(p.restart[c], restart[c]);
        return p;
    }
};

/// Everything that a run of `count` replicas writes.
struct Words {
    int curve_count;
    std::vector<double> curves;
    std::vector<double> replica[model::replica_column::count];  // (extent, replica)
    std::vector<double> state[model::state_column::count];      // (replica, [checkpoint,] extents)

    Words(const model::Parameters& p, int count)
        : curve_count(model::observable_count + (p.ranked ? 3 * p.tokens : 0)) {
        const std::size_t rows = static_cast<std::size_t>(count), c = p.checkpoint_count;
        const double unset = std::numeric_limits<double>::quiet_NaN();
        curves.assign(c * curve_count * rows, unset);
        softmaxflow::host::ColumnExtents extents;
        extents.tokens = p.tokens;
        extents.outputs = p.outputs;
        extents.thresholds = p.threshold_count;
        for (int i = 0; i < model::replica_column::count; ++i)
            replica[i].assign(extents.size(model::replica_columns[i]) * rows, unset);
        for (int i = 0; i < model::state_column::count; ++i) {
            const model::StateColumn& column = model::state_columns[i];
            const std::size_t times = column.when == model::When::checkpoint ? c : 1;
            state[i].assign(rows * times * extents.size(column), unset);
        }
    }

    model::Record record(int count) {
        model::Record r;
        r.stride = r.state_count = count;
        r.curves = curves.data();
        r.curve_count = curve_count;
        for (int i = 0; i < model::replica_column::count; ++i) r.replica[i] = replica[i].data();
        for (int i = 0; i < model::state_column::count; ++i) r.state[i] = state[i].data();
        return r;
    }

    /// Of a run of `count` replicas.
    [[nodiscard]] double observable(model::Observable name, int checkpoint, int r,
                                    int count) const {
        return curves[(std::size_t(checkpoint) * curve_count + int(name)) * count + r];
    }

    [[nodiscard]] std::vector<std::uint64_t> bits() const {
        std::vector<std::uint64_t> all;
        const auto put = [&](const std::vector<double>& array) {
            for (const double x : array) {
                std::uint64_t word;
                std::memcpy(&word, &x, sizeof word);
                all.push_back(word);
            }
        };
        put(curves);
        for (const auto& array : replica) put(array);
        for (const auto& array : state) put(array);
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

/// The words as 64 bits (FNV-1a).
inline std::uint64_t fingerprint(const Words& words) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const std::uint64_t word : words.bits()) hash = (hash ^ word) * 1099511628211ULL;
    return hash;
}

/// The rest of a run of `count` replicas from what it wrote at one of its checkpoints.
inline Case continued(Case c, const Words& words, int checkpoint, int count) {
    const model::Parameters p = c.bound();
    for (int i = 0; i < model::state_column::count; ++i) {
        const model::StateColumn& column = model::state_columns[i];
        const bool memory = softmaxflow::host::is_memory(column);
        const int of_memory = i >= model::state_column::memory_logits_2 ? 2 : 1;
        if (column.at_restart == model::AtRestart::not_read ||
            column.at_restart == model::AtRestart::needed_by_flow ||
            column.carriers == model::Carriers::flow ||
            (memory && c.combination.memories() < of_memory))
            continue;
        const std::vector<double>& all = words.state[i];
        if (column.when == model::When::start) {
            c.restart[i] = all;
            continue;
        }
        const std::ptrdiff_t size =
            static_cast<std::ptrdiff_t>(all.size()) / count / p.checkpoint_count;
        for (int r = 0; r < count; ++r) {
            const auto begin = all.begin() + (r * p.checkpoint_count + checkpoint) * size;
            c.restart[i].insert(c.restart[i].end(), begin, begin + size);
        }
    }
    c.checkpoints.erase(c.checkpoints.begin(), c.checkpoints.begin() + checkpoint);
    return c;
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

/// One lane per replica. N and M are sizes known to the compiler, or 0.
template <class Map, class Loss, class Method, class Real, int N = 0, int M = 0>
Words run_solo(const Case& c, int count) {
    const model::Parameters p = c.bound();
    Words words(p, count);
    const model::Record record = words.record(count);
    Memory memory;
    constexpr int width = model::width_of<Real>;
    for (int first = 0; first < count; first += width) {
        model::Arena arena(memory.aligned());
        using System = model::ValueSoftmax<Map, Loss, Real, model::Solo, N, M>;
        model::Replicas<System, Method> replicas(
            p, record, model::Solo{}, arena, first, std::min(width, count - first),
            System::Selection::of(c.combination.map, c.combination.loss),
            model::chosen<Method>(c.combination.method));
        replicas.run();
    }
    return words;
}
/// The same with everything chosen at run time.
template <class Real>
Words run_any(const Case& c, int count) {
    return run_solo<AnyMap, AnyLoss, AnyMethod, Real>(c, count);
}

/// S lanes per replica, through the same steps.hpp.
template <class Map, class Loss, class Method, int S, int N = 0, int M = 0, class Real = double>
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
            using System = model::ValueSoftmax<Map, Loss, Real, Team, N, M>;
            model::Replicas<System, Method> replicas(
                p, record, Team{&exchange, rank, &parity}, arena, replica, 1,
                System::Selection::of(c.combination.map, c.combination.loss),
                model::chosen<Method>(c.combination.method));
            replicas.run();
        }
    };
    std::vector<std::jthread> lanes;
    for (int rank = 0; rank < S; ++rank) lanes.emplace_back(lane, rank);
    lanes.clear();
    return words;
}

/// Gradient flow (order 5) of `count` replicas, each lane taking the next when its own has ended.
template <class Real>
Words run_flow(const Case& c, int count) {
    model::Parameters p = c.bound();
    p.group = count;
    Words words(p, count);
    const model::Record record = words.record(count);
    Memory memory;
    model::Arena arena(memory.aligned());
    using System = model::ValueSoftmax<AnyMap, AnyLoss, Real, model::Solo, 0, 0>;
    model::run_flow<model::Tsitouras, System>(
        p, record, model::Solo{}, arena, 0, count,
        System::Selection::of(c.combination.map, c.combination.loss));
    return words;
}

/// The same with S lanes per replica.
template <int S>
Words run_flow_team(const Case& c, int count) {
    model::Parameters p = c.bound();
    p.group = count;
    Words words(p, count);
    const model::Record record = words.record(count);
    Exchange exchange(S);
    const auto lane = [&](int rank) {
        Memory memory;
        int parity = 0;
        model::Arena arena(memory.aligned());
        using Team = EmulatedTeam<S>;
        using System = model::ValueSoftmax<AnyMap, AnyLoss, double, Team, 0, 0>;
        model::run_flow<model::Tsitouras, System>(
            p, record, Team{&exchange, rank, &parity}, arena, 0, count,
            System::Selection::of(c.combination.map, c.combination.loss));
    };
    std::vector<std::jthread> lanes;
    for (int rank = 0; rank < S; ++rank) lanes.emplace_back(lane, rank);
    lanes.clear();
    return words;
}

}  // namespace fixture
