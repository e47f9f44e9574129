#include "backend/cuda/batch_runner.hpp"

#include <algorithm>
#include <chrono>

#include "backend/cuda/sizes.hpp"
#include "backend/host/flow_rounds.hpp"
#include "backend/host/make_parameters.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/integrator/queue.hpp"
#include "softmaxflow/model/numerics/merged_moments.hpp"

namespace softmaxflow::cuda {
namespace {

/// Short enough for a watchdog and for a person who waits after Ctrl-C.
constexpr double seconds_per_launch = 0.1;

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Lanes whose working memory counts.
int working_lanes(const Kernels& kernels, const host::KernelKey& key) {
    // In f32 even a fixed shape keeps a dense objective in memory.
    return kernels.specialised && !key.single ? 0 : kernels.advance.lanes;
}

}  // namespace

std::size_t bytes_per_replica(const Problem& problem, const Kernels& kernels) {
    const host::KernelKey key = host::make_kernel_key(problem);
    const model::Parameters p = host::make_parameters(problem);
    const Sizes sizes = sizes_of(key, p, kernels.advance.lanes);
    const auto places = static_cast<std::size_t>(problem.curves() * p.checkpoint_count);
    const std::size_t staged =
        places * sizeof(double) + static_cast<std::size_t>(p.threshold_count + 6) * sizeof(double);
    if (key.flow) return staged + sizes.item + sizes.initialize;
    return staged + sizes.item + sizes.lane * static_cast<std::size_t>(working_lanes(kernels, key));
}

std::size_t bytes_per_flow_lane(const Problem& problem, const Kernels& kernels) {
    const host::KernelKey key = host::make_kernel_key(problem);
    const model::Parameters p = host::make_parameters(problem);
    return std::max(sizes_of(key, p, kernels.flow.lanes).lane,
                    sizes_of(key, p, kernels.stiff.lanes).lane);
}

DeviceInputs::DeviceInputs(Stream& stream, const Problem& problem)
    : parameters_(host::make_parameters(problem)) {
    const auto put = [&](const double*& pointer, const std::vector<double>& array) {
        if (array.empty()) return;
        const std::size_t bytes = array.size() * sizeof(double);
        arrays_.emplace_back(stream, bytes);
        stream.upload(arrays_.back().as(), array.data(), bytes);
        pointer = arrays_.back().as<double>();
    };
    model::Parameters& p = parameters_;
    put(p.checkpoints, problem.checkpoints);
    put(p.thresholds, problem.config.record.thresholds);
    put(p.start_values, problem.starts.values);
    put(p.start_logits, problem.starts.logits);
    put(p.start_target, problem.starts.target);
    put(p.design_projection, problem.objective.projection);
    put(p.design_metric, problem.objective.metric);
    put(p.design_response, problem.objective.response);
    put(p.class_distribution, problem.objective.distribution);
    const RestartData& restart = problem.restart;
    put(p.restart_logits, restart.logits);
    put(p.restart_values, restart.projected_values);
    put(p.restart_metric, restart.metric);
    put(p.restart_response, restart.response);
    put(p.restart_floor, restart.floor);
    put(p.restart_arc, restart.arc);
    put(p.restart_leader, restart.initial_leader);
    put(p.restart_ranks, restart.ranks);
    put(p.restart_clock, restart.clock);
    put(p.restart_log_time, restart.log_time);
    put(p.restart_step_size, restart.step_size);
    put(p.restart_controller, restart.controller);
    for (int i = 0; i < 2; ++i) {
        put(p.restart_memory_logits[i], restart.memory_logits[i]);
        put(p.restart_memory_values[i], restart.memory_values[i]);
    }
    const double* edges = nullptr;
    put(edges, problem.edges);
    edges_ = std::move(arrays_.back());
    arrays_.pop_back();
    in_memory_ = Buffer(stream, sizeof p);
    stream.upload(in_memory_.as(), &p, sizeof p);
}

BatchRunner::BatchRunner(Stream& stream, const Problem& problem, const Kernels& kernels,
                         std::int64_t replicas, int flow_lanes)
    : stream_(stream),
      problem_(problem),
      kernels_(kernels),
      key_(host::make_kernel_key(problem)),
      host_parameters_(host::make_parameters(problem)),
      device_inputs_(stream, problem),
      staging_(problem, host_parameters_, (replicas + block_size - 1) / block_size * block_size),
      flow_lanes_(flow_lanes) {
    batch_.parameters = device_inputs_.parameters();
    batch_.parameters_in_memory = device_inputs_.in_memory().as<model::Parameters>();
    batch_.map = key_.map;
    batch_.loss = key_.loss;
    batch_.method = key_.method;
    const std::int64_t capacity = staging_.capacity();
    const std::int64_t curves = problem.curves(), checkpoints = host_parameters_.checkpoint_count;
    batch_.bytes_per_item = sizes_of(key_, host_parameters_, 1).item;
    memory_ = Buffer(stream, arenas(batch_.bytes_per_item, capacity));
    working_ = Buffer(stream, working_bytes(capacity));
    batch_.memory = memory_.as();
    batch_.working = working_.as();
    curves_ =
        Buffer(stream, sizeof(double) * static_cast<std::size_t>(curves * checkpoints * capacity));
    moments_ =
        Buffer(stream, sizeof(MergedMoments) * static_cast<std::size_t>(curves * checkpoints));
    counts_ = Buffer(
        stream, sizeof(unsigned) *
                    static_cast<std::size_t>(curves * checkpoints * problem.config.record.bins));
    record_ = Buffer(stream, sizeof(model::Record));
    batch_.record = record_.as<model::Record>();
    if (key_.flow) queue_ = Buffer(stream, sizeof(model::Queue));
    batch_.queue = queue_.as<model::Queue>();
}

std::size_t BatchRunner::working_bytes(std::int64_t replicas) const {
    const auto sizes = [&](const Kernel& k) { return sizes_of(key_, host_parameters_, k.lanes); };
    if (!key_.flow)
        return arenas(sizes(kernels_.advance).lane, replicas * working_lanes(kernels_, key_));
    std::size_t most = arenas(sizes(kernels_.initialize).initialize, replicas);
    for (const Kernel* k : {&kernels_.flow, &kernels_.stiff})
        most = std::max<std::size_t>(most, arenas(sizes(*k).lane, teams(*k, replicas) * k->lanes));
    return most;
}

bool BatchRunner::run(ReplicaRange range, const BlockSink& deliver, const Progress& progress) {
    prepare(range);
    if (!(key_.flow ? run_flow(progress) : run_descent(progress))) return false;
    deliver_blocks(deliver);
    return true;
}

void BatchRunner::prepare(ReplicaRange range) {
    count_ = range.count;
    device_record_ = staging_.prepare(range.first, range.count);
    device_record_.issued = nullptr;
    device_record_.curves = curves_.as<double>();
    arrays_.clear();
    staging_.for_each_array(device_record_, [&](double*& pointer, std::vector<double>& array) {
        const std::size_t bytes = array.size() * sizeof(double);
        arrays_.emplace_back(stream_, bytes);
        pointer = arrays_.back().as<double>();
        stream_.upload(pointer, array.data(), bytes);
    });
    stream_.upload(record_.as(), &device_record_, sizeof device_record_);
    batch_.first = range.first;
    counts_.clear();
    const std::vector<MergedMoments> none(moments_.bytes() / sizeof(MergedMoments),
                                          model::no_moments());
    stream_.upload(moments_.as(), none.data(), moments_.bytes());
    issued_ = 0;
}

void BatchRunner::launch(const Kernel& kernel) {
    stream_.launch(kernel, batch_.items, &batch_, sizeof batch_);
}

bool BatchRunner::run_descent(const Progress& progress) {
    batch_.items = static_cast<int>(count_);
    batch_.bytes_per_lane = sizes_of(key_, host_parameters_, kernels_.advance.lanes).lane;
    launch(kernels_.start);
    if (key_.monitored) launch(kernels_.monitor);
    iteration_ = static_cast<std::int64_t>(problem_.checkpoints.front());
    for (std::size_t c = 0; c < problem_.checkpoints.size(); ++c) {
        if (!advance(static_cast<std::int64_t>(problem_.checkpoints[c]), progress)) return false;
        batch_.checkpoint = static_cast<int>(c);
        launch(kernels_.checkpoint);
    }
    stream_.synchronize();
    return true;
}

/// A launch at a time, so that a watchdog sleeps and a request to stop is heard. Launches end at
/// multiples of 64 iterations, where sums of steps in f32 end too.
bool BatchRunner::advance(std::int64_t iteration, const Progress& progress) {
    // Steps in f32 look at the state of a checkpoint themselves.
    if (iteration_ == iteration && key_.single) {
        batch_.iteration = iteration;
        launch(kernels_.advance);
    }
    while (iteration_ < iteration) {
        const std::int64_t end = (iteration_ + steps_per_launch_) / 64 * 64;
        const std::int64_t steps = std::min(iteration, end) - iteration_;
        batch_.iteration = iteration_ + steps;
        const auto begin = std::chrono::steady_clock::now();
        launch(kernels_.advance);
        stream_.synchronize();
        iteration_ += steps;
        // Towards the wanted time, by at most a factor of 4, from launches long enough to tell.
        const double share = seconds_since(begin) / seconds_per_launch;
        if (iteration_ == end || share > 1.0) {
            const double factor = std::clamp(1.0 / std::max(share, 1e-3), 0.25, 4.0);
            steps_per_launch_ = std::clamp<std::int64_t>(
                static_cast<std::int64_t>(static_cast<double>(steps) * factor), 64, 1 << 30);
        }
        if (progress && !progress(steps * count_)) return false;
    }
    return true;
}

/// Launches what host::flow_rounds asks for. The queue is the device's during a launch and the
/// host's between launches.
class BatchRunner::FlowExecutor {
public:
    FlowExecutor(BatchRunner& runner, const Progress& progress)
        : runner_(runner), batch_(runner.batch_), progress_(progress) {}

