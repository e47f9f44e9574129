#include "backend/cpu/parameters.hpp"

#include <fmt/format.h>

#include "softmaxflow/error.hpp"
#include "softmaxflow/model/catalogue.hpp"

namespace softmaxflow::cpu {
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

const double* data_or_null(const std::vector<double>& array) {
    return array.empty() ? nullptr : array.data();
}

}  // namespace

Choice make_choice(const Problem& problem) {
    return {index_of(model::Maps{}, problem.config.model.map),
            index_of(model::Losses{}, problem.config.objective.loss),
            index_of(model::Methods{}, problem.config.dynamics.method)};
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

    p.value_law = config.init.value_law == "zero" ? model::ValueLaw::zero : model::ValueLaw::normal;
    p.value_scale = config.init.value_scale;
    p.logit_mean = config.init.logit_mean;
    p.logit_scale = config.init.logit_scale;

    p.learning_rate = config.dynamics.learning_rate;
    p.logit_rate = config.dynamics.logit_rate;
    p.momentum = config.dynamics.momentum;
    p.random_key = problem.random_key;

    p.start_values = data_or_null(problem.starts.values);
    p.start_logits = data_or_null(problem.starts.logits);
    p.start_target = data_or_null(problem.starts.target);
    p.design_projection = data_or_null(problem.objective.projection);
    p.design_metric = data_or_null(problem.objective.metric);
    p.design_response = data_or_null(problem.objective.response);
    p.design_floor = problem.objective.floor;
    p.class_distribution = data_or_null(problem.objective.distribution);

    static_assert(sizeof(long long) == sizeof(std::int64_t));
    p.checkpoints = reinterpret_cast<const long long*>(problem.checkpoints.data());
    p.checkpoint_count = static_cast<int>(problem.checkpoints.size());
    p.thresholds = config.record.thresholds.data();
    p.threshold_count = static_cast<int>(config.record.thresholds.size());
    return p;
}

}  // namespace softmaxflow::cpu
