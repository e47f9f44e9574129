#include "input/restart_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backend/host/column_extents.hpp"
#include "backend/host/traits_of.hpp"
#include "input/objective_check.hpp"
#include "softmaxflow/ensemble.hpp"

namespace softmaxflow {
namespace {

using Values = std::vector<double>;
using model::state_columns;
namespace state_column = model::state_column;

/// Of a row-major array whose first extent is `rows`.
Values row_of(const Values& array, std::int64_t row, std::int64_t rows) {
    const auto size = static_cast<std::ptrdiff_t>(array.size()) / rows;
    return {array.begin() + row * size, array.begin() + (row + 1) * size};
}

std::string outputs_key(const model::LossTraits& loss) {
    if (loss.objective.outputs_key != nullptr) return loss.objective.outputs_key;
    return fmt::format("the number of outputs of objective.loss \"{}\"", loss.name);
}

class StateReader {
public:
    StateReader(const NetcdfInput& file, const Config& config)
        : file_(file),
          config_(config),
          outputs_(output_count(config)),
          state_{"state", config.ensemble.replicas_given ? config.ensemble.replicas : 0,
                 "ensemble.replicas"},
          output_{"output", outputs_, outputs_key(loss_traits(config))},
          token_{"token", config.model.tokens, "model.tokens"} {}

    RestartData read(const ObjectiveData& objective) {
        expect_known();
        expect_kind();
        choose_checkpoint();
        RestartData restart;
        Values& values = restart.columns[state_column::projected_values];
        values = read_column(state_column::projected_values);
        states_ = static_cast<std::int64_t>(values.size()) / outputs_ / config_.model.tokens;
        restart.replicas = states_;
        for (const int c : {state_column::logits, state_column::arc})
            restart.columns[c] = read_column(c);
        restart.checkpoint = is_flow(config_) ? required("checkpoint_clock", {at_}).front()
                                              : integers("iteration", {at_}).front();
        read_ranks(restart);
        read_objective(restart, objective);
        read_memory(restart);
        if (is_flow(config_)) read_integrator(restart);
        return restart;
    }

private:
    using Dimension = NetcdfInput::Dimension;

    void expect_known() const {
        std::vector<std::string> known = {"iteration", "time", "replica", "checkpoint_clock",
                                          "distribution"};
        for (const model::StateColumn& column : state_columns)
            if (!host::is_memory(column)) known.emplace_back(column.name);
        for (const char* method : model::Methods::names) {
            for (const std::string& name : memory_names(method)) {
                known.push_back(name + "_" + state_columns[state_column::memory_logits].name);
                known.push_back(name + "_" + state_columns[state_column::memory_values].name);
            }
        }
        file_.expect_only(known);
    }

    /// States of descent lack what a flow goes on with, and its clock; and the other way round.
    void expect_kind() const {
        const bool flow_states = file_.has("checkpoint_clock");
        const bool arc_states = flow_states && !file_.has("time");
        if (!is_flow(config_) && flow_states) {
            file_.fail(
                fmt::format("these are states of a flow, but dynamics.method = \"{}\" goes "
                            "on from states of descent; set dynamics.method = \"flow\"",
                            config_.dynamics.method));
        }
        if (!is_flow(config_)) return;
        if (!flow_states && file_.has("iteration")) {
            file_.fail(
                "these are states of descent, but dynamics.method = \"flow\" goes on from states "
                "of a flow; set dynamics.method to that of the first run");
        }
        if (flow_states && arc_states != has_arc_clock(config_)) {
            const char* clock = arc_states ? "arc" : "time";
            file_.fail(
                fmt::format("these states are of a flow with dynamics.clock = \"{}\", but "
                            "the config has \"{}\"; set dynamics.clock = \"{}\"",
                            clock, config_.dynamics.clock, clock));
        }
    }

    void choose_checkpoint() {
        const std::int64_t count = file_.dimension("checkpoint").value_or(0);
        const std::int64_t chosen = config_.init.checkpoint;
        if (chosen >= count) {
            file_.fail(
                fmt::format("init.checkpoint = {}, but the file has {} checkpoints; expected "
                            "0 .. {}, or -1 for the last",
                            chosen, count, count - 1));
        }
        at_.only = chosen < 0 ? count - 1 : chosen;
    }

