// The kernels of few tokens, on two vectors at a time.

#include "backend/cpu/run.hpp"

namespace softmaxflow::cpu {
inline namespace SOFTMAXFLOW_TARGET {
namespace {

/// Two vectors in flight hide the latency of the chain exp - sum - reciprocal - output - residual;
/// with more tokens one vector has enough to do, and fits the first cache.
using Two = model::Pack<width, 2>;

}  // namespace

Kernel few_tokens(int tokens) {
    switch (tokens) {
        case 4:
            return descent<model::Logistic, Two, 4, 1>;
        case 8:
            return descent<model::Logistic, Two, 8, 1>;
        case 16:
            return descent<model::Logistic, Two, 16, 1>;
        default:
            return {};
    }
}

}  // namespace SOFTMAXFLOW_TARGET
}  // namespace softmaxflow::cpu
