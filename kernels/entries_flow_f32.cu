#include <new>

#include "kernels/entries.hpp"
#include "kernels/launch.hpp"

SOFTMAXFLOW_FLOW_F32_ENTRIES(SOFTMAXFLOW_KERNEL)
