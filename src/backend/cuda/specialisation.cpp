#include "backend/cuda/specialisation.hpp"

#include <algorithm>

#include "kernels/batch.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/integrator/tableau.hpp"

namespace softmaxflow::cuda {
namespace {

/// gradient_descent -> GradientDescent
std::string type_name(const std::string& name) {
    std::string type;
    bool upper = true;
    for (const char c : name) {
        if (c != '_') type += upper ? static_cast<char>(c - 'a' + 'A') : c;
        upper = c == '_';
    }
    // l1, l2 begin with a letter as all names do.
    return type;
}

/// Numbers that a lane may hold: 48 doubles are 164 registers with temporaries, of which 12 warps
/// fit a multiprocessor. From machine code of sm_90, docs/performance.md.
constexpr int most_doubles = 48, most_floats = 96;

/// Of a block that is one team: one of 256 threads may have all registers of a multiprocessor.
constexpr int most_lanes = 256;

/// Of the stages of a step of the flow, which are as many states.
constexpr int most_doubles_of_stages = 64, most_floats_of_stages = 128;

/// Numbers of a lane, per_token for each of its tokens.
int numbers_of(const Shape& shape, int per_token) {
    return (shape.tokens + shape.lanes - 1) / shape.lanes * per_token;
}

/// Lanes share a replica until each has at most `most` numbers.
void share_out(Shape& shape, int per_token, int most) {
    while (shape.lanes < most_lanes && shape.lanes < shape.tokens &&
           numbers_of(shape, per_token) > most)
        shape.lanes *= 2;
    shape.threads = kernels::threads_of(shape.lanes);
}

Shape whole_shape(const Problem& problem, const host::Choice& choice) {
    Shape shape;
    shape.map = type_name(problem.config.model.map);
    shape.loss = type_name(problem.config.objective.loss);
    shape.real = choice.single ? "float" : "double";
    shape.tokens = static_cast<int>(problem.config.model.tokens);
    shape.outputs = static_cast<int>(problem.outputs);
    shape.fast = choice.fast;
    shape.flow = choice.flow;
    return shape;
}

std::optional<Shape> flow_shape_of(const Problem& problem, const host::Choice& choice) {
    Shape shape = whole_shape(problem, choice);
    const auto choose = [&](const char* name, int stages) {
        shape.method = name;
        return stages;
    };
    const int stages = choice.order == 3 ? choose("BogackiShampine", model::BogackiShampine::stages)
                       : choice.order == 8 ? choose("DormandPrince", model::DormandPrince::stages)
                                           : choose("Tsitouras", model::Tsitouras::stages);
    const int per_token = stages * (1 + shape.outputs);
    const int most = choice.single ? most_floats_of_stages : most_doubles_of_stages;
    share_out(shape, per_token, most);
    if (numbers_of(shape, per_token) > 4 * most) return std::nullopt;
    shape.blocks = 256 / shape.threads;
    return shape;
}

}  // namespace

std::optional<Shape> shape_of(const Problem& problem, const host::Choice& choice) {
    if (choice.flow) return flow_shape_of(problem, choice);
    Shape shape = whole_shape(problem, choice);
    shape.method = type_name(problem.config.dynamics.method);
    int memories = 0;
    with_item(model::Methods{}, choice.method, [&](auto item) { memories = item.memories; });
    // State and memories, and the numerators; outputs are held by every lane.
    const int per_token = (1 + memories) * (1 + shape.outputs) + 1;
    const int most = choice.single ? most_floats : most_doubles;
    share_out(shape, per_token, most);
    // What does not fit spills; loops over many times as much would compile for minutes.
    if (numbers_of(shape, per_token) > 4 * most) return std::nullopt;
    // Every lane holds z, q and room for another such array.
    const int held = numbers_of(shape, per_token) + (shape.outputs > 1 ? 3 * shape.outputs : 0);
    const int warps = held <= most / 2 ? 16 : held <= most * 5 / 4 ? 12 : 8;
    shape.blocks = warps * 32 / shape.threads;
    return shape;
}

int lanes_of_any(const Problem& problem, const host::Choice& choice) {
    const std::int64_t numbers = problem.config.model.tokens * (problem.outputs + 1);
    if (numbers > 4096) return most_lanes;
    return numbers > 512 && !choice.single ? 32 : 1;
}

int lanes_of_flow(const Problem& problem, const host::Choice& choice) {
    // Lanes share what is done for tokens, and do alike what is done for outputs.
    const bool pays = problem.config.model.tokens >= 32 * problem.outputs;
    return pays && !choice.watched ? 32 : 1;
}

}  // namespace softmaxflow::cuda
