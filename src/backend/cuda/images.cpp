// The kernels that the build compiled, as they lie in the program.

#include "backend/cuda/images.hpp"

#if defined(SOFTMAXFLOW_CUDA_KERNELS)

#include "kernels/list.hpp"

// SOFTMAXFLOW_KERNELS_FOLDER is where CMake has nvcc put them.
#define SOFTMAXFLOW_IMAGE(name)                                                           \
    asm(".section .rodata\n.balign 16\n.global softmaxflow_" #name "\nsoftmaxflow_" #name \
        ":\n.incbin \"" SOFTMAXFLOW_KERNELS_FOLDER "/" #name ".fatbin\"\n.previous\n");   \
    extern "C" const char softmaxflow_##name[]

SOFTMAXFLOW_IMAGE(entries_descent);
SOFTMAXFLOW_IMAGE(entries_steps);
SOFTMAXFLOW_IMAGE(entries_flow);
SOFTMAXFLOW_IMAGE(entries_flow_f32);

#define SOFTMAXFLOW_NAME(name, lanes, arguments, body) {#name, lanes},

namespace softmaxflow::cuda {

const std::vector<Image>& images() {
    static const std::vector<Image> all = {
        {softmaxflow_entries_descent, {SOFTMAXFLOW_DESCENT_ENTRIES(SOFTMAXFLOW_NAME)}},
        {softmaxflow_entries_steps, {SOFTMAXFLOW_STEP_ENTRIES(SOFTMAXFLOW_NAME)}},
        {softmaxflow_entries_flow, {SOFTMAXFLOW_FLOW_ENTRIES(SOFTMAXFLOW_NAME)}},
        {softmaxflow_entries_flow_f32, {SOFTMAXFLOW_FLOW_F32_ENTRIES(SOFTMAXFLOW_NAME)}},
    };
    return all;
}

}  // namespace softmaxflow::cuda

#else

namespace softmaxflow::cuda {

const std::vector<Image>& images() {
    static const std::vector<Image> none;
    return none;
}

}  // namespace softmaxflow::cuda

#endif
