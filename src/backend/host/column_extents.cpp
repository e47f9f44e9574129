#include "backend/host/column_extents.hpp"

#include "backend/host/traits_of.hpp"
#include "softmaxflow/model/claims/claim_list.hpp"

namespace softmaxflow::host {

using model::Axis;
using model::Carriers;

ColumnExtents column_extents(const Config& config, std::int64_t outputs) {
    ColumnExtents extents;
    extents.tokens = config.model.tokens;
    extents.outputs = outputs;
    extents.dim = config.model.dim;
    extents.thresholds = static_cast<std::int64_t>(config.record.thresholds.size());
    extents.claims = model::MonitoredClaims::size;
    extents.flow = is_flow(config);
    extents.memories = method_traits(config).memories;
    extents.has_target = loss_traits(config).objective.has_target;
    return extents;
}

ColumnExtents column_extents(const Problem& problem) {
    ColumnExtents extents = column_extents(problem.config, problem.outputs);
    extents.monitored = problem.monitor.claims != 0;
    return extents;
}

std::string shape_text(const model::StateColumn& column) {
    constexpr const char* names[] = {
        "", "token", "output", "output", "dim", "controller_entry", "threshold", "claim"};
    std::string text = "state";
    for (const Axis axis : column.axes)
        if (axis != Axis::none) text += std::string(" x ") + names[static_cast<int>(axis)];
    return text;
}

bool is_needed(const ColumnExtents& extents, const model::StateColumn& column) {
    if (!extents.carried_by(column.carriers)) return false;
    return column.at_restart == model::AtRestart::needed ||
           (column.at_restart == model::AtRestart::needed_by_flow && extents.flow);
}

ColumnArrays at_checkpoint(const StateRecord& state, std::size_t checkpoint,
                           std::size_t checkpoints) {
    ColumnArrays arrays;
    for (int c = 0; c < state_column::count; ++c) {
        const std::vector<double>& whole = state.columns[c];
        if (whole.empty()) continue;
        const bool every = model::state_columns[c].when == model::When::checkpoint;
        const std::size_t size = every ? whole.size() / checkpoints : whole.size();
        const auto begin =
            whole.begin() + static_cast<std::ptrdiff_t>(every ? checkpoint * size : 0);
        arrays[c].assign(begin, begin + static_cast<std::ptrdiff_t>(size));
    }
    return arrays;
}

void append_state(RestartData& restart, const ColumnArrays& state) {
    ++restart.replicas;
    for (int c = 0; c < state_column::count; ++c) {
        if (model::state_columns[c].at_restart == model::AtRestart::not_read) continue;
        const std::vector<double>& part = state[c];
        std::vector<double>& all = restart.columns[c];
        all.insert(all.end(), part.begin(), part.end());
    }
}

std::int64_t failed_replicas(const BlockResult& block) {
    std::int64_t failed = 0;
    for (std::int64_t i = 0; i < block.count; ++i) failed += is_ok(status_of(block, i)) ? 0 : 1;
    return failed;
}

}  // namespace softmaxflow::host
