#pragma once
/// Counts of one claim over the replicas of a cell, and the verdict on it.

#include <cstdint>
#include <string>
#include <vector>

#include "softmaxflow/result.hpp"

namespace softmaxflow::claims {

/// An apparent violation.
struct Candidate {
    std::int64_t replica = 0;
    double margin = 0.0;
    double clock = 0.0;      ///< of the smallest margin: clock, or iteration
    double increment = 0.0;  ///< accumulated change of the worst quantity
};

enum class Adjudication { confirmed, dismissed, undecided };
const char* adjudication_name(Adjudication adjudication);

struct Tally {
    std::int64_t draws = 0, excluded = 0, failed = 0;
    std::int64_t confirmed = 0, dismissed = 0, undecided = 0;
    double smallest_margin = 0.0;  ///< of the tested replicas
    std::int64_t smallest_replica = -1;
    double smallest_clock = 0.0, smallest_increment = 0.0;
    std::vector<Candidate> candidates;  ///< by replica

    [[nodiscard]] std::int64_t tested() const { return draws - excluded - failed; }
    void count(Adjudication adjudication);
};

enum class Verdict { not_refuted, refuted, undecided, vacuous, measured };
const char* verdict_name(Verdict verdict);

/// What a tally says. All intervals are exact (Clopper and Pearson).
struct Judgement {
    Verdict verdict = Verdict::vacuous;
    /// confirmed / tested, two-sided at `corrected_level`; all upper bounds count what is undecided
    /// as confirmed.
    Proportion rate;
    double upper_one_sided = 0.0;  ///< of the rate, at 95 %
    Proportion worst;              ///< (confirmed + undecided + failed) / (tested + failed)
};

/// `level` and `corrected_level`: coverage of the two-sided intervals before and after the
/// correction for several claims and cells (Bonferroni).
Judgement judge(const Tally& tally, double corrected_level);

/// 1 - (1 - level) / tests.
double corrected_level(double level, std::int64_t tests);

}  // namespace softmaxflow::claims
