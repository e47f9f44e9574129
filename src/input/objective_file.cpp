// objective.file: what the losses with several outputs take from a file.
#include <fmt/format.h>

#include "backend/host/traits_of.hpp"
#include "input/design.hpp"
#include "input/netcdf_input.hpp"
#include "input/objective_check.hpp"
#include "input/start_file.hpp"

namespace softmaxflow {
namespace {

/// The values of an optional variable; empty if it is not in the file.
std::vector<double> values_of(std::optional<NetcdfInput::Variable>&& variable) {
    return variable ? std::move(variable->values) : std::vector<double>();
}

std::vector<double> identity(std::int64_t dim) {
    std::vector<double> matrix(std::size_t(dim * dim));
    for (std::int64_t i = 0; i < dim; ++i) matrix[std::size_t(i * dim + i)] = 1.0;
    return matrix;
}

/// design(sample, dim) and response(sample); at least one of them.
DesignInput read_design(const NetcdfInput& file, const Config& config) {
    const ObjectiveConfig& objective = config.objective;
    file.expect_only({"design", "response"});
    DesignInput input;
    input.samples = objective.samples;
    input.dim = config.model.dim;
    const NetcdfInput::Dimension sample{"sample", input.samples, "objective.samples"};
    input.design = values_of(file.read("design", {sample, {"dim", input.dim, "model.dim"}}));
    input.response = values_of(file.read("response", {sample}));
    if (input.design.empty() && input.response.empty()) {
        file.fail("expected a variable design(sample, dim) or response(sample), found neither");
    }
    return input;
}

ObjectiveData read_decomposed_design(const NetcdfInput& file, const std::string& path,
                                     const Config& config) {
    const ObjectiveConfig& objective = config.objective;
    DesignInput input = read_design(file, config);
    input.loss_factor = objective.loss_factor;
    input.solution_norm = objective.solution_norm;
    const model::Design law = design_of(config);
    if (!input.design.empty() && law == model::Design::identity) {
        file.fail("design",
                  "the config has objective.design = \"identity\"; remove one of the two");
    }
    if (input.design.empty() && law == model::Design::random) {
        file.fail("response",
                  "a response needs its design; add the variable design(sample, dim), or set "
                  "objective.design = \"identity\"");
    }
    if (input.design.empty()) input.design = identity(input.dim);
    return decompose_design(input, path);
}

ObjectiveData read_samples(const NetcdfInput& file, const std::string& path, const Config& config) {
    DesignInput input = read_design(file, config);
    check_labels(file, input.response);
    if (!input.design.empty()) require_full_rank(input.design, input.samples, input.dim, path);
    ObjectiveData data;
    data.projection = std::move(input.design);
    data.response = std::move(input.response);
    return data;
}

ObjectiveData read_classes(const NetcdfInput& file, const Config& config) {
    file.expect_only({"distribution"});
    ObjectiveData data;
    data.distribution =
        values_of(file.read("distribution", {{"class", config.model.dim, "model.dim"}}));
    if (data.distribution.empty()) {
        file.fail("expected a variable distribution(class), found none");
    }
    check_distribution(file, data.distribution);
    return data;
}

}  // namespace

ObjectiveData read_objective(const std::string& path, const Config& config) {
    const NetcdfInput file(path);
    const model::LossTraits& loss = loss_traits(config);
    switch (loss.kind) {
        case model::ObjectiveKind::design:
            return read_decomposed_design(file, path, config);
        case model::ObjectiveKind::samples:
            return read_samples(file, path, config);
        case model::ObjectiveKind::classes:
            return read_classes(file, config);
        case model::ObjectiveKind::direction:
        case model::ObjectiveKind::unit_direction:
            break;
    }
    file.fail(
        fmt::format("objective.loss = \"{}\" reads no file; remove objective.file", loss.name));
}

}  // namespace softmaxflow
