#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "backend/cpu/instruction_set.hpp"
#include "backend/host/make_parameters.hpp"
#include "backend/host/staging.hpp"
#include "softmaxflow/backend.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

/// The blocks of a range, taken by threads one at a time.
class Work {
public:
    explicit Work(ReplicaRange range) : range_(range) {}

    /// False when nothing is left or somebody asked to stop.
    bool next(ReplicaRange& block) {
        const std::int64_t begin = next_.fetch_add(block_size);
        if (stopped_ || begin >= range_.count) return false;
        block = {range_.first + begin, std::min<std::int64_t>(block_size, range_.count - begin)};
        return true;
    }
    void stop() { stopped_ = true; }

private:
    ReplicaRange range_;
    std::atomic<std::int64_t> next_{0};
    std::atomic<bool> stopped_{false};
};

class CpuBackend : public Backend {
public:
    explicit CpuBackend(const BackendOptions& options)
        : set_(cpu::find_instruction_set(options.instruction_set)),
          threads_(options.threads > 0
                       ? options.threads
                       : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))) {}

    std::string name() const override { return "cpu"; }

    std::vector<Device> devices() const override {
        return {
            {fmt::format("{} threads, {} ({} doubles a vector)", threads_, set_.name, set_.width),
             true, ""}};
    }

    Support supports(const Problem&) const override { return {}; }

    void run(const Problem& problem, ReplicaRange range, const BlockSink& deliver,
             const Progress& progress) override {
        Work work(range);
        std::mutex mutex;
        std::exception_ptr failure;
        const auto body = [&] {
            try {
                run_blocks(problem, work, mutex, deliver, progress);
            } catch (...) {
                work.stop();
                const std::lock_guard lock(mutex);
                if (!failure) failure = std::current_exception();
            }
        };
        {
            std::vector<std::jthread> helpers;
            const std::int64_t blocks = (range.count + block_size - 1) / block_size;
            for (int i = 1; i < std::min<std::int64_t>(threads_, blocks); ++i)
                helpers.emplace_back(body);
            body();
        }
        if (failure) std::rethrow_exception(failure);
    }

private:
    void run_blocks(const Problem& problem, Work& work, std::mutex& mutex, const BlockSink& deliver,
                    const Progress& progress) const {
        const model::Parameters parameters = host::make_parameters(problem);
        const host::KernelKey key = host::make_kernel_key(problem);
        const cpu::Kernel kernel = set_.kernel(key, parameters.tokens, parameters.outputs);
        if (kernel.run == nullptr)
            throw Error(Exit::internal, "the cpu has no kernel for this run");
        const std::size_t alignment = 64;
        std::vector<char> memory(kernel.memory(key, parameters) + alignment);
        void* aligned = memory.data();
        std::size_t space = memory.size();
        std::align(alignment, space - alignment, aligned, space);

        host::Staging staging(problem, parameters);
        ReplicaRange block;
        while (work.next(block)) {
            model::Record record = staging.prepare_with_curves(block.first, block.count);
            if (progress) {
                record.tick = [](void* context, long long steps) {
                    return (*static_cast<const Progress*>(context))(steps);
                };
                record.context = const_cast<Progress*>(&progress);
            }
            if (!kernel.run(key, parameters, record, block.first, block.count,
                            static_cast<char*>(aligned))) {
                work.stop();
                return;
            }
            BlockResult result = staging.reduce();
            const std::lock_guard lock(mutex);
            deliver(std::move(result));
        }
    }

    const cpu::InstructionSet& set_;
    int threads_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(const BackendOptions& options) {
    return std::make_unique<CpuBackend>(options);
}

}  // namespace softmaxflow
