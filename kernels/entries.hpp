#pragma once
/// The bodies of the kernels of list.hpp.

#include "kernels/flow.hpp"
#include "kernels/list.hpp"
#include "kernels/reduce.hpp"
#include "kernels/watch.hpp"