    Values present(const std::string& name, std::optional<NetcdfInput::Variable>&& variable) const {
        if (variable) return std::move(variable->values);
        file_.fail(name, "not in the file, but needed to go on; states.nc of this version has it");
    }
    Values required(const std::string& name, const std::vector<Dimension>& dimensions) const {
        return present(name, file_.read(name, dimensions));
    }
    /// The extents of a column in the file.
    std::vector<Dimension> dimensions_of(int c) const {
        const model::StateColumn& column = state_columns[c];
        std::vector<Dimension> dimensions = {state_};
        if (column.when == model::When::checkpoint) dimensions.push_back(at_);
        for (const model::Axis axis : column.axes) {
            if (axis == model::Axis::token) dimensions.push_back(token_);
            if (axis == model::Axis::output) dimensions.push_back(output_);
            if (axis == model::Axis::output_b)
                dimensions.push_back({"output_b", outputs_, output_.key});
            if (axis == model::Axis::dim)
                dimensions.push_back({"dim", config_.model.dim, "model.dim"});
            if (axis == model::Axis::controller_entry)
                dimensions.push_back({"controller_entry", 2, "the number of its entries"});
        }
        return dimensions;
    }
    Values read_column(int c) const {
        const model::StateColumn& column = state_columns[c];
        if (column.stored == model::Stored::int32) return integers(column.name, dimensions_of(c));
        return required(column.name, dimensions_of(c));
    }
    Values integers(const std::string& name, const std::vector<Dimension>& dimensions) const {
        return present(name, file_.read_integers(name, dimensions));
    }

    void read_ranks(RestartData& restart) const {
        const Values& all = restart.columns[state_column::rank] = read_column(state_column::rank);
        const Values& leaders = restart.columns[state_column::initial_leader] =
            read_column(state_column::initial_leader);
        for (std::int64_t state = 0; state < states_; ++state) {
            const Values ranks = row_of(all, state, states_);
            Values sorted = ranks;
            std::sort(sorted.begin(), sorted.end());
            for (std::size_t i = 0; i < sorted.size(); ++i) {
                if (sorted[i] == double(i)) continue;
                file_.fail("rank",
                           fmt::format("expected each of 0 .. {} once, found {} in state {}",
                                       sorted.size() - 1, fmt::join(ranks, ", "), state));
            }
            const auto first = std::find(ranks.begin(), ranks.end(), 0.0) - ranks.begin();
            const double leader = leaders[std::size_t(state)];
            if (leader == double(first)) continue;
            file_.fail("initial_leader",
                       fmt::format("state {} has token {}, but the token of rank 0 is {}", state,
                                   leader, first));
        }
    }

    void read_objective(RestartData& restart, const ObjectiveData& objective) const {
        const model::LossTraits& loss = loss_traits(config_);
        const model::ResponseRole role = loss.objective.response;
        Values& metric = restart.columns[state_column::metric] = read_column(state_column::metric);
        Values& response = restart.columns[state_column::response];
        for (std::int64_t state = 0; state < states_; ++state)
            check_metric(file_, row_of(metric, state, states_), outputs_, loss);
        if (role == model::ResponseRole::distribution) {
            response =
                required(loss.objective.text.variable, {state_, {"class", outputs_, "model.dim"}});
            for (std::int64_t state = 0; state < states_; ++state)
                check_distribution(file_, row_of(response, state, states_));
        } else if (role == model::ResponseRole::none) {
            response.assign(std::size_t(states_ * outputs_), 0.0);
        } else {
            response = read_column(state_column::response);
        }
        if (role == model::ResponseRole::labels) check_labels(file_, response);
        if (role == model::ResponseRole::radius) check_radius(response);
        restart.columns[state_column::loss_floor].assign(std::size_t(states_), 0.0);
        if (loss.objective.has_floor)
            restart.columns[state_column::loss_floor] = read_column(state_column::loss_floor);
        if (loss.objective.has_target)
            restart.columns[state_column::target] = read_column(state_column::target);
        check_objective_file(restart, objective);
    }

    void check_radius(const Values& response) const {
        for (const double radius : response) {
            if (radius == config_.objective.radius) continue;
            file_.fail("response",
                       fmt::format("the states have the radius {}, but objective.radius = {}; make "
                                   "them equal",
                                   radius, config_.objective.radius));
        }
    }