    void initialize(bool begins) {
        batch_.items = static_cast<int>(runner_.count_);
        batch_.bytes_per_lane = sizes(1).initialize;
        batch_.begins = begins;
        runner_.launch(runner_.kernels_.initialize);
    }
    void record(model::Queue& queue) {
        batch_.items = static_cast<int>(runner_.count_);
        launch(runner_.kernels_.record, queue);
        if (progress_ && !progress_(queue.ended - told_)) queue.stopped = true;
        told_ = queue.ended;
    }
    void round(model::Stage stage, model::Queue& queue) {
        const bool stiff = stage == model::Stage::stiff;
        const Kernel& kernel = stiff ? runner_.kernels_.stiff : runner_.kernels_.flow;
        long long& rounds = stiff ? stiff_rounds_ : rounds_;
        batch_.rounds = rounds;
        batch_.bytes_per_lane = sizes(kernel.lanes).lane;
        batch_.items = static_cast<int>(runner_.teams(kernel, runner_.count_));
        queue.begin_round(batch_.items);
        const auto started = std::chrono::steady_clock::now();
        launch(kernel, queue);
        const double share = seconds_since(started) / seconds_per_launch;
        if (share < 0.5) rounds = std::min(rounds * 2, 1LL << 20);
        if (share > 2.0) rounds = std::max(rounds / 2, 1LL);
    }

private:
    [[nodiscard]] Sizes sizes(int lanes) const {
        return sizes_of(runner_.key_, runner_.host_parameters_, lanes);
    }
    void launch(const Kernel& kernel, model::Queue& queue) {
        Stream& stream = runner_.stream_;
        stream.upload(runner_.queue_.as(), &queue, sizeof queue);
        runner_.launch(kernel);
        stream.download(&queue, runner_.queue_.as(), sizeof queue);
    }

