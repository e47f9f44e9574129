// Trajectory hashes: final states, clocks, steps, status and winner of every replica as raw bits,
// without names, statistics or files, pinned for every method, loss, map and number format and for
// restarts. A payload hash that changes while these stay is a change of the record; a change of
// these is a change of the dynamics and needs its own reason under "Numerics" in CHANGELOG.md.
//
// SOFTMAXFLOW_PIN=FILE writes the hashes of this build to FILE instead of comparing them.

#include <cstdlib>
#include <fstream>

#include "conformance.hpp"

using namespace conformance;

namespace {

/// FNV-1a over the bytes of the words, the lowest first.
class Hash {
public:
    void add(double x) {
        const auto word = std::bit_cast<std::uint64_t>(x);
        for (int byte = 0; byte < 8; ++byte) {
            state_ ^= word >> (8 * byte) & 0xff;
            state_ *= 0x100000001b3;
        }
    }
    void add_all(const std::vector<double>& numbers) {
        for (const double x : numbers) add(x);
    }
    /// The part of an array that belongs to its last checkpoint.
    void add_last(const std::vector<double>& numbers, std::size_t checkpoints) {
        const std::size_t size = numbers.size() / checkpoints;
        for (std::size_t i = numbers.size() - size; i < numbers.size(); ++i) add(numbers[i]);
    }
    [[nodiscard]] std::string text() const {
        char digits[17];
        std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(state_));
        return digits;
    }

private:
    std::uint64_t state_ = 0xcbf29ce484222325;
};

/// What a hash is over, in this order; a column that is added elsewhere does not change it.
constexpr int left_columns[] = {replica_column::status,         replica_column::initial_leader,
                                replica_column::winner,         replica_column::steps,
                                replica_column::rejected_steps, replica_column::stopped_before,
                                replica_column::first_passage};
constexpr int carried_columns[] = {
    state_column::logits,        state_column::projected_values, state_column::memory_logits,
    state_column::memory_values, state_column::memory_logits_2,  state_column::memory_values_2,
    state_column::arc,           state_column::log_time,         state_column::clock,
    state_column::step_size,     state_column::controller};

std::string trajectory_hash(const std::map<std::int64_t, BlockResult>& blocks,
                            const Problem& problem) {
    Hash hash;
    const std::size_t checkpoints = problem.checkpoints.size();
    for (const auto& [first, block] : blocks) {
        for (const int column : left_columns) hash.add_all(block.replicas[column]);
        for (const StateRecord& state : block.states)
            for (const int column : carried_columns)
                hash.add_last(state.columns[column], checkpoints);
    }
    return hash.text();
}

/// The ways in which a run advances, by the keys that choose among them.
struct Variant {
    const char* name;
    const char* method;
    const char* clock;
    int order;
    const char* stiff;
};
constexpr Variant variants[] = {
    {"gradient_descent", "gradient_descent", "time", 5, "auto"},
    {"momentum", "momentum", "time", 5, "auto"},
    {"adam", "adam", "time", 5, "auto"},
    {"sign_descent", "sign_descent", "time", 5, "auto"},
    {"flow", "flow", "time", 5, "auto"},
    {"flow_order_3", "flow", "time", 3, "off"},
    {"flow_order_8", "flow", "time", 8, "off"},
    {"flow_arc", "flow", "arc", 5, "auto"},
    {"flow_implicit", "flow", "time", 5, "on"},
    {"flow_arc_implicit", "flow", "arc", 5, "on"},
};

Config config_of(const Variant& variant, const std::string& map, const std::string& loss,
                 const std::string& precision) {
    Config config = small_config(map, loss, variant.method);
    config.backend.precision = precision;
    config.ensemble.replicas = 19;
    config.record.states = 19;
    config.record.ranked = false;
    config.record.checkpoint_count = 4;
    if (is_flow(config)) {
        config.dynamics.horizon = 8.0;
        config.dynamics.clock = variant.clock;
        config.dynamics.order = variant.order;
        config.dynamics.stiff = variant.stiff;
        config.dynamics.rtol = 1e-5;
        config.dynamics.atol = 1e-7;
        config.dynamics.max_steps = 400;
        config.record.first = 1.0;
    }
    return config;
}

/// The hash of a run by its name, in the order of the pinned file.
using Hashes = std::vector<std::pair<std::string, std::string>>;

void add_hashes(const Variant& variant, const std::string& map, const std::string& loss,
                const std::string& precision, Hashes& hashes) {
    const std::string name = std::string(variant.name) + " " + map + " " + loss + " " + precision;
    const Config config = config_of(variant, map, loss, precision);
    const auto backend = make_cpu_backend({2, ""});
    const Problem whole = make_problem(config, {}, {}, 42);
    const auto blocks = results(whole, *backend);
    hashes.emplace_back(name, trajectory_hash(blocks, whole));
    if (map != model::Softmax::name) return;
    const Problem rest = make_problem(config, {}, {}, 42, restart_from(blocks, whole, 2));
    hashes.emplace_back(name + " restarted", trajectory_hash(results(rest, *backend), rest));
}

Hashes all_hashes() {
    Hashes hashes;
    for (const Variant& variant : variants)
        for (const char* map : model::Maps::names)
            for (const char* loss : model::Losses::names)
                for (const char* precision : {"f64", "f32"})
                    add_hashes(variant, map, loss, precision, hashes);
    return hashes;
}

Hashes read(const std::string& path) {
    std::ifstream file(path);
    Hashes hashes;
    for (std::string line; std::getline(file, line);) {
        const std::size_t space = line.rfind(' ');
        hashes.emplace_back(line.substr(0, space), line.substr(space + 1));
    }
    return hashes;
}

TEST(Trajectories, AreThePinnedOnes) {
    const Hashes found = all_hashes();
    if (const char* path = std::getenv("SOFTMAXFLOW_PIN")) {
        std::ofstream file(path);
        for (const auto& [name, hash] : found) file << name << " " << hash << "\n";
        GTEST_SKIP() << "hashes written to " << path;
    }
    const Hashes pinned = read(PROJECT_DIR "/tests/data/trajectories.txt");
    ASSERT_EQ(found.size(), pinned.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], pinned[i]) << i;
}

}  // namespace
