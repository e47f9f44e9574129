// The kernels of one list of claim_list.hpp, which the build names: SOFTMAXFLOW_ENTRIES.

#include <new>

#include "kernels/entries.hpp"
#include "kernels/launch.hpp"

SOFTMAXFLOW_ENTRIES(SOFTMAXFLOW_KERNEL)
