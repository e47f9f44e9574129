#include "cli/open.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace softmaxflow::cli {
namespace {

std::vector<std::string> overrides(const RunOptions& options) {
    std::vector<std::string> list = options.set;
    if (options.seed) list.push_back(fmt::format("ensemble.seed={}", *options.seed));
    if (options.threads) list.push_back(fmt::format("backend.threads={}", *options.threads));
    if (options.backend) list.push_back(fmt::format("backend.device={}", *options.backend));
    return list;
}

}  // namespace

Session open_session(const RunOptions& options) {
    OpenOptions wanted;
    wanted.overrides = overrides(options);
    wanted.instruction_set = options.instruction_set;
    wanted.kernel_cache = options.kernel_cache;
    wanted.fallback_cpu = options.fallback_cpu;
    wanted.on_fallback = [](const std::string& reason) {
        fmt::print(stderr, "softmaxflow: {}; running on the CPU\n", reason);
    };
    try {
        return open(options.config, wanted);
    } catch (const NoDevice& error) {
        throw Error(
            Exit::device,
            fmt::format("{}; --backend cpu does not ask for one, and run has --fallback cpu",
                        error.what()));
    }
}

std::string where_it_runs(const Session& session) {
    const Backend& backend = session.backend();
    const int threads = session.threads();
    if (backend.name() == "cpu")
        return fmt::format("cpu, {} thread{}, {}", threads, threads == 1 ? "" : "s",
                           session.instruction_set());
    const std::vector<Device> devices = backend.devices();
    const std::string others =
        devices.size() > 1 ? fmt::format(" and {} more", devices.size() - 1) : "";
    return fmt::format("{}, {}{}", backend.name(), devices.front().name, others);
}

const char* work_unit(const Session& session) {
    return session.flow() ? "replicas" : "replica-steps";
}

}  // namespace softmaxflow::cli