    /// The states bring their objective along; another one in objective.file would be ignored.
    void check_objective_file(const RestartData& restart, const ObjectiveData& objective) const {
        const bool classes = !objective.distribution.empty();
        const Values& response = classes ? objective.distribution : objective.response;
        for (std::int64_t state = 0; state < states_; ++state) {
            const auto expect_same = [&](const char* name, const Values& mine,
                                         const Values& given) {
                if (given.empty() || mine == given) return;
                file_.fail(name, fmt::format("state {} has another one than objective.file; the "
                                             "states bring their objective along: remove "
                                             "objective.file, or name the file of the first run",
                                             state));
            };
            Values diagonal;
            const Values metric = row_of(restart.columns[state_column::metric], state, states_);
            for (std::size_t i = 0; i < metric.size(); i += std::size_t(outputs_) + 1)
                diagonal.push_back(metric[i]);
            expect_same("metric", diagonal, objective.metric);
            expect_same(classes ? "distribution" : "response",
                        row_of(restart.columns[state_column::response], state, states_), response);
        }
    }

    void read_memory(RestartData& restart) const {
        const std::vector<std::string> names = memory_names(config_.dynamics.method);
        std::size_t found = 0;
        for (std::size_t i = 0; i < names.size(); ++i) {
            const int of_logits_column =
                state_column::memory(state_column::memory_logits, static_cast<int>(i));
            const int of_values_column =
                state_column::memory(state_column::memory_values, static_cast<int>(i));
            const std::string logits = names[i] + "_" + state_columns[of_logits_column].name;
            const std::string values = names[i] + "_" + state_columns[of_values_column].name;
            auto of_logits = file_.read(logits, dimensions_of(of_logits_column));
            auto of_values = file_.read(values, dimensions_of(of_values_column));
            if (of_logits.has_value() != of_values.has_value()) {
                file_.fail(of_logits ? logits : values,
                           fmt::format("found without {}; give both, or none to start from rest",
                                       of_logits ? values : logits));
            }
            if (!of_logits) continue;
            found += 1;
            restart.columns[of_logits_column] = std::move(of_logits->values);
            restart.columns[of_values_column] = std::move(of_values->values);
        }
        if (found != 0 && found != names.size()) {
            file_.fail(
                fmt::format("expected all of {} (logits and projected_values) for "
                            "dynamics.method = \"{}\", or none to start from rest",
                            fmt::join(names, ", "), config_.dynamics.method));
        }
    }

    void read_integrator(RestartData& restart) const {
        for (int c = 0; c < state_column::count; ++c)
            if (state_columns[c].carriers == model::Carriers::flow)
                restart.columns[c] = read_column(c);
        // The logarithm of no time at all is NaN, and files are not read for NaN.
        Values& log_time = restart.columns[state_column::log_time];
        log_time.assign(std::size_t(states_), std::numeric_limits<double>::quiet_NaN());
        if (restart.checkpoint > 0) log_time = read_column(state_column::log_time);
        const Values& clocks = restart.columns[state_column::clock];
        for (std::int64_t state = 0; state < states_; ++state) {
            const double clock = clocks[std::size_t(state)];
            if (clock >= 0 && clock <= restart.checkpoint) continue;
            file_.fail("clock",
                       fmt::format("expected values from 0 to checkpoint_clock = {}, found {} in "
                                   "state {}",
                                   restart.checkpoint, clock, state));
        }
    }

    const NetcdfInput& file_;
    const Config& config_;
    std::int64_t outputs_;
    Dimension state_, at_{"checkpoint"}, output_, token_;
    std::int64_t states_ = 0;
};

}  // namespace

std::vector<std::string> memory_names(const std::string& method) {
    std::vector<std::string> names;
    if (method == flow_method) return names;
    const model::MethodTraits& traits = row_of(model::method_table, method);
    for (int i = 0; i < traits.memories; ++i) names.emplace_back(traits.memory[i].name);
    return names;
}

std::optional<RestartData> read_restart(const NetcdfInput& file, const Config& config,
                                        const ObjectiveData& objective) {
    if (!file.has("projected_values")) return std::nullopt;
    return StateReader(file, config).read(objective);
}

}  // namespace softmaxflow
