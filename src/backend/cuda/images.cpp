// The kernels that the build compiled, as they lie in the program.

#include "backend/cuda/images.hpp"

#if defined(SOFTMAXFLOW_CUDA_KERNELS)

#include "kernels/kernel_list.hpp"

// SOFTMAXFLOW_KERNELS_FOLDER is where CMake has nvcc put them.
#define SOFTMAXFLOW_EMBED(list)                                                           \
    asm(".section .rodata\n.balign 16\n.global softmaxflow_" #list "\nsoftmaxflow_" #list \
        ":\n.incbin \"" SOFTMAXFLOW_KERNELS_FOLDER "/" #list ".fatbin\"\n.previous\n");   \
    extern "C" const char softmaxflow_##list[];

SOFTMAXFLOW_IMAGES(SOFTMAXFLOW_EMBED)

#define SOFTMAXFLOW_NAME(name, lanes, arguments, body) {#name, lanes},
#define SOFTMAXFLOW_LISTED(list) \
    {softmaxflow_##list, {SOFTMAXFLOW_##list##_ENTRIES(SOFTMAXFLOW_NAME)}},

namespace softmaxflow::cuda {

const std::vector<Image>& images() {
    static const std::vector<Image> all = {SOFTMAXFLOW_IMAGES(SOFTMAXFLOW_LISTED)};
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
