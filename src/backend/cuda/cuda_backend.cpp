#include "backend/cuda/cuda_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "backend/cuda/batch_runner.hpp"
#include "backend/cuda/images.hpp"
#include "backend/cuda/report.hpp"
#include "backend/cuda/rtc.hpp"
#include "backend/host/make_parameters.hpp"
#include "kernels/kernel_list.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/integrator/tableau.hpp"

namespace softmaxflow::cuda {
namespace {

/// Two batches of a device are in work at a time: while one is copied and reduced on the host, the
/// other has the device.
constexpr int streams_per_device = 2;
/// What fills most devices; smaller batches would leave parts of them idle.
constexpr std::int64_t full_batch = 65536;
/// Lanes that take the replicas of a flow, per multiprocessor.
constexpr int flow_lanes_per_multiprocessor = 256;

std::int64_t whole_blocks(std::int64_t replicas) {
    return (replicas + block_size - 1) / block_size * block_size;
}

/// The replicas that a device has in work at once, where it tells: a batch of so many, or twice as
/// many, leaves no multiprocessor idle at the end of a launch.
std::int64_t wave_of(Device& device, const Kernel& kernel) {
    const std::int64_t blocks =
        device.info().multiprocessors * device.describe(kernel).blocks_per_multiprocessor;
    return blocks * kernel.threads / kernel.lanes / block_size * block_size;
}

/// The replicas that no batch has taken yet.
class Work {
public:
    explicit Work(ReplicaRange range) { ranges_.push_back(range); }

    /// The next batch, of up to `most` replicas.
    bool next(std::int64_t most, ReplicaRange& batch) {
        const std::lock_guard lock(mutex_);
        if (stopped_ || ranges_.empty()) return false;
        ReplicaRange& front = ranges_.front();
        batch = {front.first, std::min(most, front.count)};
        front.first += batch.count;
        front.count -= batch.count;
        if (front.count == 0) ranges_.pop_front();
        return true;
    }
    void store(ReplicaRange batch) {
        const std::lock_guard lock(mutex_);
        ranges_.push_front(batch);
    }
    void stop() {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
    }

private:
    std::mutex mutex_;
    std::deque<ReplicaRange> ranges_;
    bool stopped_ = false;
};

template <class... Scheme>
constexpr bool have_kernels(model::List<Scheme...>, kernels::Precision precision) {
    return (kernels::find_row(kernels::Work::explicit_steps, precision, Scheme::order, 1) && ...);
}
static_assert(have_kernels(model::Schemes{}, kernels::Precision::f64) &&
                  have_kernels(model::Schemes{}, kernels::Precision::f32),
              "a scheme needs its rows in kernels/kernel_list.hpp");

/// The kernels of the table that run a problem on a device.
class KernelsOf {
public:
    KernelsOf(cuda::Device& device, const Problem& problem)
        : device_(device), problem_(problem), key_(host::make_kernel_key(problem)) {}

    /// All but the loop of steps: explicit ones, of a flow.
    [[nodiscard]] Kernels around_steps() const {
        Kernels kernels;
        kernels.reduce = find(Work::reduce, Precision::f64, 0, 32);
        if (key_.flow) {
            kernels.initialize = find(Work::initialize);
            kernels.record = find(Work::record);
            kernels.stiff = find(Work::implicit_steps, 0, lanes_of_flow(problem_, key_));
        } else {
            kernels.start = find(Work::start);
            kernels.checkpoint = find(Work::checkpoint);
            if (key_.monitored) kernels.monitor = find(Work::start_monitor);
        }
        return kernels;
    }
    /// That loop, for sizes known at run time.
    [[nodiscard]] Kernel steps() const {
        if (key_.flow) return find(Work::explicit_steps, key_.order, lanes_of_flow(problem_, key_));
        if (key_.monitored) return find(Work::advance_monitored);
        return find(Work::advance, 0, lanes_of_any(problem_));
    }

private:
    using Work = kernels::Work;
    using Precision = kernels::Precision;

