#pragma once
/// A run without a terminal: open a config, run it, look at the result, write the files.
///
///     softmaxflow::Session session = softmaxflow::open("quickstart", {.overrides =
///     {"ensemble.replicas=64"}}); const softmaxflow::RunResult result = session.run(); std::cout
///     << result.cell.winner_is_leader.share << "\n"; result.write("runs/mine");
///
/// Nothing here prints, reads a terminal or installs a signal handler. What goes wrong is thrown as
/// Error (error.hpp), whose status says what kind of failure it is. src/session implements it.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "softmaxflow/backend.hpp"
#include "softmaxflow/config.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/problem.hpp"
#include "softmaxflow/result.hpp"

namespace softmaxflow {

/// backend.device = "cuda" where no CUDA device can be used.
class NoDevice : public Error {
public:
    explicit NoDevice(const std::string& message) : Error(Exit::device, message) {}
};

struct OpenOptions {
    /// "KEY=VALUE" with a dotted key and a TOML value, applied to the config in this order:
    /// "model.tokens=4", "ensemble.seed=7", "backend.device=cpu".
    std::vector<std::string> overrides = {};
    std::string instruction_set = "";  ///< of the CPU; "": the best of this machine
    bool kernel_cache = true;          ///< keep kernels compiled at run time on disk
    bool fallback_cpu = false;         ///< the CPU, where the wanted device is missing or fails
    /// Told why, whenever the CPU takes over. Called by the thread that opens or runs.
    std::function<void(const std::string& reason)> on_fallback = {};
};

/// What a run asks its caller meanwhile. Either may be empty; both may be called from any thread,
/// several at a time.
struct RunCallbacks {
    /// Work done (see Session::work) and replicas failed since the last call.
    std::function<void(std::int64_t work, std::int64_t failed)> progress = {};
    /// True asks for a stop.
    std::function<bool()> stop = {};
};

/// What a run would take. Times are measured on short runs, sizes follow from those of the arrays.
struct Estimate {
    double seconds = 0.0;
    double rate = 0.0;    ///< work per second (see Session::work)
    double memory = 0.0;  ///< bytes at the end of a run
    double disk = 0.0;    ///< bytes at most, before compression
};

/// A finished run. It does not need its session any more.
struct RunResult {
    std::shared_ptr<const Problem> problem;  ///< what was run: problem->config has the seed
    CellResult cell;
    RunTiming timing;

    /// Writes config.toml, results.nc, replicas.nc, states.nc, events.jsonl and manifest.json (see
    /// README), each whole or not at all, and returns their payload hashes. Makes the directory if
    /// it is missing. Throws Error(usage) if it holds a run already, Error(file) if it cannot be
    /// written.
    WrittenFiles write(
        const std::filesystem::path& directory) const;  // NOLINT(modernize-use-nodiscard)
};

/// A config resolved once: checked, its files read, its seed given or drawn, its backend chosen.
/// Opening computes nothing and writes nothing. One thread at a time may use it.
class Session {
public:
    /// Of the config file; empty for a Config of the caller's.
    [[nodiscard]] const std::string& path() const { return path_; }
    /// The name of that file without .toml; "run" for a Config of the caller's.
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const Problem& problem() const { return *problem_; }
    /// With its seed, and the number of replicas that a file of starts decides.
    [[nodiscard]] const Config& config() const { return problem_->config; }
    [[nodiscard]] bool seed_drawn() const { return seed_drawn_; }  ///< the config had none
    [[nodiscard]] Backend& backend() const { return *backend_; }
    [[nodiscard]] int threads() const { return threads_; }  ///< of the CPU, at least 1
    [[nodiscard]] const std::string& instruction_set() const { return instruction_set_; }

    [[nodiscard]] bool flow() const { return is_flow(config()); }
    [[nodiscard]] std::int64_t replicas() const { return config().ensemble.replicas; }
    /// Iterations of this run of descent: a restart leaves out those behind its states.
    [[nodiscard]] std::int64_t iterations() const;
    /// Replicas that keep all of the backend busy.
    [[nodiscard]] std::int64_t full_round() const;
    /// All that is to be done: replica-steps of descent, replicas of a flow, whose steps nobody
    /// knows beforehand. A double: the largest ensemble times the longest run fits no integer.
    [[nodiscard]] double work() const;

    /// Runs all replicas; the result is the same to the bit on every machine and for any number of
    /// threads. Throws Error(stopped) where `stop` said so and Error(device) where a device failed;
    /// with fallback_cpu the CPU does all of it again instead, and stays the backend.
    RunResult run(const RunCallbacks& callbacks = {});

    /// Runs a few replicas for about a second.
    [[nodiscard]] Estimate estimate() const;

private:
    friend Session open(const std::string& config, const OpenOptions& options);
    friend Session open(const Config& config, const OpenOptions& options);

    Session(std::string path, std::string name, Config config, OpenOptions options);
    void use_cpu();
    void choose_backend();
    CellResult compute(const RunCallbacks& callbacks);
    CellResult compute_with_fallback(const RunCallbacks& callbacks);

    std::string path_, name_;
    OpenOptions options_;
    std::shared_ptr<const Problem> problem_;
    bool seed_drawn_ = false;
    std::unique_ptr<Backend> backend_;
    int threads_ = 1;
    std::string instruction_set_;
};

/// Opens a config file, given by its path, or by its name if it is a shipped example
/// (example_names). Files named in it are taken relative to its folder. Throws Error(usage) for
/// what is wrong in it, with file, line, key and remedy, or cannot be run; Error(file) for files
/// that cannot be read; NoDevice.
Session open(const std::string& config, const OpenOptions& options);
inline Session open(const std::string& config) { return open(config, OpenOptions()); }

/// Opens a config made by the caller, to whom paths in it belong. Throws the same.
Session open(const Config& config, const OpenOptions& options);
inline Session open(const Config& config) { return open(config, OpenOptions()); }

/// The file that a path, or the name of a shipped example, means. Throws Error(usage) for a name
/// that is neither.
std::string find_config(const std::string& config);

/// Names of the shipped examples, sorted: those beside the executable, in
/// ../share/softmaxflow/examples from there, and in the source tree. Examples for tests of claims
/// are called claims/NAME.
std::vector<std::string> example_names();

}  // namespace softmaxflow
