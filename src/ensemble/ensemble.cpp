#include "softmaxflow/ensemble.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "ensemble/accumulator.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

/// Blocks tile the replicas: each starts on a multiple of block_size, and only the last is short.
void require_block(const BlockResult& block, std::int64_t replicas) {
    if (block.first % block_size != 0 || block.first < 0 || block.first >= replicas ||
        block.count != std::min<std::int64_t>(block_size, replicas - block.first))
        throw Error(Exit::internal,
                    fmt::format("backend delivered replicas {} to {} of {}, which "
                                "is no block of {}",
                                block.first, block.first + block.count, replicas, block_size));
}

}  // namespace

CellResult run_ensemble(const Problem& problem, Backend& backend, const Progress& progress) {
    if (const Support support = backend.supports(problem); !support.ok)
        throw Error(Exit::usage, fmt::format("backend {} cannot run this problem: {}",
                                             backend.name(), support.reason));

    const std::int64_t replicas = problem.config.ensemble.replicas;
    CellAccumulator cell(problem);
    std::atomic<bool> stopped = false;
    backend.run(
        problem, {0, replicas},
        [&](BlockResult&& block) {
            require_block(block, replicas);
            cell.add(std::move(block));
        },
        [&](std::int64_t work) {
            const bool go_on = !progress || progress(work);
            if (!go_on) stopped = true;
            return go_on;
        });

    if (cell.replicas() != replicas) {
        if (stopped)
            throw Error(Exit::stopped, fmt::format("stopped after {} of {} replicas: nothing was "
                                                   "written, run again",
                                                   cell.replicas(), replicas));
        throw Error(Exit::internal, fmt::format("backend {} delivered {} of {} replicas",
                                                backend.name(), cell.replicas(), replicas));
    }
    return cell.finish();
}

}  // namespace softmaxflow
