#pragma once
/// What a launch works on: plain data, handed to a kernel by value. Pointers are those of the
/// device.

#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/model/integrator/queue.hpp"

namespace softmaxflow::kernels {

/// Threads of a block: a team that is wider than a warp is a block.
constexpr int threads_of(int lanes) { return lanes > 32 ? lanes : 128; }

/// Replicas of a run; in a round of steps of the flow, teams that take them.
struct Batch {
    model::Parameters parameters;
    /// The same in memory, for objects that outlive a launch.
    const model::Parameters* parameters_in_memory = nullptr;
    const model::Record* record = nullptr;

    char* memory = nullptr;  // what a replica keeps between launches
    unsigned long bytes_per_item = 0;
    char* working = nullptr;  // what a lane uses during a launch
    unsigned long bytes_per_lane = 0;

    long long first = 0;  // replica
    int items = 0;        // replicas, or teams
    int map = 0, loss = 0, method = 0;

    // What is to be done: go to an iteration, record a checkpoint, try some rounds of steps.
    long long iteration = 0;
    int checkpoint = 0;
    bool begins = false;  // flow: replicas are drawn
    long long rounds = 0;
    model::Queue* queue = nullptr;  // flow
};

/// Observables of replicas, to be reduced block by block: an item is one curve at one checkpoint of
/// one block.
struct Reduction {
    const double* curves = nullptr;  // (checkpoint, curve, replica)
    long long stride = 0;
    const double* status = nullptr;  // (replica)
    const double* edges = nullptr;   // (curve, bins + 1)
    char* moments = nullptr;         // (curve, checkpoint): MergedMoments; added to
    unsigned* counts = nullptr;      // (curve, checkpoint, bin): of all blocks; added to
    int replicas = 0, curve_count = 0, checkpoints = 0, bins = 0;
    long long items = 0;
};

}  // namespace softmaxflow::kernels
