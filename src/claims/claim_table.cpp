#include "claims/claim_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backend/host/traits_of.hpp"
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

/// "a", "a or b", "a, b or c".
std::string or_list(const std::vector<std::string_view>& names) {
    std::string text(names.front());
    for (std::size_t i = 1; i < names.size(); ++i)
        text += fmt::format("{}{}", i + 1 < names.size() ? ", " : " or ", names[i]);
    return text;
}

/// What a need allows, in words.
struct Allowed {
    std::string softmax, not_smooth, gradient, closed, unbounded;

    Allowed() {
        softmax = or_list(names_where(model::map_table, [](auto map) { return map.exponential; }));
        not_smooth = or_list(
            names_where(model::map_table, [](auto map) { return map.why_no_flow != nullptr; }));
        gradient =
            or_list(names_where(model::method_table, [](auto method) { return method.gradient; }));
        std::vector<std::string_view> on_values =
            names_where(model::method_table, [](auto method) { return !method.entrywise; });
        on_values.insert(on_values.begin(), flow_method);
        closed = or_list(on_values);
        unbounded = or_list(names_where(model::loss_table, has_unbounded_arc));
    }
    static bool has_unbounded_arc(const model::LossTraits& loss) {
        return !loss.finite_arc && loss.objective.outputs == model::OutputRule::one;
    }
};

std::vector<Condition> conditions(const Config& config, std::int64_t outputs) {
    static const Allowed allowed;
    const model::MapTraits& map = map_traits(config);
    const model::LossTraits& loss = loss_traits(config);
    const model::MethodTraits& method = method_traits(config);
    const std::int64_t n = config.model.tokens;
    const auto found = [](std::string_view key, const auto& value) {
        return fmt::format(", found {} = {}", key, value);
    };
    const bool flow = is_flow(config);
    const bool decays = config.dynamics.value_decay != 0 || config.dynamics.logit_decay != 0;
    return {
        {model::softmax_map, map.exponential,
         "needs map " + allowed.softmax + found("model.map", map.name)},
        {model::smooth_map, map.why_no_flow == nullptr,
         "needs a map other than " + allowed.not_smooth + found("model.map", map.name)},
        {model::gradient_flow, flow, "needs the flow" + found("dynamics.method", method.name)},
        {model::gradient_descent, method.gradient,
         "needs " + allowed.gradient + found("dynamics.method", method.name)},
        {model::flow_or_closed_descent, !method.entrywise,
         "needs " + allowed.closed + found("dynamics.method", method.name)},
        {model::no_decay, !decays, "needs value_decay = logit_decay = 0"},
        {model::moving_logits, config.dynamics.logit_rate > 0, "needs logit_rate > 0"},
        {model::single_output, outputs == 1,
         "needs a loss with one output" + found("objective.loss", loss.name)},
        {model::several_outputs, outputs > 1,
         "needs a loss with several outputs" + found("objective.loss", loss.name)},
        {model::two_tokens, n == 2, "needs two tokens" + found("model.tokens", n)},
        {model::three_tokens, n >= 3, "needs three tokens or more" + found("model.tokens", n)},
        {model::unbounded_arc, Allowed::has_unbounded_arc(loss),
         "needs " + allowed.unbounded + " loss" + found("objective.loss", loss.name)},
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
