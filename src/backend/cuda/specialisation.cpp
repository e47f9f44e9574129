#include "backend/cuda/specialisation.hpp"

#include <algorithm>

#include "backend/host/schemes.hpp"
#include "kernels/batch.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow::cuda {

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

namespace {

/// Numbers that a lane may hold: 48 doubles are 164 registers with temporaries, of which 12 warps
/// fit a multiprocessor. From machine code of sm_90, docs/performance.md.
constexpr int most_doubles = 48, most_floats = 96;

/// Of a block that is one team: one of 256 threads may have all registers of a multiprocessor.
constexpr int most_lanes = 256;

/// Of the stages of a step of the flow, which are as many states.
constexpr int most_doubles_of_stages = 64, most_floats_of_stages = 128;

/// Numbers of a lane, per_token for each of its tokens.
int numbers_of(const Specialisation& specialisation, int per_token) {
    return (specialisation.tokens + specialisation.lanes - 1) / specialisation.lanes * per_token;
}

/// Lanes share a replica until each has at most `most` numbers.
void share_out(Specialisation& specialisation, int per_token, int most) {
    while (specialisation.lanes < most_lanes && specialisation.lanes < specialisation.tokens &&
           numbers_of(specialisation, per_token) > most)
        specialisation.lanes *= 2;
    specialisation.threads = kernels::threads_of(specialisation.lanes);
}

Specialisation base_specialisation(const Problem& problem, const host::KernelKey& key) {
    Specialisation specialisation;
    specialisation.map = type_name(problem.config.model.map);
    specialisation.loss = type_name(problem.config.objective.loss);
    specialisation.real = key.single ? "float" : "double";
    specialisation.tokens = static_cast<int>(problem.config.model.tokens);
    specialisation.outputs = static_cast<int>(problem.outputs);
    specialisation.fast = key.fast;
    specialisation.flow = key.flow;
    return specialisation;
}

std::optional<Specialisation> flow_specialisation_of(const Problem& problem,
                                                     const host::KernelKey& key) {
    Specialisation specialisation = base_specialisation(problem, key);
    int stages = 0;
    host::with_scheme(key.order, [&](auto scheme) {
        specialisation.method = type_name(scheme.name);
        stages = scheme.stages;
    });
    const int per_token = stages * (1 + specialisation.outputs);
    const int most = key.single ? most_floats_of_stages : most_doubles_of_stages;
    share_out(specialisation, per_token, most);
    if (numbers_of(specialisation, per_token) > 4 * most) return std::nullopt;
    specialisation.blocks = 256 / specialisation.threads;
    return specialisation;
}

}  // namespace

std::optional<Specialisation> specialisation_of(const Problem& problem,
                                                const host::KernelKey& key) {
    if (key.flow) return flow_specialisation_of(problem, key);
    Specialisation specialisation = base_specialisation(problem, key);
    specialisation.method = type_name(problem.config.dynamics.method);
    int memories = 0;
    with_item(model::Methods{}, key.method, [&](auto item) { memories = item.memories; });
    // State and memories, and the numerators; outputs are held by every lane.
    const int per_token = (1 + memories) * (1 + specialisation.outputs) + 1;
    const int most = key.single ? most_floats : most_doubles;
    share_out(specialisation, per_token, most);
    // What does not fit spills; loops over many times as much would compile for minutes.
    if (numbers_of(specialisation, per_token) > 4 * most) return std::nullopt;
    // Every lane holds z, q and room for another such array.
    const int held = numbers_of(specialisation, per_token) +
                     (specialisation.outputs > 1 ? 3 * specialisation.outputs : 0);
    const int warps = held <= most / 2 ? 16 : held <= most * 5 / 4 ? 12 : 8;
    specialisation.blocks = warps * 32 / specialisation.threads;
    return specialisation;
}

int lanes_of_any(const Problem& problem, const host::KernelKey& key) {
    const std::int64_t numbers = problem.config.model.tokens * (problem.outputs + 1);
    if (numbers > 4096) return most_lanes;
    return numbers > 512 && !key.single ? 32 : 1;
}

int lanes_of_flow(const Problem& problem, const host::KernelKey& key) {
    // Lanes share what is done for tokens, and do alike what is done for outputs.
    const bool pays = problem.config.model.tokens >= 32 * problem.outputs;
    return pays && !key.monitored ? 32 : 1;
}

}  // namespace softmaxflow::cuda
