// Which maps end more peaked than the softmax, start by start.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "backend/host/traits_of.hpp"
#include "claims/measured/ensemble_states.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "stats/proportion.hpp"

namespace softmaxflow::claims {
namespace {

Finding measure(const MeasureContext& context);

}  // namespace

const Measured map_against_softmax = {
    {"map_against_softmax", "P(max s under map X exceeds softmax on the same start)",
     "six maps, same starts: gradient_descent from logits that are not 0", "measured",
     "Paired comparison; [VRF] shows one start of each map.", model::gradient_descent,
     model::Mutant::none},
    true,
    measure};

namespace {

/// Final max_probability of every replica, NaN where it failed.
std::vector<double> final_peaks(const MeasureContext& context, const Config& base,
                                const char* map) {
    Config config = base;
    config.model.map = map;
    config.ensemble.common_random_numbers = true;
    config.record.replica_table = true;
    config.record.states = 0;
    config.record.checkpoint_list = {end_of_run(config)};
    const Problem problem = context.problem_of(config);
    std::vector<double> peaks(static_cast<std::size_t>(config.ensemble.replicas));
    context.backend.run(
        problem, {0, config.ensemble.replicas},
        [&](BlockResult&& block) {
            for (std::int64_t i = 0; i < block.count; ++i)
                peaks[static_cast<std::size_t>(block.first + i)] =
                    is_ok(host::status_of(block, static_cast<std::int64_t>(i)))
                        ? block.final_observables[static_cast<std::size_t>(
                              i * model::observable_count +
                              static_cast<int>(model::Observable::max_probability))]
                        : std::numeric_limits<double>::quiet_NaN();
        },
        [&](std::int64_t) { return !context.progress || context.progress(0); });
    return peaks;
}

Finding measure(const MeasureContext& context) {
    const Config& config = context.base.config;
    if (config.init.logit_mean <= 0)
        throw Error(Exit::usage,
                    "claim map_against_softmax: needs init.logit_mean > 0, where all maps have "
                    "weights; see the example maps-logistic");
    Finding finding;
    finding.tally.draws = config.ensemble.replicas;
    finding.method =
        "the same starts under every map; exact two-sided interval (Clopper and "
        "Pearson) of the share of pairs";
    const auto softmax_map =
        std::find_if(std::begin(model::map_table), std::end(model::map_table),
                     [](const model::MapTraits& map) { return map.exponential; });
    const std::vector<double> softmax = final_peaks(context, config, softmax_map->name);
    for (const model::MapTraits& map : model::map_table) {
        if (map.exponential) continue;
        const std::vector<double> other = final_peaks(context, config, map.name);
        std::int64_t above = 0, pairs = 0;
        for (std::size_t i = 0; i < other.size(); ++i) {
            if (!(softmax[i] == softmax[i] && other[i] == other[i])) continue;
            ++pairs;
            above += other[i] > softmax[i] ? 1 : 0;
        }
        const Proportion share = clopper_pearson(above, pairs, context.level);
        finding.figures.push_back({fmt::format("P({} > {})", map.name, softmax_map->name),
                                   share.share, share.low, share.high});
    }
    return finding;
}

}  // namespace
}  // namespace softmaxflow::claims
