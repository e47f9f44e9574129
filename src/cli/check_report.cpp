#include "cli/check_report.hpp"

#include <fmt/format.h>

#include "claims/pass.hpp"
#include "cli/summary.hpp"
#include "output/check_file.hpp"

namespace softmaxflow::cli {
namespace {

using claims::Outcome;
using claims::Tally;
using claims::Verdict;

constexpr std::size_t text_width = 79;
constexpr std::size_t name_width = 27;  // of the longest claim, and one more

std::string verdict_text(const Outcome& outcome, const Style& style) {
    const Verdict verdict = outcome.judgement.verdict;
    const bool control = outcome.claim->is_control() && !outcome.named;
    std::string text = claims::verdict_name(verdict);
    for (char& c : text)
        if (c == '_') c = ' ';
    if (control) text += verdict == Verdict::refuted ? " *" : " !";
    std::string padded = left(text, 12);
    const bool good = control ? verdict == Verdict::refuted : verdict == Verdict::not_refuted;
    if (verdict == Verdict::measured) return padded;
    return good ? style.good(padded) : style.bad(padded);
}

std::string header(const CheckReport& report, const Style& style) {
    const claims::Check& check = report.check;
    const Config& config = report.session.config();
    std::string text = line(style.bold(report.session.name()) + "  " + model_line(config));
    text += line(wrapped(law_text(config), text_width, 2));
    if (check.monitored.monitor.claims != 0)
        text += line(wrapped(method_line(check.monitored.config), text_width, 2));
    text += line(fmt::format(
        "{} draws, seed {}{}; exact intervals of {:.4g} %, {:.6g} % corrected "
        "for {} claim{}",
        grouped(report.session.replicas()), *config.ensemble.seed,
        report.session.seed_drawn() ? " (drawn)" : "", 100 * check.level, 100 * check.corrected,
        check.outcomes.size(), check.outcomes.size() == 1 ? "" : "s"));
    if (check.mutant)
        text += line(style.bad("SABOTAGED on purpose: the claim ought to come out refuted"));
    return text;
}

std::string row(const Outcome& outcome, const Style& style) {
    const Tally& tally = outcome.tally;
    const bool monitored = outcome.claim->monitored >= 0;
    const bool counts = monitored || outcome.finding.counts;
    return line(left(outcome.claim->id, name_width) + verdict_text(outcome, style) +
                right(counts ? grouped(tally.tested()) : "", 10) +
                right(counts ? grouped(tally.confirmed) : "", 9) +
                right(counts ? number(outcome.judgement.upper_one_sided, 2) : "", 9) +
                right(monitored && tally.tested() > 0 ? number(tally.smallest_margin, 2) : "", 10));
}

std::string table(const CheckReport& report, const Style& style) {
    std::string text =
        line(style.dim(left("claim", name_width) + left("verdict", 12) + right("tested", 10) +
                       right("refuting", 9) + right("rate <", 9) + right("margin >=", 10)));
    for (const Outcome& outcome : report.check.outcomes) text += row(outcome, style);
    return text;
}

/// What a line of the table has no room for.
std::string notes(const Outcome& outcome, const Style& style) {
    const Tally& tally = outcome.tally;
    std::string text;
    const auto note = [&](const std::string& what) {
        text += line(wrapped(fmt::format("{}: {}", outcome.claim->id, what), text_width, 4));
    };
    if (tally.excluded > 0) note(fmt::format("{} outside the class", grouped(tally.excluded)));
    if (tally.failed > 0) note(style.bad(fmt::format("{} failed", grouped(tally.failed))));
    const auto apparent = static_cast<std::int64_t>(tally.candidates.size());
    if (apparent > 0)
        note(fmt::format(
            "{} apparent violations: {} confirmed, {} dismissed{}, {} "
            "undecided{}",
            grouped(apparent), grouped(tally.confirmed), grouped(tally.dismissed),
            outcome.claim->monitored >= 0 ? " as rounding" : "", grouped(tally.undecided),
            outcome.not_replayed > 0
                ? fmt::format(" ({} not replayed)", grouped(outcome.not_replayed))
                : ""));
    if (tally.confirmed + tally.undecided + tally.failed > 0)
        note(fmt::format("rate {} in [{}, {}], at worst {} (<= {})",
                         number(outcome.judgement.rate.share), number(outcome.judgement.rate.low),
                         number(outcome.judgement.rate.high), number(outcome.judgement.worst.share),
                         number(outcome.judgement.worst.high)));
    if (const auto& confirmed = outcome.finding.confirmed; !confirmed.empty())
        note(fmt::format(
            "replica {}, margin {}: `replay RUN --replica {}` of a run of this config and "
            "seed repeats it",
            confirmed.front().replica, number(confirmed.front().margin),
            confirmed.front().replica));
    if (!outcome.finding.sentence.empty()) note(outcome.finding.sentence);
    for (const claims::Figure& figure : outcome.finding.figures)
        note(fmt::format("{} = {} in [{}, {}]", figure.name, number(figure.value),
                         number(figure.low), number(figure.high)));
    if (!outcome.finding.method.empty()) note(style.dim(outcome.finding.method));
    return text;
}

std::string smallest(const CheckReport& report) {
    std::string text;
    for (const Outcome& outcome : report.check.outcomes)
        if (outcome.claim->monitored >= 0 && outcome.tally.smallest_replica >= 0)
            text += line(fmt::format(
                "{}: smallest margin {} of replica {} at {}, tolerance {}", outcome.claim->id,
                number(outcome.tally.smallest_margin), outcome.tally.smallest_replica,
                number(outcome.tally.smallest_clock),
                number(-claims::violation_bound(*outcome.claim, report.check.monitored))));
    return text;
}

}  // namespace

std::string check_report(const CheckReport& report, const Style& style) {
    std::string text = "\n" + header(report, style) + "\n" + table(report, style) + "\n";
    bool control = false, stands = false;
    std::string more;
    for (const Outcome& outcome : report.check.outcomes) {
        more += notes(outcome, style);
        if (!outcome.claim->is_control() || outcome.named) continue;
        const bool refuted = outcome.judgement.verdict == Verdict::refuted;
        control = control || refuted;
        stands = stands || (!refuted && outcome.tally.tested() > 0);
    }
    if (report.verbose) more += smallest(report);
    if (control) more += line(style.dim("* a control: it is false, and a sound test refutes it"));
    if (stands)
        more += line(style.bad(wrapped(
            "! a control that was not refuted: the arc is too short (claims.horizon) for it, and "
            "so to test the others, or the test is not sound",
            text_width, 2)));
    if (report.verbose)
        for (const auto& [id, reason] : report.check.left_out)
            more += line(style.dim(fmt::format("{} left out: {}", id, reason)));
    more += line(style.dim(
        wrapped("rate <: one-sided 95 % bound; margin >=: smallest normalised margin, refuting if "
                "negative beyond rounding. Not refuted means: not in these draws, to this horizon.",
                text_width, 2)));
    if (!report.directory.empty()) more += line(style.dim("files in  ") + report.directory);
    return text + more;
}

std::string search_report(const claims::Search& search, const Style& style) {
    std::string text = "\n";
    text +=
        line(style.bold(search.claim->id)) + line(wrapped(search.claim->statement, text_width, 2)) +
        line(fmt::format("{} trajectories from {}", grouped(search.evaluations), search.domain)) +
        line(style.dim(search.method)) +
        line(fmt::format("smallest margin {} at {}, tolerance {}", number(search.smallest_margin),
                         number(search.clock),
                         number(-claims::violation_bound(*search.claim, search.problem))));
    if (!is_flow(search.problem.config))
        text += line(fmt::format("at learning rate {}", number(search.learning_rate)));
    if (!search.apparent) return text + line(style.good("no violation found"));
    const std::string adjudication = claims::adjudication_name(search.replayed.adjudication);
    for (const claims::Trial& trial : search.replayed.trials)
        text +=
            line(fmt::format("  {} at rtol {}: margin {}", claims::precision_name(trial.precision),
                             number(trial.rtol), number(trial.margin)));
    return text + line(style.bad("an apparent violation: " + adjudication));
}

std::string claims_list(const Style& style) {
    std::string text;
    for (const claims::Claim& claim : claims::all_claims())
        text += line(left(claim.id, name_width) + left(claim.status, 9) + " " +
                     wrapped(claim.statement, text_width, 39));
    return text + "\n" + line(style.dim("softmaxflow claims ID shows one in full"));
}

std::string claim_text(const claims::Claim& claim, const Style& style) {
    const auto entry = [&](const char* what, std::string_view value) {
        return line(style.dim(left(what, 11)) + wrapped(value, text_width, 13));
    };
    std::string text = line(style.bold(claim.id)) + entry("statement", claim.statement) +
                       entry("class", claim.about) + entry("status", claim.status) +
                       entry("because", claim.because);
    if (claim.about.starts_with("U") || claim.about.starts_with("as U"))
        text += line("") + line(wrapped(claims::class_u_text, text_width, 2));
    if (claim.monitored >= 0)
        text += line("") +
                line(wrapped(fmt::format("Tested at every accepted step. Tolerance of its margin "
                                         "with 8 tokens and one output: {:.2g}, from rounding.",
                                         0x1p-53 * claim.tolerance(8, 1)),
                             text_width, 2));
    return text;
}

}  // namespace softmaxflow::cli
