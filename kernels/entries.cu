// The kernels of one image of kernel_list.hpp. The build makes SOFTMAXFLOW_IN_<image>(...) nothing
// for all images but that one, for which it is SOFTMAXFLOW_KERNEL(__VA_ARGS__).

#include <new>

#include "kernels/entries.hpp"
#include "kernels/launch.hpp"

#define SOFTMAXFLOW_IF_BUILT(image, ...) SOFTMAXFLOW_IN_##image(__VA_ARGS__)
SOFTMAXFLOW_KERNELS(SOFTMAXFLOW_IF_BUILT)
