#pragma once
/// The bodies of the kernels of claim_list.hpp.

#include "kernels/flow.hpp"
#include "kernels/kernel_list.hpp"
#include "kernels/monitored_descent.hpp"
#include "kernels/reduce.hpp"
