#include <new>

#include "kernels/entries.hpp"
#include "kernels/launch.hpp"

SOFTMAXFLOW_STEP_ENTRIES(SOFTMAXFLOW_KERNEL)
