#include "backend/host/make_parameters.hpp"

#include "backend/host/schemes.hpp"
#include "backend/host/traits_of.hpp"

namespace softmaxflow::host {
namespace {

const double* data_or_null(const std::vector<double>& array) {
    return array.empty() ? nullptr : array.data();
}

/// The order of a scheme. Methods of descent have none, and keep what the config says.
int order_of(const DynamicsConfig& dynamics) {
    const int order = static_cast<int>(dynamics.order);
    if (dynamics.method == flow_method) with_scheme(order, [](auto) {});
    return order;
}

}  // namespace

KernelKey make_kernel_key(const Problem& problem) {
    const DynamicsConfig& dynamics = problem.config.dynamics;
    const bool decays = dynamics.value_decay != 0.0 || dynamics.logit_decay != 0.0;
    const bool flow = is_flow(problem.config);
    return {place_of(model::map_table, problem.config.model.map),
            place_of(model::loss_table, problem.config.objective.loss),
            flow ? 0 : place_of(model::method_table, dynamics.method),
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

    p.target = target_of(config);
    p.response = response_of(config);
    p.design = design_of(config);
    p.shared_objective = config.objective.shared;
    p.samples = static_cast<int>(config.objective.samples);
    p.condition_number = config.objective.condition_number;
    p.solution_norm = config.objective.solution_norm;
    p.loss_constant = loss_traits(config).constant == model::LossConstant::radius
                          ? config.objective.radius
                          : config.objective.loss_factor;
    p.sharpness = config.objective.sharpness;

    p.value_law = place_of(model::value_law_table, config.init.value_law);
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
    p.flow = is_flow(config);
    p.arc_clock = config.dynamics.clock == "arc";
    p.stiff = stiff_of(config);
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

    for (int c = 0; c < model::state_column::count; ++c)
        p.restart[c] = data_or_null(problem.restart.columns[c]);

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
