#include "claims/tally.hpp"

#include "stats/proportion.hpp"

namespace softmaxflow::claims {

const char* adjudication_name(Adjudication adjudication) {
    switch (adjudication) {
        case Adjudication::confirmed:
            return "confirmed";
        case Adjudication::dismissed:
            return "dismissed";
        case Adjudication::undecided:
            break;
    }
    return "undecided";
}

const char* verdict_name(Verdict verdict) {
    switch (verdict) {
        case Verdict::not_refuted:
            return "not_refuted";
        case Verdict::refuted:
            return "refuted";
        case Verdict::undecided:
            return "undecided";
        case Verdict::measured:
            return "measured";
        case Verdict::vacuous:
            break;
    }
    return "vacuous";
}

void Tally::count(Adjudication adjudication) {
    confirmed += adjudication == Adjudication::confirmed ? 1 : 0;
    dismissed += adjudication == Adjudication::dismissed ? 1 : 0;
    undecided += adjudication == Adjudication::undecided ? 1 : 0;
}

Judgement judge(const Tally& tally, double level) {
    constexpr double one_sided_level = 0.95;
    Judgement judgement;
    const std::int64_t n = tally.tested(), k = tally.confirmed;
    judgement.rate = clopper_pearson(k, n, level);
    // What is undecided may be a violation: upper bounds count it.
    const std::int64_t most = k + tally.undecided;
    if (most > k) judgement.rate.high = clopper_pearson(most, n, level).high;
    judgement.upper_one_sided = clopper_pearson_upper(most, n, one_sided_level);
    judgement.worst = clopper_pearson(k + tally.undecided + tally.failed, n + tally.failed, level);
    if (n == 0)
        judgement.verdict = Verdict::vacuous;
    else if (k > 0)
        judgement.verdict = Verdict::refuted;
    else
        judgement.verdict = tally.undecided > 0 ? Verdict::undecided : Verdict::not_refuted;
    return judgement;
}

double corrected_level(double level, std::int64_t tests) {
    return 1.0 - (1.0 - level) / static_cast<double>(tests);
}

}  // namespace softmaxflow::claims
