#include "session/counting_backend.hpp"

#include "backend/host/column_extents.hpp"

namespace softmaxflow {

Progress progress_of(const RunCallbacks& callbacks) {
    return [&callbacks](std::int64_t work) {
        if (callbacks.progress) callbacks.progress(work, 0);
        return !callbacks.stop || !callbacks.stop();
    };
}

void CountingBackend::run(const Problem& problem, ReplicaRange range, const BlockSink& deliver,
                          const Progress& progress) {
    const BlockSink counting = [&](BlockResult&& block) {
        const std::int64_t failed = host::failed_replicas(block);
        if (callbacks_.progress && failed > 0) callbacks_.progress(0, failed);
        deliver(std::move(block));
    };
    backend_.run(problem, range, counting, progress);
}

}  // namespace softmaxflow