    BatchRunner& runner_;
    kernels::Batch& batch_;
    const Progress& progress_;
    long long rounds_ = 64, stiff_rounds_ = 64;  // of steps in a launch
    long long told_ = 0;                         // replicas that had ended by the last report
};

bool BatchRunner::run_flow(const Progress& progress) {
    FlowExecutor executor(*this, progress);
    model::Queue queue;
    queue.count = count_;
    const bool done = host::flow_rounds(host_parameters_.stiff, queue, executor);
    issued_ = queue.issued;
    return done;
}

/// Teams that take the replicas of a flow, where there are so many.
std::int64_t BatchRunner::teams(const Kernel& kernel, std::int64_t replicas) const {
    return std::min<std::int64_t>(std::max(flow_lanes_ / kernel.lanes, 1), replicas);
}

/// What block() of the staging needs, and nothing else of the curves.
void BatchRunner::download_curves() {
    const std::int64_t curves = problem_.curves(), capacity = staging_.capacity();
    const std::int64_t checkpoints = host_parameters_.checkpoint_count;
    const double* data = curves_.as<double>();
    auto& last = staging_.last_observables();
    stream_.download(last.data(), data + (checkpoints - 1) * curves * capacity,
                     last.size() * sizeof(double));
    const std::int64_t states = staging_.state_count();
    double* to = staging_.state_clocks().data();
    for (const auto clock : {model::Observable::arc, model::Observable::log_time})
        for (std::int64_t c = 0; states > 0 && c < checkpoints; ++c, to += states)
            stream_.download(to, data + (c * curves + static_cast<int>(clock)) * capacity,
                             static_cast<std::size_t>(states) * sizeof(double));
}

void BatchRunner::deliver_blocks(const BlockSink& deliver) {
    const std::size_t curves = static_cast<std::size_t>(problem_.curves());
    const std::size_t places = curves * problem_.checkpoints.size();
    kernels::Reduction r;
    r.curves = curves_.as<double>();
    r.stride = staging_.capacity();
    r.status = device_record_.status;
    r.edges = device_inputs_.edges().as<double>();
    r.moments = moments_.as();
    r.counts = counts_.as<unsigned>();
    r.replicas = static_cast<int>(count_);
    r.curve_count = static_cast<int>(curves);
    r.checkpoints = host_parameters_.checkpoint_count;
    r.bins = static_cast<int>(problem_.config.record.bins);
    r.items = static_cast<long long>(places) * staging_.blocks();
    stream_.launch(kernels_.reduce, r.items, &r, sizeof r);

    std::size_t next = 0;
    staging_.for_each_array(device_record_, [&](double*, std::vector<double>& array) {
        stream_.download(array.data(), arrays_[next++].as(), array.size() * sizeof(double));
    });
    download_curves();
    for (std::int64_t i = 0; i < staging_.blocks(); ++i) {
        BlockResult block = staging_.block(i);
        if (i == 0) add_totals(block, places);
        deliver(std::move(block));
    }
}

/// What the device has merged over all blocks of a batch leaves with the first.
void BatchRunner::add_totals(BlockResult& block, std::size_t places) {
    block.merged_moments.resize(places);
    stream_.download(block.merged_moments.data(), moments_.as(), moments_.bytes());
    block.counts.resize(places * static_cast<std::size_t>(problem_.config.record.bins));
    stream_.download(block.counts.data(), counts_.as(), counts_.bytes());
    block.issued_steps = issued_;
}

}  // namespace softmaxflow::cuda