    [[nodiscard]] Kernel find(Work work, int order = 0, int most_lanes = 1) const {
        return find(work, key_.single ? Precision::f32 : Precision::f64, order, most_lanes);
    }
    [[nodiscard]] Kernel find(Work work, Precision precision, int order, int most_lanes) const {
        const kernels::KernelRow* row = kernels::find_row(work, precision, order, most_lanes);
        if (row == nullptr)
            throw Error(Exit::internal,
                        fmt::format("no kernel of the table does work {} in precision {}, order {}",
                                    static_cast<int>(work), static_cast<int>(precision), order));
        return device_.kernel(*row);
    }

    cuda::Device& device_;
    const Problem& problem_;
    host::KernelKey key_;
};

/// The kernels that run a problem; the steps are compiled for its sizes where that is possible.
Kernels kernels_for(cuda::Device& device, const Problem& problem, const Specialiser& specialise) {
    const host::KernelKey key = host::make_kernel_key(problem);
    const KernelsOf table(device, problem);
    Kernels kernels = table.around_steps();
    Kernel& steps = key.flow ? kernels.flow : kernels.advance;
    if (specialise && !key.monitored)
        if (const auto specialisation = specialisation_of(problem, key))
            if (const auto kernel = specialise(device, *specialisation)) {
                steps = *kernel;
                kernels.specialised = true;
                return kernels;
            }
    steps = table.steps();
    return kernels;
}

class CudaBackend : public Backend {
public:
    CudaBackend(cuda::Devices devices, Specialiser specialise)
        : devices_(std::move(devices)), specialise_(std::move(specialise)) {}

    [[nodiscard]] std::string name() const override { return "cuda"; }

    [[nodiscard]] std::vector<softmaxflow::Device> devices() const override {
        std::vector<softmaxflow::Device> list;
        for (const auto& device : devices_) {
            const DeviceInfo info = device->info();
            list.push_back(
                {fmt::format("{}, {} multiprocessors, compute capability {}.{}, {} GiB", info.name,
                             info.multiprocessors, info.major, info.minor, info.memory >> 30),
                 true, ""});
        }
        return list;
    }

    [[nodiscard]] Support supports(const Problem&) const override { return {}; }

    void run(const Problem& problem, ReplicaRange range, const BlockSink& deliver,
             const Progress& progress) override {
        Work work(range);
        std::mutex mutex;
        std::exception_ptr failure;
        const BlockSink one_at_a_time = [&](BlockResult&& block) {
            const std::lock_guard lock(mutex);
            deliver(std::move(block));
        };
        const auto body = [&](cuda::Device& device) {
            try {
                run_batches(device, problem, range.count, work, one_at_a_time, progress);
            } catch (...) {
                work.stop();
                const std::lock_guard lock(mutex);
                if (!failure) failure = std::current_exception();
            }
        };
        {
            std::vector<std::jthread> threads;
            for (const auto& device : devices_)
                for (int i = 0; i < streams_per_device; ++i)
                    threads.emplace_back([&, device] { body(*device); });
        }
        if (failure) std::rethrow_exception(failure);
    }

private:
    /// Lanes that step a flow: as many as keep the device busy, in at most half of a batch's share
    /// of the memory that is free.
    static int flow_lanes(cuda::Device& device, Stream& stream, const Problem& problem,
                          const Kernels& kernels) {
        if (!is_flow(problem.config)) return 0;
        const std::size_t half = stream.free_memory() / (streams_per_device + 1) / 2;
        const std::size_t fitting =
            half / std::max<std::size_t>(bytes_per_flow_lane(problem, kernels), 1);
        const auto wanted =
            static_cast<std::size_t>(flow_lanes_per_multiprocessor * device.info().multiprocessors);
        return static_cast<int>(std::max<std::size_t>(std::min(fitting, wanted), 32));
    }

