#include <new>

#include "kernels/entries.hpp"
#include "kernels/launch.hpp"

SOFTMAXFLOW_FLOW_ENTRIES(SOFTMAXFLOW_KERNEL)
