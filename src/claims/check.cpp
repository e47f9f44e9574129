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

namespace softmaxflow::claims {
namespace {

/// Claims that are controls need to be refuted, not counted.
constexpr std::int64_t replayed_of_control = 4;  // and of a twin: one is enough to refute

struct Selection {
    std::vector<const Claim*> watched, measured;
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
            if (reason.empty() && claim.watched < 0 && measured_of(claim).own_cells)
                reason = "runs cells of its own; name it to test it";
            if (reason.empty())
                claims.push_back(&claim);
            else
                selection.left_out.emplace_back(claim.id, reason);
        }
    }
    for (const Claim* claim : claims)
        (claim->watched >= 0 ? selection.watched : selection.measured).push_back(claim);
    return selection;
}

/// Replays the first suspects of a claim, several at a time.
void adjudicate(const Problem& problem, Outcome& outcome, Backend& backend, int threads,
                std::int64_t most, const Progress& progress) {
    const std::vector<Suspect>& suspects = outcome.tally.suspects;
    const auto count = static_cast<std::size_t>(
        std::min<std::int64_t>(most, static_cast<std::int64_t>(suspects.size())));
    outcome.replayed.resize(count);
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> stopped = false;
    std::mutex mutex;
    std::exception_ptr failure;
    const auto work = [&] {
        try {
            for (std::size_t i = next++; i < count && !stopped; i = next++) {
                outcome.replayed[i] = replay_start(
                    replay_problem(problem, start_of(problem, backend, suspects[i].replica)),
                    *outcome.claim, suspects[i], backend);
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
    for (const Replayed& replayed : outcome.replayed) outcome.tally.count(replayed.ruling);
    outcome.not_replayed = static_cast<std::int64_t>(suspects.size() - count);
    outcome.tally.undecided += outcome.not_replayed;
}

void run_watched(Check& check, const std::vector<const Claim*>& claims, const Problem& base,
                 Backend& backend, const CheckRequest& request, const Progress& progress) {
    check.watched = watched_problem(base, claims, request.horizon, request.twin);
    const std::vector<Tally> tallies = run_pass(check.watched, claims, backend, progress);
    // Single replicas are no work for a device; and one more pair of eyes looks at its margins, for
    // a replay must give their bits.
    const auto replays = make_cpu_backend({1, ""});
    for (std::size_t i = 0; i < claims.size(); ++i) {
        Outcome outcome;
        outcome.claim = claims[i];
        outcome.named = !request.ids.empty();
        outcome.tally = tallies[i];
        outcome.horizon = end_of_run(check.watched.config);
        const bool few = request.twin || (claims[i]->is_control() && !outcome.named);
        adjudicate(check.watched, outcome, *replays, request.threads,
                   few ? replayed_of_control : request.most_replayed, progress);
        check.outcomes.push_back(std::move(outcome));
    }
}

void run_measured(Check& check, const std::vector<const Claim*>& claims, const Problem& base,
                  Backend& backend, const CheckRequest& request, const Progress& progress) {
    for (const Claim* claim : claims) {
        Laboratory laboratory{
            base,        backend, progress, request.problem_of, check.corrected, request.horizon,
            request.twin};
        Outcome outcome;
        outcome.claim = claim;
        outcome.named = !request.ids.empty();
        outcome.finding = measured_of(*claim).measure(laboratory);
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

Ruling rule(const std::vector<Trial>& trials, double units) {
    const Trial& before = trials.at(trials.size() - 2);
    const Trial& last = trials.back();
    const bool first = violated(before, units), second = violated(last, units);
    if (!first && !second) return Ruling::dismissed;
    const bool clear = std::abs(last.margin) > 10.0 * std::abs(last.margin - before.margin);
    return first && second && clear ? Ruling::confirmed : Ruling::undecided;
}

Replayed replay_start(const Problem& one, const Claim& claim, const Suspect& suspect,
                      Backend& backend) {
    Replayed replayed;
    replayed.replica = suspect.replica;
    replayed.increment = suspect.increment;
    replayed.start = one.restart;
    replayed.trials.push_back(first_trial(one, claim, backend));
    const Trial& first = replayed.trials.front();
    if (std::bit_cast<std::uint64_t>(first.margin) !=
            std::bit_cast<std::uint64_t>(suspect.margin) ||
        first.clock != suspect.clock)
        throw Error(Exit::internal,
                    fmt::format("claim {}, replica {}: a replay gave the margin {} at {}, the run "
                                "{} at {}",
                                claim.id, suspect.replica, first.margin, first.clock,
                                suspect.margin, suspect.clock));
    const double half = one.config.dynamics.rtol / 2;
    for (const auto& [precision, rtol] :
         {std::pair{Precision::f64, half}, {Precision::f113, 1e-20}, {Precision::d100, 1e-30}})
        replayed.trials.push_back(replay_margin(one, claim, suspect.clock, precision, rtol));
    replayed.ruling = rule(replayed.trials, -violation_bound(claim, one) / 0x1p-53);
    return replayed;
}

Check run_check(const Problem& base, Backend& backend, const CheckRequest& request,
                const Progress& progress) {
    Selection selection = select_claims(base, request);
    Check check;
    check.level = request.level;
    check.twin = request.twin;
    check.left_out = std::move(selection.left_out);
    check.watched = base;
    const std::size_t tests = selection.watched.size() + selection.measured.size();
    if (tests == 0)
        throw Error(Exit::usage,
                    fmt::format("no claim is about this config; the first, {}, {}",
                                check.left_out.front().first, check.left_out.front().second));
    if (request.twin && tests != 1)
        throw Error(Exit::usage, "--twin sabotages the dynamics against one claim: name one");
    for (const Claim* claim : selection.measured)
        if (request.twin && claim->twin == model::Sabotage::none)
            throw Error(Exit::usage,
                        fmt::format("claim {} has no twin: it is a comparison that nothing refutes",
                                    claim->id));
    check.corrected = corrected_level(request.level, static_cast<std::int64_t>(tests));
    if (!selection.watched.empty())
        run_watched(check, selection.watched, base, backend, request, progress);
    run_measured(check, selection.measured, base, backend, request, progress);
    for (Outcome& outcome : check.outcomes) {
        outcome.judgement = judge(outcome.tally, check.corrected);
        const Finding& finding = outcome.finding;
        if (outcome.claim->watched < 0 && !finding.counts)
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
