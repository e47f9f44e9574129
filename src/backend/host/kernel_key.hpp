#pragma once
/// What decides which kernel runs a problem, as plain numbers.

namespace softmaxflow::host {

/// Indices into the lists of model/dynamics/catalogue.hpp.
struct KernelKey {
    int map = 0;
    int loss = 0;
    int method = 0;
    bool flow = false;       ///< gradient flow; `method` means nothing then
    int order = 5;           ///< flow
    bool fast = false;       ///< carried exponentials: softmax and gradient descent without decay
    bool single = false;     ///< steps in f32
    bool monitored = false;  ///< claims are monitored along
};

}  // namespace softmaxflow::host
