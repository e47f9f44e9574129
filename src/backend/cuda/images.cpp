// The kernels that the build compiled, as they lie in the program.

#include "backend/cuda/images.hpp"

#if defined(SOFTMAXFLOW_CUDA_KERNELS)

#include "kernels/kernel_list.hpp"

// SOFTMAXFLOW_KERNELS_FOLDER is where CMake has nvcc put them.
#define SOFTMAXFLOW_EMBED(image)                                                            \
    asm(".section .rodata\n.balign 16\n.global softmaxflow_" #image "\nsoftmaxflow_" #image \
        ":\n.incbin \"" SOFTMAXFLOW_KERNELS_FOLDER "/" #image ".fatbin\"\n.previous\n");    \
    extern "C" const char softmaxflow_##image[];

SOFTMAXFLOW_IMAGES(SOFTMAXFLOW_EMBED)

#define SOFTMAXFLOW_LISTED(image) softmaxflow_##image,

namespace softmaxflow::cuda {

const std::vector<const char*>& images() {
    static const std::vector<const char*> all = {SOFTMAXFLOW_IMAGES(SOFTMAXFLOW_LISTED)};
    return all;
}

}  // namespace softmaxflow::cuda

#else

namespace softmaxflow::cuda {

const std::vector<const char*>& images() {
    static const std::vector<const char*> none;
    return none;
}

}  // namespace softmaxflow::cuda

#endif
