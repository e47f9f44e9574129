#pragma once
/// Problems that together take every way through the model: laws of the start, data from files,
/// decay, slow paths, numbers that are not finite.

#include <cmath>
#include <random>

#include "fixture.hpp"

namespace fixture {

struct NamedCase {
    std::string name;
    Case problem;
};

inline std::vector<double> random_array(std::size_t size, double low, double high, unsigned seed) {
    std::mt19937_64 generator(seed);
    std::vector<double> array(size);
    // Not a distribution of the standard library: those differ between implementations.
    for (double& x : array)
        x = low + (high - low) * (static_cast<double>(generator() >> 12) * 0x1p-52);
    return array;
}

/// Starts of `replicas` replicas as from init.file, and the data of objective.file.
inline Case with_files(Case c, int replicas) {
    const std::size_t n = c.parameters.tokens, d = c.parameters.dim, m = c.parameters.outputs,
                      count = replicas;
    c.values = random_array(count * d * n, -1.0, 1.0, 1);
    c.logits = random_array(count * n, 0.1, 1.0, 2);
    if (c.combination.scalar_loss()) c.target = random_array(count * d, -1.0, 1.0, 3);
    const std::string loss = c.combination.loss_name();
    if (loss == "regression" || loss == "classification") {
        c.projection = random_array(m * d, -1.0, 1.0, 4);
        c.response = random_array(m, -1.0, 1.0, 5);
        if (loss == "regression") c.metric = random_array(m, 0.1, 1.0, 6);
        if (loss == "classification")
            for (double& y : c.response) y = y < 0.0 ? -1.0 : 1.0;
    }
    if (loss == "cross_entropy") c.distribution = {0.4, 0.3, 0.2, 0.1, 0.0};
    return c;
}

/// Logits of every size and kind, one row per replica.
inline Case with_strange_logits(Case c, int replicas) {
    const double inf = model::infinity(), nan = model::not_a_number();
    const double strange[] = {0.0,    -0.0, 5e-324, -1e-310, 708.0,  709.0, -709.0,
                              -746.0, 1e3,  -1e4,   1e150,   -1e200, 1e308, inf,
                              -inf,   nan,  -nan,   1e-200,  1.0,    -1.0};
    c.logits = random_array(static_cast<std::size_t>(replicas) * c.parameters.tokens, -1.0, 1.0, 7);
    for (int r = 0; r < replicas; ++r)
        for (int k = 0; k < 3; ++k)
            c.logits[r * c.parameters.tokens + (5 * k + r) % c.parameters.tokens] =
                strange[(r + 7 * k) % std::size(strange)];
    return c;
}

/// Every way through the model that the choice has, for `replicas` replicas.
inline std::vector<NamedCase> every_case(Combination combination, int replicas) {
    std::vector<NamedCase> cases;
    const auto add = [&](const char* name, Case c) { cases.push_back({name, std::move(c)}); };
    const auto change = [&](const char* name, auto f) {
        Case c(combination);
        f(c.parameters);
        add(name, c);
    };
    change("ranked", [](auto& p) { p.ranked = true; });
    change("large logits", [](auto& p) { p.logit_scale = 3000.0; });
    change("equal logits", [](auto& p) { p.logit_scale = 0.0, p.logit_mean = 1.0; });
    change("decay", [](auto& p) { p.value_decay = 0.3, p.logit_decay = 0.2; });
    change("frozen logits", [](auto& p) { p.logit_rate = 0.0; });
    change("rank_one", [](auto& p) { p.value_law = law_of("rank_one"); });
    change("zero, ranked", [](auto& p) { p.value_law = law_of("zero"), p.ranked = true; });
    change("student", [](auto& p) { p.value_law = law_of("student"), p.value_dof = 3.0; });
    change("log_uniform",
           [](auto& p) { p.value_law = law_of("log_uniform"), p.value_decades = 6.0; });
    change("equal_losers", [](auto& p) { p.value_law = law_of("equal_losers"); });
    change("shared", [](auto& p) { p.shared_objective = true, p.value_law = law_of("student"); });
    Case square(combination, 5);
    square.parameters.value_law = law_of("identity");
    add("identity", square);
    add("two tokens", Case(combination, 2));
    add("files", with_files(Case(combination), replicas));
    add("strange logits", with_strange_logits(Case(combination), replicas));

    if (combination.scalar_loss()) {
        change("tie_gap", [](auto& p) { p.tie_gap = 0.125, p.ranked = true; });
        change("basis", [](auto& p) { p.target = model::Target::basis; });
        change("random_normal", [](auto& p) { p.target = model::Target::random_normal; });
    }
    if (combination.loss_name() == std::string("regression")) {
        change("identity design", [](auto& p) { p.design = model::Design::identity; });
        change("unit response", [](auto& p) { p.response = model::Response::unit; });
        change("solution_norm", [](auto& p) { p.solution_norm = 2.0; });
        change("few samples", [](auto& p) { p.outputs = p.samples = 3; });
    }
    return cases;
}

/// A flow with checkpoints, passages, an early end and, with `stiff`, implicit steps.
inline Case flow_case(Combination combination, bool arc, model::Stiff stiff) {
    Case c(combination);
    c.parameters.flow = true;
    c.parameters.arc_clock = arc;
    c.parameters.stiff = stiff;
    c.parameters.rtol = 1e-5;
    c.parameters.atol = 1e-8;
    c.parameters.max_steps = 60;
    c.parameters.logit_mean = 1.0;
    c.parameters.stop_at_probability = 0.6;
    c.checkpoints = arc ? std::vector<double>{0, 0.3, 1} : std::vector<double>{0, 1, 6};
    c.thresholds = {0.15, 0.2, 0.3};
    return c;
}

/// Calls f for flows of every map, loss, clock and kind of step, though not for all together.
template <class F>
void for_each_flow(F f) {
    using enum model::Stiff;
    for (int map = 0; map < model::Maps::size; ++map)
        for (int loss = 0; loss < model::Losses::size; ++loss) {
            const bool arc = (map + loss) % 2 == 0;
            const model::Stiff stiff[] = {automatic, on, off};
            f(flow_case({map, loss, 0}, arc, stiff[(map + 2 * loss) % 3]));
        }
}

}  // namespace fixture
