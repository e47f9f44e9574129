#include "claims/measured/ensemble_states.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "claims/pass.hpp"
#include "ensemble/derived_problem.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/numerics/philox.hpp"

namespace softmaxflow::claims {

Problem recorded_problem(const Problem& base, std::vector<double> clocks) {
    const double end = clocks.back();
    Problem problem = is_flow(base.config) ? on_arc_clock(base, end) : until(base, end);
    if (is_flow(base.config)) problem.config.dynamics.stop_at_probability = 0.0;
    RecordConfig record = least_record(std::move(clocks));
    record.states = base.config.ensemble.replicas;
    problem = with_recording(std::move(problem), record);
    problem.monitor.claims = 1;  // its start is to be looked at
    problem.monitor.sorted = true;
    return problem;
}

void for_each_state(
    const MeasureContext& context, const Problem& problem,
    const std::function<void(const StateRecord&, const BlockResult&, std::size_t)>& f) {
    std::atomic<bool> stopped = false;
    context.backend.run(
        problem, {0, problem.config.ensemble.replicas},
        [&](BlockResult&& block) {
            for (std::size_t i = 0; i < block.states.size(); ++i) f(block.states[i], block, i);
        },
        [&](std::int64_t work) {
            const bool go_on = !context.progress || context.progress(work);
            if (!go_on) stopped = true;
            return go_on;
        });
    if (stopped) throw Error(Exit::stopped, "stopped: a measurement needs all of its draws");
}

bool enters(Tally& tally, const BlockResult& block, std::size_t index, unsigned needs) {
    const unsigned needed = needs & model::decided_by_replica;
    ++tally.draws;
    if ((start_traits(block, static_cast<std::int64_t>(index)) & needed) != needed) {
        ++tally.excluded;
        return false;
    }
    if (!is_ok(host::status_of(block, static_cast<std::int64_t>(index)))) ++tally.failed;
    return is_ok(host::status_of(block, static_cast<std::int64_t>(index)));
}

void note_margin(Tally& tally, std::int64_t replica, double margin, double clock) {
    if (tally.smallest_replica < 0 || margin < tally.smallest_margin ||
        (margin == tally.smallest_margin && replica < tally.smallest_replica)) {
        tally.smallest_margin = margin;
        tally.smallest_replica = replica;
        tally.smallest_clock = clock;
    }
    if (margin < 0.0) tally.candidates.push_back({replica, margin, clock, 0.0});
}

Finding test_states(const MeasureContext& context, const Claim& claim, std::vector<double> clocks,
                    const std::function<double(const Problem&, const StateRecord&)>& margin,
                    double later) {
    Problem problem = recorded_problem(context.base, std::move(clocks));
    if (context.mutant) problem.monitor.mutant = static_cast<int>(claim.mutant);
    Finding finding;
    finding.counts = true;
    Tally& tally = finding.tally;
    const double end = problem.checkpoints.back();
    for_each_state(context, problem,
                   [&](const StateRecord& state, const BlockResult& block, std::size_t i) {
                       if (enters(tally, block, i, claim.needs))
                           note_margin(tally, state.replica, margin(problem, state), end);
                   });
    std::sort(tally.candidates.begin(), tally.candidates.end(),
              [](const Candidate& a, const Candidate& b) { return a.replica < b.replica; });
    judge(finding, 0, context.mutant,
          [&](const Candidate& candidate, Precision precision, double rtol) {
              const RestartData start = start_of(problem, context.backend, candidate.replica);
              const Problem one = until(one_replica(problem, start), end * later);
              return margin(one, replay_states(one, precision, rtol));
          });
    return finding;
}

void judge(Finding& finding, std::size_t first, bool mutant,
           const std::function<double(const Candidate&, Precision, double rtol)>& margin) {
    const std::size_t most_replayed = mutant ? 4 : 100;
    Tally& tally = finding.tally;
    for (std::size_t i = first; i < tally.candidates.size(); ++i) {
        Adjudication adjudication = Adjudication::undecided;
        if (i - first < most_replayed) {
            const double quad = margin(tally.candidates[i], Precision::f113, 1e-20);
            const double last = margin(tally.candidates[i], Precision::d100, 1e-30);
            const bool clear = std::abs(last) > 10.0 * std::abs(last - quad);
            if (clear && quad < 0.0 && last < 0.0) adjudication = Adjudication::confirmed;
            if (quad >= 0.0 && last >= 0.0) adjudication = Adjudication::dismissed;
        } else {
            ++finding.not_replayed;
        }
        if (adjudication == Adjudication::confirmed)
            finding.confirmed.push_back(tally.candidates[i]);
        tally.count(adjudication);
    }
}

Figure bootstrap(const std::string& name, std::size_t samples, double level,
                 const std::function<double(const std::vector<std::size_t>&)>& statistic) {
    constexpr int resamples = 2000;
    std::vector<std::size_t> indices(samples);
    std::iota(indices.begin(), indices.end(), std::size_t{0});
    Figure figure{name, statistic(indices), 0.0, 0.0};
    std::vector<double> values;
    for (int b = 0; b < resamples; ++b) {
        for (std::size_t i = 0; i < samples; ++i) {
            // The same resamples in every run: words of the counter-based generator.
            const model::Counter words = model::philox(
                {{model::Word(i), model::Word(b), 0x626f6f74U, 0}}, 0x736d666cU, 0x6f77U);
            indices[i] = static_cast<std::size_t>((std::uint64_t{words.word[0]} * samples) >> 32);
        }
        values.push_back(statistic(indices));
    }
    std::sort(values.begin(), values.end());
    const auto place = [&](double share) {
        return values[static_cast<std::size_t>(share * (resamples - 1))];
    };
    figure.low = place((1.0 - level) / 2);
    figure.high = place((1.0 + level) / 2);
    return figure;
}

}  // namespace softmaxflow::claims
