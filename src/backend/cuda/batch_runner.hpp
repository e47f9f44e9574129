#pragma once
/// Replicas on a device, from their starts to the blocks that leave it.

#include "backend/cuda/device.hpp"
#include "backend/cuda/specialisation.hpp"
#include "backend/host/staging.hpp"
#include "kernels/batch.hpp"
#include "softmaxflow/backend.hpp"

namespace softmaxflow::cuda {

/// A problem's data on a device.
class DeviceInputs {
public:
    DeviceInputs(Stream& stream, const Problem& problem);
    /// With the pointers of the device.
    [[nodiscard]] const model::Parameters& parameters() const { return parameters_; }
    [[nodiscard]] const Buffer& in_memory() const { return in_memory_; }
    [[nodiscard]] const Buffer& edges() const { return edges_; }

private:
    model::Parameters parameters_;
    std::vector<Buffer> arrays_;
    Buffer in_memory_, edges_;
};

/// The kernels that run a problem.
struct Kernels {
    Kernel start, monitor, advance, checkpoint;  ///< descent; monitor: only if claims are monitored
    Kernel initialize, flow, stiff,
        record;  ///< flow: steps by the explicit method, by the implicit
    Kernel reduce;
    bool specialised = false;  ///< advance or flow is compiled for the sizes at hand
};

/// Bytes of device memory that a replica of a batch takes.
std::size_t bytes_per_replica(const Problem& problem, const Kernels& kernels);
/// Those that a lane takes which steps replicas of a flow.
std::size_t bytes_per_flow_lane(const Problem& problem, const Kernels& kernels);

/// Runs batches of a problem on one stream, one after the other.
class BatchRunner {
public:
    /// `replicas`: of the largest batch. Throws OutOfMemory.
    BatchRunner(Stream& stream, const Problem& problem, const Kernels& kernels,
                std::int64_t replicas, int flow_lanes);

    /// False if `progress` asked to stop; then nothing is delivered. Throws OutOfMemory before it
    /// has reported any progress, DeviceError at any time.
    bool run(ReplicaRange range, const BlockSink& deliver, const Progress& progress);

private:
    class FlowExecutor;
    void prepare(ReplicaRange range);
    bool run_descent(const Progress& progress);
    bool run_flow(const Progress& progress);
    bool advance(std::int64_t iteration, const Progress& progress);
    [[nodiscard]] std::size_t working_bytes(std::int64_t replicas) const;
    [[nodiscard]] std::int64_t teams(const Kernel& kernel, std::int64_t replicas) const;
    void launch(const Kernel& kernel);
    void deliver_blocks(const BlockSink& deliver);
    void download_curves();
    void add_totals(BlockResult& block, std::size_t places);

    Stream& stream_;
    const Problem& problem_;
    Kernels kernels_;
    host::KernelKey key_;
    model::Parameters host_parameters_;
    DeviceInputs device_inputs_;
    host::Staging staging_;
    int flow_lanes_;
    kernels::Batch batch_;
    Buffer memory_, working_, curves_, record_, queue_, moments_, counts_;
    model::Record device_record_;
    std::vector<Buffer> arrays_;
    std::int64_t count_ = 0, steps_per_launch_ = 1024, iteration_ = 0;
    long long issued_ = 0;
};

}  // namespace softmaxflow::cuda
