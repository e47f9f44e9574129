#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "config/config_file.hpp"
#include "input/start_file.hpp"
#include "output/build_info.hpp"
#include "output/manifest.hpp"
#include "session/counting_backend.hpp"
#include "session/open_problem.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/run.hpp"

namespace softmaxflow {
namespace {

namespace fs = std::filesystem;

/// Below 2^63, so that the seed can be written in a config.
std::uint64_t draw_seed() {
    std::random_device device;
    return ((std::uint64_t{device()} << 32) | device()) >> 1;
}

std::string host_name() {
    char name[256] = "";
    return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace

Problem problem_of(Config config) {
    Inputs inputs = read_inputs(config);
    const std::uint64_t key = cell_key(config, inputs.digests);
    return make_problem(config, std::move(inputs.starts), std::move(inputs.objective), key,
                        std::move(inputs.restart));
}

RunInfo run_info(const Config& config) {
    const BuildInfo build = build_info();
    return {build.version, build.git, canonical_text(config, false), canonical_text(config),
            *config.ensemble.seed};
}

Session::Session(std::string path, std::string name, Config config, OpenOptions options)
    : path_(std::move(path)), name_(std::move(name)), options_(std::move(options)) {
    seed_drawn_ = !config.ensemble.seed;
    if (seed_drawn_) config.ensemble.seed = draw_seed();
    threads_ = config.backend.threads > 0
                   ? static_cast<int>(config.backend.threads)
                   : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    instruction_set_ = options_.instruction_set.empty() ? usable_instruction_sets().front()
                                                        : options_.instruction_set;
    problem_ = std::make_shared<const Problem>(problem_of(std::move(config)));
    choose_backend();
    if (const Support support = backend_->supports(problem()); !support.ok)
        throw Error(Exit::usage, fmt::format("{}: backend {} cannot run this: {}", path_,
                                             backend_->name(), support.reason));
}

Session open(const std::string& config, const OpenOptions& options) {
    std::string path = find_config(config);
    Config read = read_config(path, options.overrides);
    std::string name = fs::path(path).stem().string();
    return {std::move(path), std::move(name), std::move(read), options};
}

Session open(const Config& config, const OpenOptions& options) {
    Config checked = parse_config(canonical_text(config), "config", options.overrides);
    // The text gives a number of replicas, which a file of starts may still decide.
    const bool asked = std::any_of(
        options.overrides.begin(), options.overrides.end(),
        [](const std::string& override) { return override.starts_with("ensemble.replicas="); });
    checked.ensemble.replicas_given = config.ensemble.replicas_given || asked;
    return {"", "run", std::move(checked), options};
}

void Session::use_cpu() { backend_ = make_cpu_backend({threads_, instruction_set_}); }

/// The backend that the config asks for; auto takes a CUDA device where there is one that can run
/// the problem.
void Session::choose_backend() {
    const std::string& device = config().backend.device;
    use_cpu();
    if (device == "cpu" || !options_.instruction_set.empty()) return;
    if (const std::string reason = why_no_cuda(); !reason.empty()) {
        if (device == "auto") return;
        const std::string message =
            fmt::format("backend.device = \"cuda\", but no CUDA device can be used: {}", reason);
        if (!options_.fallback_cpu) throw NoDevice(message);
        if (options_.on_fallback) options_.on_fallback(message);
        return;
    }
    BackendOptions wanted;
    wanted.kernel_cache = options_.kernel_cache;
    auto cuda = make_cuda_backend(wanted);
    if (device == "cuda" || cuda->supports(problem()).ok) backend_ = std::move(cuda);
}

std::int64_t Session::iterations() const {
    const std::vector<double>& checkpoints = problem().checkpoints;
    return static_cast<std::int64_t>(checkpoints.back() - checkpoints.front());
}

std::int64_t Session::full_round() const {
    return backend_->name() == "cpu" ? threads_ * block_size : std::int64_t{1} << 17;
}

double Session::work() const {
    return static_cast<double>(replicas()) * (flow() ? 1.0 : static_cast<double>(iterations()));
}

CellResult Session::compute(const RunCallbacks& callbacks) {
    CountingBackend backend(*backend_, callbacks);
    return run_ensemble(problem(), backend, progress_of(callbacks));
}

CellResult Session::compute_with_fallback(const RunCallbacks& callbacks) {
    try {
        return compute(callbacks);
    } catch (const Error& error) {
        if (error.status() != Exit::device || !options_.fallback_cpu) throw;
        if (options_.on_fallback) options_.on_fallback(error.what());
    }
    use_cpu();
    return compute(callbacks);
}

RunResult Session::run(const RunCallbacks& callbacks) {
    RunResult result;
    RunTiming& timing = result.timing;
    timing.start = std::chrono::system_clock::now();
    const auto begin = std::chrono::steady_clock::now();
    result.cell = compute_with_fallback(callbacks);
    result.problem = problem_;
    timing.wall_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    timing.finish = std::chrono::system_clock::now();
    timing.host = host_name();
    timing.device = backend_->name();
    timing.threads = threads_;
    timing.instruction_set = instruction_set_;
    return result;
}

WrittenFiles RunResult::write(const fs::path& directory) const {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error)
        throw Error(Exit::file,
                    fmt::format("cannot create {}: {}", directory.string(), error.message()));
    if (fs::exists(directory / "manifest.json", error))
        throw Error(Exit::usage, fmt::format("{} holds a run already: name another directory",
                                             directory.string()));
    return write_run(directory, *problem, cell, run_info(problem->config), timing);
}

}  // namespace softmaxflow
