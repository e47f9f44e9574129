// What the loss does not see of V never moves: on the full path, V and all, in d dimensions.

#include <fmt/format.h>

#include <algorithm>

#include "backend/host/make_parameters.hpp"
#include "backend/host/traits_of.hpp"
#include "claims/big.hpp"
#include "claims/measured/ensemble_states.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/initial/value_laws.hpp"

namespace softmaxflow::claims {
namespace {

Finding measure(const MeasureContext& context);

}  // namespace

const Measured values_move_in_row_space = {
    {"values_move_in_row_space", "the part of V orthogonal to the rows of W is constant",
     "untied, full path, no decay, not adam or sign_descent; here losses with one output", "proved",
     "dV/dt = W^T q s^T lies in the row space of W.",
     model::gradient_descent | model::no_decay | model::single_output | model::softmax_map,
     model::Mutant::swapped},
    true,
    measure};

namespace {

constexpr std::int64_t most_iterations = 1000;

/// One replica of gradient descent on V (d x n) and a, nothing folded.
template <class Real>
class FullPath {
public:
    FullPath(const Config& config, const model::Parameters& p, model::Bits replica)
        : config_(config),
          loss_(place_of(model::loss_table, config.objective.loss)),
          n_(p.tokens),
          d_(p.dim),
          values_(static_cast<std::size_t>(d_ * n_)),
          logits_(static_cast<std::size_t>(n_), Real(p.logit_mean)),
          weights_(logits_) {
        const model::ObjectiveKind kind = model::loss_table[loss_].kind;
        std::vector<double> target(static_cast<std::size_t>(d_));
        model::draw_target(p, kind, replica, target.data());
        for (const double t : target) target_.push_back(Real(t));
        const model::Source<double> source(p, replica, replica);
        for (int i = 0; i < d_; i += 2)
            for (int j = 0; j < n_; ++j) {
                const auto pair = source.value_pair(i, j);
                value(i, j) = Real(pair.first);
                if (i + 1 < d_) value(i + 1, j) = Real(pair.second);
            }
        start_ = values_;
    }

    /// `wrong`: the residual enters along another direction than it is taken.
    void step(bool wrong) {
        Real total(0.0), output(0.0);
        for (int j = 0; j < n_; ++j) {
            weights_[j] = model::exp(logits_[j]);
            total = total + weights_[j];
        }
        std::vector<Real> seen(logits_.size(), Real(0.0));
        for (int j = 0; j < n_; ++j) {
            weights_[j] = weights_[j] / total;
            for (int i = 0; i < d_; ++i) seen[j] = seen[j] + target_[i] * value(i, j);
            output = output + weights_[j] * seen[j];
        }
        const Real drive = Real(config_.dynamics.learning_rate) * residual(output);
        const Real logit_drive = Real(config_.dynamics.logit_rate) * drive;
        for (int j = 0; j < n_; ++j) {
            logits_[j] = logits_[j] + logit_drive * weights_[j] * (seen[j] - output);
            for (int i = 0; i < d_; ++i)
                value(i, j) = value(i, j) + drive * target_[wrong ? (i + 1) % d_ : i] * weights_[j];
        }
    }

    /// |orthogonal part of V - V(0)| against |V - V(0)| + |V(0)|.
    [[nodiscard]] double drift() const {
        Real length(0.0), across(0.0), moved(0.0), size(0.0);
        for (const Real& t : target_) length = length + t * t;
        for (int j = 0; j < n_; ++j) {
            Real along(0.0);
            const auto change = [&](int i) { return value(i, j) - start_[place(i, j)]; };
            for (int i = 0; i < d_; ++i) along = along + target_[i] * change(i) / length;
            for (int i = 0; i < d_; ++i) {
                const Real rest = change(i) - along * target_[i];
                across = across + rest * rest;
                moved = moved + change(i) * change(i);
                size = size + start_[place(i, j)] * start_[place(i, j)];
            }
        }
        const Real terms = model::sqrt(moved) + model::sqrt(size);
        return terms > Real(0.0) ? double(model::sqrt(across) / terms) : 0.0;
    }

private:
    [[nodiscard]] std::size_t place(int i, int j) const {
        return static_cast<std::size_t>(i) * static_cast<std::size_t>(n_) +
               static_cast<std::size_t>(j);
    }
    Real& value(int i, int j) { return values_[place(i, j)]; }
    [[nodiscard]] const Real& value(int i, int j) const { return values_[place(i, j)]; }
    [[nodiscard]] Real residual(const Real& z) const {
        model::Arena none(nullptr);
        model::Objective<Real, 1, false> objective(none, 1, false, false);
        objective.response[0] = Real(config_.objective.radius);
        const model::Tokens<model::Solo, 1> outputs(model::Solo{}, 1);
        model::Storage<Real, 1> output, residual, scratch;
        output[0] = z;
        residual[0] = Real(0.0);
        model::with_item(model::Losses{}, loss_, [&](auto loss) {
            if constexpr (loss.outputs == 1)
                loss.residual(objective, outputs, output, residual, scratch);
        });
        return residual[0];
    }

    const Config& config_;
    int loss_, n_, d_;
    std::vector<Real> values_, logits_, weights_, target_, start_;
};

Finding measure(const MeasureContext& context) {
    const Config& config = context.base.config;
    if (config.model.dim < 2)
        throw Error(Exit::usage,
                    "claim values_move_in_row_space: in one dimension nothing is orthogonal to W; "
                    "set model.dim to 2 or more");
    if (!config.init.file.empty() || config.init.logit_scale != 0)
        throw Error(Exit::usage,
                    "claim values_move_in_row_space: draws its own starts with equal logits");
    const model::Parameters p = host::make_parameters(context.base);
    const std::int64_t iterations = std::min(config.dynamics.iterations, most_iterations);
    // Each step rounds every entry of V once, by half a unit of at most |V(0)| + |V - V(0)|.
    const double allowed = 0x1p-53 * (static_cast<double>(iterations) + 16.0) * 4.0;
    const auto margin_of = [&](auto real, std::int64_t replica) {
        FullPath<decltype(real)> path(config, p, static_cast<model::Bits>(replica));
        for (std::int64_t i = 0; i < iterations; ++i) path.step(context.mutant);
        const double drift = path.drift();
        return (allowed - drift) / (allowed + drift);
    };
    Finding finding;
    finding.counts = true;
    for (std::int64_t r = 0; r < config.ensemble.replicas; ++r) {
        ++finding.tally.draws;
        note_margin(finding.tally, r, margin_of(0.0, r), static_cast<double>(iterations));
        if (context.progress && !context.progress(0))
            throw Error(Exit::stopped, "stopped: a test needs all of its draws");
    }
    judge(finding, 0, context.mutant, [&](const Candidate& candidate, Precision precision, double) {
        return precision == Precision::f113 ? margin_of(model::Quad(0.0), candidate.replica)
                                            : margin_of(model::Hundred(0.0), candidate.replica);
    });
    finding.method = fmt::format(
        "gradient descent of the full (V, a) for {} iterations: drift "
        "relative to |V| at most {:.2g}",
        iterations, allowed);
    return finding;
}

}  // namespace
}  // namespace softmaxflow::claims
