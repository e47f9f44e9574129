#include "claims/claim_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "claims/measured/measured.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/claims/claim_list.hpp"

namespace softmaxflow::claims {
namespace {

template <class Monitored>
Claim monitored_claim(int place) {
    return {Monitored::name,
            Monitored::statement,
            Monitored::about,
            Monitored::status,
            Monitored::because,
            Monitored::needs,
            Monitored::mutant,
            place,
            [](int n, int m) { return double(Monitored::tolerance(n, m)); }};
}

template <class... Monitored>
std::vector<Claim> make_catalogue(model::List<Monitored...>) {
    int place = 0;
    std::vector<Claim> list;
    (list.push_back(monitored_claim<Monitored>(place++)), ...);
    for (const Measured* measured : all_measured()) list.push_back(measured->claim);
    return list;
}

/// A need that the config decides: whether it is met, and how to say that it is not.
struct Condition {
    unsigned need;
    bool met;
    std::string message;
};

std::vector<Condition> conditions(const Config& config, std::int64_t outputs) {
    const std::string &map = config.model.map, &method = config.dynamics.method;
    const std::int64_t n = config.model.tokens;
    const std::string& loss = config.objective.loss;
    const auto found = [](std::string_view key, const auto& value) {
        return fmt::format(", found {} = {}", key, value);
    };
    const bool flow = is_flow(config);
    const bool decays = config.dynamics.value_decay != 0 || config.dynamics.logit_decay != 0;
    return {
        {model::softmax_map, map == "softmax", "needs map softmax" + found("model.map", map)},
        {model::smooth_map, map != "l1", "needs a map other than l1" + found("model.map", map)},
        {model::gradient_flow, flow, "needs the flow" + found("dynamics.method", method)},
        {model::gradient_descent, method == "gradient_descent",
         "needs gradient_descent" + found("dynamics.method", method)},
        {model::flow_or_closed_descent,
         flow || method == "gradient_descent" || method == "momentum",
         "needs flow, gradient_descent or momentum" + found("dynamics.method", method)},
        {model::no_decay, !decays, "needs value_decay = logit_decay = 0"},
        {model::moving_logits, config.dynamics.logit_rate > 0, "needs logit_rate > 0"},
        {model::single_output, outputs == 1,
         "needs a loss with one output" + found("objective.loss", loss)},
        {model::several_outputs, outputs > 1,
         "needs a loss with several outputs" + found("objective.loss", loss)},
        {model::two_tokens, n == 2, "needs two tokens" + found("model.tokens", n)},
        {model::three_tokens, n >= 3, "needs three tokens or more" + found("model.tokens", n)},
        {model::unbounded_arc, loss == "logistic" || loss == "exponential",
         "needs logistic or exponential loss" + found("objective.loss", loss)},
    };
}

}  // namespace

std::span<const Claim> all_claims() {
    static const std::vector<Claim> catalogue = make_catalogue(model::MonitoredClaims{});
    return catalogue;
}

const Claim& find_claim(std::string_view id) {
    for (const Claim& claim : all_claims())
        if (claim.id == id) return claim;
    throw Error(Exit::usage, fmt::format("claim {}: unknown; `softmaxflow claims` lists all", id));
}

std::string misfit(const Claim& claim, const Config& config, std::int64_t outputs) {
    for (const Condition& condition : conditions(config, outputs))
        if ((claim.needs & condition.need) != 0 && !condition.met) return condition.message;
    return "";
}

}  // namespace softmaxflow::claims
