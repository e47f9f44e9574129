#include "cli/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <thread>

#include "config/config_file.hpp"
#include "input/start_file.hpp"
#include "output/build_info.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::cli {
namespace {

namespace fs = std::filesystem;

/// Where examples may lie: beside an executable that was moved or installed, or in the source tree.
std::vector<fs::path> example_folders() {
    std::vector<fs::path> folders;
    std::error_code error;
    const fs::path executable = fs::read_symlink("/proc/self/exe", error);
    if (!error)
        for (const char* way : {"examples", "../share/softmaxflow/examples", "../examples"})
            folders.push_back((executable.parent_path() / way).lexically_normal());
    folders.emplace_back(SOFTMAXFLOW_EXAMPLES);
    return folders;
}

/// Examples of `check` have a folder of their own, which is part of their names.
constexpr const char* claims_folder = "claims/";

std::vector<std::string> overrides(const RunOptions& options) {
    std::vector<std::string> list = options.set;
    if (options.seed) list.push_back(fmt::format("ensemble.seed={}", *options.seed));
    if (options.threads) list.push_back(fmt::format("backend.threads={}", *options.threads));
    if (options.backend) list.push_back(fmt::format("backend.device={}", *options.backend));
    return list;
}

/// Puts the backend into the plan that the config asks for; auto takes a CUDA device where there is
/// one that can run the problem.
void choose_backend(Plan& plan, const RunOptions& options) {
    const std::string& device = plan.problem.config.backend.device;
    use_cpu(plan);
    if (device == "cpu" || !options.instruction_set.empty()) return;
    if (const std::string reason = why_no_cuda(); !reason.empty()) {
        if (device == "auto") return;
        const std::string message =
            fmt::format("backend.device = \"cuda\", but no CUDA device can be used: {}", reason);
        if (!options.fallback_cpu)
            throw Error(
                Exit::device,
                message + "; --backend cpu does not ask for one, and run has --fallback cpu");
        fmt::print(stderr, "softmaxflow: {}; running on the CPU\n", message);
        return;
    }
    BackendOptions wanted;
    wanted.kernel_cache = options.kernel_cache;
    auto cuda = make_cuda_backend(wanted);
    if (device == "cuda" || cuda->supports(plan.problem).ok) plan.backend = std::move(cuda);
}

/// Below 2^63, so that the seed can be written in a config.
std::uint64_t draw_seed() {
    std::random_device device;
    return ((std::uint64_t{device()} << 32) | device()) >> 1;
}

}  // namespace

std::vector<std::string> example_names() {
    std::vector<std::string> names;
    for (const fs::path& folder : example_folders()) {
        std::error_code error;
        for (const char* part : {"", claims_folder})
            for (const auto& entry : fs::directory_iterator(folder / part, error))
                if (entry.path().extension() == ".toml")
                    names.push_back(part + entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::string find_config(const std::string& config) {
    std::error_code error;
    if (fs::is_regular_file(config, error)) return config;
    const bool of_claims = config.starts_with(claims_folder);
    const bool is_name =
        (of_claims || config.find('/') == std::string::npos) && !config.ends_with(".toml");
    if (!is_name || config.empty()) return config;  // reading it will say what is wrong
    for (const fs::path& folder : example_folders())
        if (const fs::path path = folder / (config + ".toml"); fs::is_regular_file(path, error))
            return path.string();
    if (fs::exists(config, error)) return config;
    const std::vector<std::string> names = example_names();
    const std::string near = nearest(config, names);
    throw Error(Exit::usage,
                fmt::format("CONFIG {}: neither a file nor a shipped example; {}", config,
                            near.empty() ? fmt::format("examples: {}", fmt::join(names, ", "))
                                         : fmt::format("did you mean `{}`?", near)));
}

std::string Plan::where() const {
    if (backend->name() == "cpu")
        return fmt::format("cpu, {} thread{}, {}", threads, threads == 1 ? "" : "s",
                           instruction_set);
    const std::vector<Device> devices = backend->devices();
    const std::string others =
        devices.size() > 1 ? fmt::format(" and {} more", devices.size() - 1) : "";
    return fmt::format("{}, {}{}", backend->name(), devices.front().name, others);
}

std::int64_t Plan::full_round() const {
    return backend->name() == "cpu" ? threads * block_size : std::int64_t{1} << 17;
}

void use_cpu(Plan& plan) { plan.backend = make_cpu_backend({plan.threads, plan.instruction_set}); }

RunInfo run_info(const Config& config) {
    const BuildInfo build = build_info();
    return {build.version, build.git, canonical_text(config, false), canonical_text(config),
            *config.ensemble.seed};
}

Plan make_plan(const RunOptions& options) {
    Plan plan;
    plan.path = find_config(options.config);
    plan.name = fs::path(plan.path).stem().string();
    Config config = read_config(plan.path, overrides(options));

    plan.seed_drawn = !config.ensemble.seed;
    if (plan.seed_drawn) config.ensemble.seed = draw_seed();
    plan.threads = config.backend.threads > 0
                       ? static_cast<int>(config.backend.threads)
                       : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    plan.instruction_set = options.instruction_set.empty() ? usable_instruction_sets().front()
                                                           : options.instruction_set;
    Inputs inputs = read_inputs(config);
    const std::uint64_t key = cell_key(config, inputs.digests);
    plan.problem = make_problem(config, std::move(inputs.starts), std::move(inputs.objective), key,
                                std::move(inputs.restart));
    choose_backend(plan, options);
    if (const Support support = plan.backend->supports(plan.problem); !support.ok)
        throw Error(Exit::usage, fmt::format("{}: backend {} cannot run this: {}", plan.path,
                                             plan.backend->name(), support.reason));
    return plan;
}

}  // namespace softmaxflow::cli
