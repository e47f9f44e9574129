#include "throughput/limit.hpp"

#include <algorithm>

#include "backend/host/traits_of.hpp"

namespace softmaxflow::throughput {

using cpu::Unit;

Counts& Counts::operator+=(const Counts& other) {
    for (std::size_t u = 0; u < of.size(); ++u) of[u] += other.of[u];
    return *this;
}

Counts operator*(double factor, Counts counts) {
    for (double& count : counts.of) count *= factor;
    return counts;
}

namespace {

/// Counts of a few kinds; the others are 0.
Counts some(double fma, double add, double divide = 0.0, double compare = 0.0) {
    Counts counts;
    counts[Unit::fma] = fma;
    counts[Unit::add] = add;
    counts[Unit::divide] = divide;
    counts[Unit::compare] = compare;
    return counts;
}

/// exp in range: k, two for the remainder, five of the series, a product, and the last; the largest
/// |x| and a subtraction. In f32 four of the series, and the last fma is a product and two
/// additions.
Counts exponential(bool single) {
    Counts counts = single ? some(9, 3) : some(10, 2);
    counts[Unit::table] = single ? 0 : 1;
    counts[Unit::bits] = single ? 1 : 0;
    return counts;
}

/// 1 / (1 + e^-x), and whether any x is far below 0.
Counts sigmoid(bool single) {
    Counts counts = exponential(single);
    counts += some(0, 1, 1, 1);
    return counts;
}

/// The sum of n weights, its reciprocal, and whether it is in range.
Counts normalisation(double n) { return some(0, n - 1, 1, 2); }

Counts softmax(double n, bool single) {
    Counts counts = n * exponential(single);
    counts += normalisation(n);
    return counts;
}

/// Instead of exponentials: e^d of the change d of a logit by a series of five terms, and the
/// largest |d|; all afresh every 64 steps.
Counts carried_softmax(double n) {
    Counts counts = n * some(6, 2);
    counts += some(0, 0, 0, 1);
    counts += normalisation(n);
    counts += 1.0 / 64 * n * exponential(false);
    return counts;
}

/// q from z.
std::optional<Counts> residual(const model::ResidualWork& work, double m, bool single) {
    if (work.sigmoid + work.fma + work.add == 0 && !work.softmax) return std::nullopt;
    Counts counts = m * some(work.fma, work.add);
    counts += m * work.sigmoid * sigmoid(single);
    if (work.softmax) counts += softmax(m, single);
    return counts;
}

/// z, J^T w and the new Z and a, given s and q; n tokens and m outputs.
Counts outputs_and_update(double n, double m, bool dense_metric) {
    Counts counts = m * n * some(2, 0);               // z and the update of Z
    counts += m * some(1, n - 1);                     // z: sum over tokens, scale
    counts += n * some(2, 1);                         // centre, slope, update of a
    counts += m * some(dense_metric ? m + 1 : 2, 0);  // rates of the rows of Z: K q
    counts += some(m > 1 ? 2 : 3, 0);                 // rates common to all tokens
    if (m > 1) counts += (n * m + m) * some(1, 0);    // w = Z^T q and <z, q>
    counts += some(m > 1 ? m + 1 : 1, 0);             // arc length: |q|
    if (m > 1) counts[Unit::root] += 1;
    return counts;
}

/// Entries of Z, a and the weights that registers do not hold: a first pass loads a and Z and
/// stores the weights, a second one loads all three and stores a and Z.
Counts memory(double n, double m, double registers) {
    const double entries = n * (m + 2);
    const double share = std::max(0.0, entries - registers) / entries;
    Counts counts;
    counts[Unit::load] = share * n * (2 * m + 3);
    counts[Unit::store] = share * n * (m + 2);
    return counts;
}

}  // namespace

std::optional<Counts> count_step(const Problem& problem, int registers) {
    const Config& config = problem.config;
    const DynamicsConfig& dynamics = config.dynamics;
    if (!map_traits(config).exponential || !method_traits(config).gradient ||
        dynamics.value_decay != 0.0 || dynamics.logit_decay != 0.0)
        return std::nullopt;
    const auto n = static_cast<double>(config.model.tokens);
    const auto m = static_cast<double>(problem.outputs);
    const bool single = config.backend.precision == "f32";
    const model::LossTraits& loss = loss_traits(config);
    const std::optional<Counts> of_loss = residual(loss.residual_work, m, single);
    if (!of_loss) return std::nullopt;

    const bool fast = config.backend.numerics == "fast" && !single;
    Counts counts = fast ? carried_softmax(n) : softmax(n, single);
    counts += *of_loss;
    counts += outputs_and_update(n, m, loss.objective.dense);
    counts += memory(n, m, registers);
    // The largest weight, where first passages are monitored for.
    if (!config.record.thresholds.empty()) counts += some(1, n, 0, 1);
    return counts;
}

Limit limit_of(const Counts& counts, const Costs& costs) {
    Limit limit;
    const auto own = [&](Unit u) {
        limit.bounds[static_cast<std::size_t>(u)] = counts[u] * costs[u].alone;
    };
    double& fma = limit.bounds[static_cast<std::size_t>(Unit::fma)];
    own(Unit::fma);
    for (const Unit u :
         {Unit::add, Unit::divide, Unit::root, Unit::compare, Unit::table, Unit::bits})
        fma += counts[u] * costs[u].beside;
    for (const Unit u : {Unit::add, Unit::divide, Unit::load, Unit::store}) own(u);
    for (double& seconds : limit.bounds) seconds /= costs.vector;
    const auto longest = std::max_element(limit.bounds.begin(), limit.bounds.end());
    limit.seconds = *longest;
    limit.bound_by = static_cast<Unit>(longest - limit.bounds.begin());
    return limit;
}

}  // namespace softmaxflow::throughput
