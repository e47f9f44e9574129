#pragma once
/// What integrations have in the place of a monitor that looks for claims (monitor.hpp).

#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/model/numerics/arena.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

struct NoMonitor {
    static constexpr bool monitors = false;
    NoMonitor() = default;
    SOFTMAXFLOW_HD NoMonitor(const Parameters&, const Record&, Arena&) {}
    template <class... Anything>
    SOFTMAXFLOW_HD void start(const Anything&...) const {}
    SOFTMAXFLOW_HD void load(int, Int) const {}
    SOFTMAXFLOW_HD void store(int, Int) const {}
    template <class... Anything>
    SOFTMAXFLOW_HD void look(const Anything&...) const {}
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
