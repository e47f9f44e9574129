#pragma once
/// What integrations have in the place of a watcher that looks for claims (watch.hpp).

#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/model/numerics/arena.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct Unwatched {
    static constexpr bool watches = false;
    Unwatched() = default;
    SOFTMAXFLOW_HD Unwatched(const Parameters&, const Record&, Arena&) {}
    template <class... Anything>
    SOFTMAXFLOW_HD void start(const Anything&...) const {}
    SOFTMAXFLOW_HD void seat(int, Int) const {}
    SOFTMAXFLOW_HD void leave(int, Int) const {}
    template <class... Anything>
    SOFTMAXFLOW_HD void look(const Anything&...) const {}
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
