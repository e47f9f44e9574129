#include <new>

#include "kernels/entries.hpp"
#include "kernels/launch.hpp"

SOFTMAXFLOW_DESCENT_ENTRIES(SOFTMAXFLOW_KERNEL)
