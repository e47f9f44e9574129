// The loop of steps for one map, loss, method and size, given by macros: compiled when a program
// runs, for the shape at hand.
#include "kernels/descent.hpp"
#include "kernels/launch.hpp"
#include "softmaxflow/model/dynamics/carried_exponentials.hpp"

using namespace softmaxflow;

using Team = kernels::TeamOf<SOFTMAXFLOW_LANES>::Type;
#if defined(SOFTMAXFLOW_CARRIED)
using System = model::CarriedValueSoftmax<model::SOFTMAXFLOW_LOSS, SOFTMAXFLOW_REAL,
                                          SOFTMAXFLOW_TOKENS, SOFTMAXFLOW_OUTPUTS>;
using Method = model::CarriedDescent;
#else
using System = model::ValueSoftmax<model::SOFTMAXFLOW_MAP, model::SOFTMAXFLOW_LOSS,
                                   SOFTMAXFLOW_REAL, Team, SOFTMAXFLOW_TOKENS, SOFTMAXFLOW_OUTPUTS>;
using Method = model::SOFTMAXFLOW_METHOD;
#endif

// What the program that launches it believes.
static_assert(sizeof(kernels::DescentState<SOFTMAXFLOW_REAL>) == SOFTMAXFLOW_REPLICA_BYTES);
static_assert(sizeof(kernels::Batch) == SOFTMAXFLOW_BATCH_BYTES);

extern "C" __global__ void __launch_bounds__(SOFTMAXFLOW_THREADS, SOFTMAXFLOW_BLOCKS)
    advance(const __grid_constant__ kernels::Batch batch) {
    kernels::run_item<Team::size>(batch, [](const auto& b, long long item, auto team) {
        kernels::advance<System, Method>(b, item, team);
    });
}