    /// As many as fit the memory that is free, of what fills the device.
    std::int64_t first_batch(cuda::Device& device, Stream& stream, const Problem& problem,
                             const Kernels& kernels, std::int64_t replicas) const {
        std::size_t share = stream.free_memory() / (streams_per_device + 1);
        if (is_flow(problem.config)) share /= 2;
        const auto fitting = static_cast<std::int64_t>(share / bytes_per_replica(problem, kernels));
        const auto workers = static_cast<std::int64_t>(devices_.size()) * streams_per_device;
        const std::int64_t fair = (replicas + workers - 1) / workers;
        std::int64_t wanted = std::max(fair, std::min(replicas, full_batch));
        if (!is_flow(problem.config))
            if (const std::int64_t wave = wave_of(device, kernels.advance); wave > 0)
                wanted = (wanted + wave - 1) / wave * wave;
        const std::int64_t batch = std::min(wanted, fitting / block_size * block_size);
        return std::clamp<std::int64_t>(whole_blocks(batch), block_size, 1 << 24);
    }

    /// Batches until nothing is left, halved as long as memory is short: the same bits in any
    /// batches.
    void run_batches(cuda::Device& device, const Problem& problem, std::int64_t replicas,
                     Work& work, const BlockSink& deliver, const Progress& progress) const {
        const Kernels kernels = kernels_for(device, problem, specialise_);
        const std::unique_ptr<Stream> stream = device.stream();
        const int lanes = flow_lanes(device, *stream, problem, kernels);
        std::int64_t most = first_batch(device, *stream, problem, kernels, replicas);
        std::unique_ptr<BatchRunner> runner;
        ReplicaRange batch;
        while (work.next(most, batch)) {
            try {
                if (!runner)
                    runner = std::make_unique<BatchRunner>(
                        *stream, problem, kernels, std::min(most, whole_blocks(replicas)), lanes);
                if (!runner->run(batch, deliver, progress)) return work.stop();
            } catch (const OutOfMemory& error) {
                runner.reset();
                work.store(batch);
                if (most == block_size)
                    throw DeviceError(
                        fmt::format("{}; a batch of {} replicas does not fit; use "
                                    "another device, fewer checkpoints or fewer "
                                    "tokens",
                                    error.what(), block_size));
                most = whole_blocks(most / 2);
            }
        }
    }

    cuda::Devices devices_;
    Specialiser specialise_;
};

}  // namespace

std::unique_ptr<Backend> make_backend(Devices devices, Specialiser specialise) {
    return std::make_unique<CudaBackend>(std::move(devices), std::move(specialise));
}

Specialiser run_time_compiler(bool kernel_cache) {
    if (why_no_compiler()) return {};
    const KernelCache cache(kernel_cache ? KernelCache::default_folder() : "");
    return [cache](Device& device, const Specialisation& specialisation) -> std::optional<Kernel> {
        const std::vector<char> image =
            compiled(specialisation, device.info().architecture(), cache);
        Kernel kernel = device.load(image, kernel_name(specialisation));
        kernel.lanes = specialisation.lanes;
        kernel.threads = specialisation.threads;
        return kernel;
    };
}

std::optional<KernelReport> describe_kernel(const Problem& problem) {
    if (!why_no_cuda().empty()) return std::nullopt;
    const Devices devices = find_devices();
    Device& device = *devices.front();
    const Kernels kernels = kernels_for(device, problem, run_time_compiler(true));
    const Kernel& steps = is_flow(problem.config) ? kernels.flow : kernels.advance;
    const KernelInfo info = device.describe(steps);
    return KernelReport{kernels.specialised,
                        steps.lanes,
                        steps.threads,
                        info.registers,
                        info.local_bytes,
                        info.shared_bytes,
                        info.blocks_per_multiprocessor * steps.threads / 32};
}

}  // namespace softmaxflow::cuda

namespace softmaxflow {

std::string why_no_cuda() {
    std::string reason = cuda::why_no_devices();
    if (reason.empty() && cuda::images().empty())
        reason = "this program was built without the CUDA kernels (cmake --preset gpu builds them)";
    return reason;
}

std::unique_ptr<Backend> make_cuda_backend(const BackendOptions& options) {
    if (const std::string reason = why_no_cuda(); !reason.empty())
        throw Error(Exit::device, fmt::format("the CUDA backend cannot be used: {}", reason));
    return cuda::make_backend(cuda::find_devices(), cuda::run_time_compiler(options.kernel_cache));
}

}  // namespace softmaxflow
