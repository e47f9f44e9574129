#pragma once
/// What runs replicas. Four verbs; no stream, buffer or thread type leaves a backend.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "softmaxflow/problem.hpp"
#include "softmaxflow/result.hpp"

namespace softmaxflow {

struct Device {
    std::string name;  ///< "AMD EPYC, 2 threads, avx512 (8 x f64)"
    bool usable = true;
    std::string reason;  ///< why it is not usable
};

/// Whether a backend can run a problem, and if not, why.
struct Support {
    bool ok = true;
    std::string reason;
};

/// Replicas [first, first + count); `first` is a multiple of block_size.
struct ReplicaRange {
    std::int64_t first = 0;
    std::int64_t count = 0;
};

/// Receives finished blocks, in any order, one call at a time.
using BlockSink = std::function<void(BlockResult&&)>;
/// Told of work done since the last call, in replica-steps, or of a flow in replicas that ended (or
/// 0); may be called from any thread.
/// Returns false to ask the backend to stop.
using Progress = std::function<bool(std::int64_t work)>;

class Backend {
public:
    virtual ~Backend() = default;
    [[nodiscard]] virtual std::string name() const = 0;
    [[nodiscard]] virtual std::vector<Device> devices() const = 0;
    [[nodiscard]] virtual Support supports(const Problem& problem) const = 0;
    virtual void run(const Problem& problem, ReplicaRange range, const BlockSink& deliver,
                     const Progress& progress) = 0;
};

struct BackendOptions {
    int threads = 0;              ///< 0: all
    std::string instruction_set;  ///< "" = best of this machine; else one of instruction_sets()
    bool kernel_cache = true;     ///< keep kernels compiled at run time on disk
};

std::unique_ptr<Backend> make_cpu_backend(const BackendOptions& options);

/// Why no CUDA device can be used here; empty if one can.
std::string why_no_cuda();
/// All CUDA devices of this machine. Throws Error(device) where why_no_cuda() has a reason.
std::unique_ptr<Backend> make_cuda_backend(const BackendOptions& options);

/// Instruction sets compiled in, best first: a subset of avx512, avx2, generic.
std::vector<std::string> instruction_sets();
/// The subset that this machine executes.
std::vector<std::string> usable_instruction_sets();

}  // namespace softmaxflow
