#include "claims/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

#include "claims/pass.hpp"
#include "ensemble/derived_problem.hpp"

namespace softmaxflow::claims {
namespace {

/// Claims that are controls need to be refuted, not counted.
constexpr std::int64_t replayed_of_control = 4;  // and of a mutant: one is enough to refute

struct Selection {
    std::vector<const Claim*> monitored, measured;
    std::vector<std::pair<std::string, std::string>> left_out;
};

Selection select_claims(const Problem& base, const CheckRequest& request) {
    Selection selection;
    std::vector<const Claim*> claims;
    for (const std::string& id : request.ids) {
        const Claim& claim = find_claim(id);
        const std::string reason = misfit(claim, base.config, base.outputs);
        if (!reason.empty())
            throw Error(Exit::usage, fmt::format("claim {} is not about this config: it {}; its "
                                                 "class: {}",
                                                 id, reason, claim.about));
        if (std::find(claims.begin(), claims.end(), &claim) == claims.end())
            claims.push_back(&claim);
    }
    if (request.ids.empty()) {
        for (const Claim& claim : all_claims()) {
            std::string reason = misfit(claim, base.config, base.outputs);
            if (reason.empty() && claim.monitored < 0 && measured_of(claim).own_cells)
                reason = "runs cells of its own; name it to test it";
            if (reason.empty())
                claims.push_back(&claim);
            else
                selection.left_out.emplace_back(claim.id, reason);
        }
    }
    for (const Claim* claim : claims)
        (claim->monitored >= 0 ? selection.monitored : selection.measured).push_back(claim);
    return selection;
}

/// Replays the first candidates of a claim, several at a time.
void adjudicate(const Problem& problem, Outcome& outcome, Backend& backend, int threads,
                std::int64_t most, const Progress& progress) {
    const std::vector<Candidate>& candidates = outcome.tally.candidates;
    const auto count = static_cast<std::size_t>(
        std::min<std::int64_t>(most, static_cast<std::int64_t>(candidates.size())));
    outcome.replayed.resize(count);
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> stopped = false;
    std::mutex mutex;
    std::exception_ptr failure;
    const auto work = [&] {
        try {
            for (std::size_t i = next++; i < count && !stopped; i = next++) {
                outcome.replayed[i] = replay_start(
                    one_replica(problem, start_of(problem, backend, candidates[i].replica)),
                    *outcome.claim, candidates[i], backend);
                if (progress && !progress(0)) stopped = true;
            }
        } catch (...) {
            stopped = true;
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> helpers;
        for (int i = 1; i < std::min<int>(threads, static_cast<int>(count)); ++i)
            helpers.emplace_back(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);
    if (stopped)
        throw Error(Exit::stopped, "stopped while replaying apparent violations; a test needs all");
    for (const Replayed& replayed : outcome.replayed) outcome.tally.count(replayed.adjudication);
    outcome.not_replayed = static_cast<std::int64_t>(candidates.size() - count);
    outcome.tally.undecided += outcome.not_replayed;
}

void run_monitored(Check& check, const std::vector<const Claim*>& claims, const Problem& base,
                   Backend& backend, const CheckRequest& request, const Progress& progress) {
    check.monitored = monitored_problem(base, claims, request.horizon, request.mutant);
    const std::vector<Tally> tallies = run_pass(check.monitored, claims, backend, progress);
    // Single replicas are no work for a device; and one more pair of eyes looks at its margins, for
    // a replay must give their bits.
    const auto replays = make_cpu_backend({1, ""});
    for (std::size_t i = 0; i < claims.size(); ++i) {
        Outcome outcome;
        outcome.claim = claims[i];
        outcome.named = !request.ids.empty();
        outcome.tally = tallies[i];
        outcome.horizon = end_of_run(check.monitored.config);
        const bool few = request.mutant || (claims[i]->is_control() && !outcome.named);
        adjudicate(check.monitored, outcome, *replays, request.threads,
                   few ? replayed_of_control : request.most_replayed, progress);
        check.outcomes.push_back(std::move(outcome));
    }
}

void run_measured(Check& check, const std::vector<const Claim*>& claims, const Problem& base,
                  Backend& backend, const CheckRequest& request, const Progress& progress) {
    for (const Claim* claim : claims) {
        MeasureContext context{
            base,          backend, progress, request.problem_of, check.corrected, request.horizon,
            request.mutant};
        Outcome outcome;
        outcome.claim = claim;
        outcome.named = !request.ids.empty();
        outcome.finding = measured_of(*claim).measure(context);
        outcome.tally = outcome.finding.tally;
        outcome.not_replayed = outcome.finding.not_replayed;
        check.outcomes.push_back(std::move(outcome));
    }
}

bool violated(const Trial& trial, double units) {
    // The exponential of big.hpp gives away some bits of the wide formats.
    const double unit = trial.precision == Precision::f64    ? 0x1p-53
                        : trial.precision == Precision::f113 ? 0x1p-104
                                                             : 0x1p-318;
    return trial.margin < -units * unit;
}

}  // namespace

Adjudication rule(const std::vector<Trial>& trials, double units) {
    const Trial& before = trials.at(trials.size() - 2);
    const Trial& last = trials.back();
    const bool first = violated(before, units), second = violated(last, units);
    if (!first && !second) return Adjudication::dismissed;
    const bool clear = std::abs(last.margin) > 10.0 * std::abs(last.margin - before.margin);
    return first && second && clear ? Adjudication::confirmed : Adjudication::undecided;
}

Replayed replay_start(const Problem& one, const Claim& claim, const Candidate& candidate,
                      Backend& backend) {
    Replayed replayed;
    replayed.replica = candidate.replica;
    replayed.increment = candidate.increment;
    replayed.start = one.restart;
    replayed.trials.push_back(first_trial(one, claim, backend));
    const Trial& first = replayed.trials.front();
    if (std::bit_cast<std::uint64_t>(first.margin) !=
            std::bit_cast<std::uint64_t>(candidate.margin) ||
        first.clock != candidate.clock)
        throw Error(Exit::internal,
                    fmt::format("claim {}, replica {}: a replay gave the margin {} at {}, the run "
                                "{} at {}",
                                claim.id, candidate.replica, first.margin, first.clock,
                                candidate.margin, candidate.clock));
    const double half = one.config.dynamics.rtol / 2;
    for (const auto& [precision, rtol] :
         {std::pair{Precision::f64, half}, {Precision::f113, 1e-20}, {Precision::d100, 1e-30}})
        replayed.trials.push_back(replay_margin(one, claim, candidate.clock, precision, rtol));
    replayed.adjudication = rule(replayed.trials, -violation_bound(claim, one) / 0x1p-53);
    return replayed;
}

Check run_check(const Problem& base, Backend& backend, const CheckRequest& request,
                const Progress& progress) {
    Selection selection = select_claims(base, request);
    Check check;
    check.level = request.level;
    check.mutant = request.mutant;
    check.left_out = std::move(selection.left_out);
    check.monitored = base;
    const std::size_t tests = selection.monitored.size() + selection.measured.size();
    if (tests == 0)
        throw Error(Exit::usage,
                    fmt::format("no claim is about this config; the first, {}, {}",
                                check.left_out.front().first, check.left_out.front().second));
    if (request.mutant && tests != 1)
        throw Error(Exit::usage, "--twin sabotages the dynamics against one claim: name one");
    for (const Claim* claim : selection.measured)
        if (request.mutant && claim->mutant == model::Mutant::none)
            throw Error(Exit::usage,
                        fmt::format("claim {} has no twin: it is a comparison that nothing refutes",
                                    claim->id));
    check.corrected = corrected_level(request.level, static_cast<std::int64_t>(tests));
    if (!selection.monitored.empty())
        run_monitored(check, selection.monitored, base, backend, request, progress);
    run_measured(check, selection.measured, base, backend, request, progress);
    for (Outcome& outcome : check.outcomes) {
        outcome.judgement = judge(outcome.tally, check.corrected);
        const Finding& finding = outcome.finding;
        if (outcome.claim->monitored < 0 && !finding.counts)
            outcome.judgement.verdict = finding.verdict;
    }
    // As in the catalogue.
    std::stable_sort(check.outcomes.begin(), check.outcomes.end(),
                     [](const Outcome& a, const Outcome& b) { return a.claim < b.claim; });
    return check;
}

Exit status_of(const Check& check, double max_failed) {
    bool refuted = false, failed = false, control_stands = false;
    const bool any_tested = std::any_of(
        check.outcomes.begin(), check.outcomes.end(),
        [](const Outcome& outcome) { return outcome.judgement.verdict != Verdict::vacuous; });
    for (const Outcome& outcome : check.outcomes) {
        const Tally& tally = outcome.tally;
        const Verdict verdict = outcome.judgement.verdict;
        if (static_cast<double>(tally.failed) > max_failed * static_cast<double>(tally.draws))
            failed = true;
        if (outcome.claim->is_control() && !outcome.named) {
            if (verdict != Verdict::refuted && tally.tested() > 0) control_stands = true;
            continue;
        }
        if (verdict == Verdict::refuted) refuted = true;
        // A claim nobody named, about starts that the law does not draw, is passed over.
        const bool passed_over = verdict == Verdict::vacuous && !outcome.named && any_tested;
        if (verdict == Verdict::undecided || verdict == Verdict::vacuous)
            failed = failed || !passed_over;
    }
    if (refuted) return Exit::refuted;
    if (control_stands) return Exit::internal;
    return failed ? Exit::failed : Exit::done;
}

}  // namespace softmaxflow::claims
