// Steps of the flow for one map, loss, scheme and size, given by macros: compiled when a program
// runs, for the shape at hand.
#include "kernels/integrate.hpp"
#include "kernels/launch.hpp"

using namespace softmaxflow;

using Team = kernels::TeamOf<SOFTMAXFLOW_LANES>::Type;
using System = model::ValueSoftmax<model::SOFTMAXFLOW_MAP, model::SOFTMAXFLOW_LOSS,
                                   SOFTMAXFLOW_REAL, Team, SOFTMAXFLOW_TOKENS, SOFTMAXFLOW_OUTPUTS>;
using Part =
    model::Integration<System, model::Explicit<model::SOFTMAXFLOW_METHOD, System>, model::Solo>;

// What the program that launches it believes.
static_assert(sizeof(kernels::Trajectory<SOFTMAXFLOW_REAL>) == SOFTMAXFLOW_REPLICA_BYTES);
static_assert(sizeof(kernels::Batch) == SOFTMAXFLOW_BATCH_BYTES);

extern "C" __global__ void __launch_bounds__(SOFTMAXFLOW_THREADS, SOFTMAXFLOW_BLOCKS)
    integrate(const __grid_constant__ kernels::Batch batch) {
    kernels::run_item<Team::size>(batch, [](const auto& b, long long item, auto team) {
        kernels::integrate<Part>(b, item, team);
    });
}
