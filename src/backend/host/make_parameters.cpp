#include "backend/host/make_parameters.hpp"

#include <fmt/format.h>

#include <iterator>

#include "backend/host/schemes.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow::host {
namespace {

template <class List>
int index_of(List, const std::string& name) {
    for (int i = 0; i < List::size; ++i)
        if (name == List::names[i]) return i;
    throw Error(Exit::internal, fmt::format("`{}` is not in the catalogue", name));
}

model::Target target_of(const std::string& name) {
    if (name == "random_normal") return model::Target::random_normal;
    if (name == "basis") return model::Target::basis;
    return model::Target::random_unit;
}

model::ValueLaw value_law_of(const std::string& name) {
    // In the order of the enumeration.
    constexpr const char* names[] = {"normal",  "rank_one",    "zero",        "identity",
                                     "student", "log_uniform", "equal_losers"};
    for (int i = 0; i < static_cast<int>(std::size(names)); ++i)
        if (name == names[i]) return static_cast<model::ValueLaw>(i);
    throw Error(Exit::internal, fmt::format("`{}` is no law of values", name));
}

const double* data_or_null(const std::vector<double>& array) {
    return array.empty() ? nullptr : array.data();
}

/// The order of a scheme. Methods of descent have none, and keep what the config says.
int order_of(const DynamicsConfig& dynamics) {
    const int order = static_cast<int>(dynamics.order);
    if (dynamics.method == "flow") with_scheme(order, [](auto) {});
    return order;
}

}  // namespace

KernelKey make_kernel_key(const Problem& problem) {
    const DynamicsConfig& dynamics = problem.config.dynamics;
    const bool decays = dynamics.value_decay != 0.0 || dynamics.logit_decay != 0.0;
    const bool flow = dynamics.method == "flow";
    return {index_of(model::Maps{}, problem.config.model.map),
            index_of(model::Losses{}, problem.config.objective.loss),
            flow ? 0 : index_of(model::Methods{}, dynamics.method),
            flow,
            order_of(dynamics),
            problem.config.backend.numerics == "fast" && !decays && !flow,
            problem.config.backend.precision == "f32",
            problem.monitor.claims != 0};
}

model::Parameters make_parameters(const Problem& problem) {
    const Config& config = problem.config;
    model::Parameters p;
    p.tokens = static_cast<int>(config.model.tokens);
    p.outputs = static_cast<int>(problem.outputs);
    p.dim = static_cast<int>(config.model.dim);

    p.target = target_of(config.objective.target);
    p.response =
        config.objective.response == "unit" ? model::Response::unit : model::Response::normal;
    p.identity_design = config.objective.design == "identity";
    p.shared_objective = config.objective.shared;
    p.samples = static_cast<int>(config.objective.samples);
    p.condition_number = config.objective.condition_number;
    p.solution_norm = config.objective.solution_norm;
    p.loss_constant =
        config.objective.loss == "square" ? config.objective.radius : config.objective.loss_factor;
    p.sharpness = config.objective.sharpness;

    p.value_law = value_law_of(config.init.value_law);
    p.value_scale = config.init.value_scale;
    p.value_dof = config.init.value_dof;
    p.value_decades = config.init.value_decades;
    p.tie_gap = config.init.tie_gap;
    p.logit_mean = config.init.logit_mean;
    p.logit_scale = config.init.logit_scale;

    p.learning_rate = config.dynamics.learning_rate;
    p.logit_rate = config.dynamics.logit_rate;
    p.momentum = config.dynamics.momentum;
    p.adam_beta1 = config.dynamics.adam_beta1;
    p.adam_beta2 = config.dynamics.adam_beta2;
    p.adam_epsilon = config.dynamics.adam_epsilon;
    p.value_decay = config.dynamics.value_decay;
    p.logit_decay = config.dynamics.logit_decay;
    p.flow = config.dynamics.method == "flow";
    p.arc_clock = config.dynamics.clock == "arc";
    p.stiff = config.dynamics.stiff == "on"    ? model::Stiff::on
              : config.dynamics.stiff == "off" ? model::Stiff::off
                                               : model::Stiff::automatic;
    p.order = order_of(config.dynamics);
    p.rtol = config.dynamics.rtol;
    p.atol = config.dynamics.atol;
    p.max_steps = static_cast<double>(config.dynamics.max_steps);
    p.stop_at_probability = config.dynamics.stop_at_probability;

    p.random_key = problem.random_key;

    p.start_values = data_or_null(problem.starts.values);
    p.start_logits = data_or_null(problem.starts.logits);
    p.start_target = data_or_null(problem.starts.target);
    p.design_projection = data_or_null(problem.objective.projection);
    p.design_metric = data_or_null(problem.objective.metric);
    p.design_response = data_or_null(problem.objective.response);
    p.design_floor = problem.objective.floor;
    p.class_distribution = data_or_null(problem.objective.distribution);

    const RestartData& restart = problem.restart;
    p.restart_logits = data_or_null(restart.logits);
    p.restart_values = data_or_null(restart.projected_values);
    p.restart_metric = data_or_null(restart.metric);
    p.restart_response = data_or_null(restart.response);
    p.restart_floor = data_or_null(restart.floor);
    p.restart_arc = data_or_null(restart.arc);
    p.restart_leader = data_or_null(restart.initial_leader);
    p.restart_ranks = data_or_null(restart.ranks);
    p.restart_clock = data_or_null(restart.clock);
    p.restart_log_time = data_or_null(restart.log_time);
    p.restart_step_size = data_or_null(restart.step_size);
    p.restart_controller = data_or_null(restart.controller);
    for (int i = 0; i < 2; ++i) {
        p.restart_memory_logits[i] = data_or_null(restart.memory_logits[i]);
        p.restart_memory_values[i] = data_or_null(restart.memory_values[i]);
    }

    p.monitored = problem.monitor.claims;
    p.sorted = problem.monitor.sorted;
    p.mutant = static_cast<model::Mutant>(problem.monitor.mutant);

    p.ranked = config.record.ranked;
    p.checkpoints = problem.checkpoints.data();
    p.checkpoint_count = static_cast<int>(problem.checkpoints.size());
    p.thresholds = config.record.thresholds.data();
    p.threshold_count = static_cast<int>(config.record.thresholds.size());
    return p;
}

}  // namespace softmaxflow::host
