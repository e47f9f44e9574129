#include "claims/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "backend/host/make_parameters.hpp"
#include "claims/big.hpp"
#include "claims/pass.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/claims/monitor.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"
#include "softmaxflow/model/dynamics/leader.hpp"
#include "softmaxflow/model/initial/restart.hpp"
#include "softmaxflow/model/integrator/extrapolation.hpp"
#include "softmaxflow/model/integrator/step_control.hpp"
#include "softmaxflow/model/record/recorder.hpp"

namespace softmaxflow::claims {
namespace {

using model::Any;
namespace state_column = model::state_column;

template <class Real>
using AnySystem = model::AnyValueSoftmax<Real, model::Solo>;

template <class Real>
std::string all_digits(const Real& x) {
    std::ostringstream text;
    text << std::setprecision(std::numeric_limits<typename Real::Number>::max_digits10) << x.v;
    return text.str();
}
template <>
std::string all_digits(const double& x) {
    return fmt::format("{:a}", x);
}

/// Columns of the extrapolation: what takes least work at the tolerances used with a format.
template <class Real>
inline constexpr int columns = 5;
template <>
inline constexpr int columns<model::Quad> = 10;
template <>
inline constexpr int columns<model::Hundred> = 16;

/// Memory for the arrays of one replica: numbers are made before they are used.
template <class Real>
class Workspace {
public:
    template <class Make>
    explicit Workspace(Make make) {
        model::Arena counter(nullptr);
        make(counter);
        numbers_.resize(counter.used() / sizeof(Real) + 1);
    }
    model::Arena arena() { return model::Arena(reinterpret_cast<char*>(numbers_.data())); }

private:
    std::vector<Real> numbers_;
};

/// One replica on its way, in steps of the flow or of descent.
template <class Real>
class ReplayIntegrator {
public:
    using System = AnySystem<Real>;
    using State = typename System::State;

    /// `problem` must outlive the object.
    ReplayIntegrator(const Problem& problem, double rtol)
        : problem_(problem),
          parameters_(host::make_parameters(problem)),
          key_(host::make_kernel_key(problem)),
          workspace_([&](model::Arena& arena) { Parts(*this, arena); }),
          arena_(workspace_.arena()),
          parts_(*this, arena_),
          tolerance_{Real(rtol), Real(rtol * 1e-3)},
          settings_(parameters_) {
        model::Restart<System>(parameters_, 0, 0)(parts_.system, parts_.x, nullptr, 0);
        clock_ = Real(problem.restart.checkpoint);
        if (key_.flow) note_sign();
        evaluate_frame();
    }

    /// On to that clock, or iteration.
    void advance_to(double clock) {
        const Real target(clock);
        if (!key_.flow) return descend(target);
        while (clock_ < target) step(target);
    }

    [[nodiscard]] Real margin(int claim) {
        Parts& p = parts_;
        if (key_.flow)
            p.snapshot.look(p.field, p.x, p.derivative, p.e);
        else
            p.snapshot.look(p.system, p.x, p.e, parameters_.logit_rate);
        Real margin(0.0);
        model::with_item(model::MonitoredClaims{}, claim, [&](auto item) {
            // Descent has no derivative, and its claims do not ask for one.
            if (key_.flow || (item.needs & model::gradient_flow) == 0)
                margin = item.margin(p.snapshot).margin;
        });
        return margin;
    }

    [[nodiscard]] std::int64_t steps() const { return steps_; }

    /// Appends the state as a checkpoint of a run.
    void record(StateRecord& state) {
        Parts& p = parts_;
        const int n = parameters_.tokens, m = parameters_.outputs;
        const double nan = std::numeric_limits<double>::quiet_NaN();
        const auto put = [&](int column, double number) {
            state.columns[column].push_back(number);
        };
        for (int j = 0; j < n; ++j) {
            put(state_column::logits, static_cast<double>(p.x.logits[j]));
            put(state_column::probability, static_cast<double>(p.e.weight(j)));
        }
        for (int k = 0; k < m; ++k)
            for (int j = 0; j < n; ++j)
                put(state_column::projected_values, static_cast<double>(p.x.value(k, j)));
        model::StepState<double> steps;
        steps.clock = static_cast<double>(clock_);
        steps.step = step_;
        steps.other = nan;
        model::Clocks<double> clocks;
        steps.store(clocks, parameters_.arc_clock);
        clocks.log_time = nan;
        clocks.for_each(key_.flow,
                        [&](int column, int, const double& number) { put(column, number); });
    }

private:
    struct Parts {
        System system;
        model::VectorField<System> field;
        State x, derivative;
        typename System::Evaluation e;
        decltype(System::Evaluation::output) unit;
        model::Extrapolated<System, columns<Real>> stepper;
        model::Snapshot<System> snapshot;

        Parts(const ReplayIntegrator& j, model::Arena& arena)
            : system(arena, model::Solo{}, j.parameters_.tokens, j.parameters_.outputs,
                     System::Selection::of(j.key_.map, j.key_.loss)),
              field(system, j.parameters_),
              x(arena, system.slots(), j.parameters_.outputs),
              derivative(arena, system.slots(), j.parameters_.outputs),
              e(arena, system.slots(), j.parameters_.outputs),
              unit(arena, j.parameters_.outputs),
              stepper(arena, system.slots(), j.parameters_.outputs),
              snapshot(arena, j.parameters_.tokens, j.parameters_.outputs) {}
        Parts(const Parts&) = delete;
        Parts& operator=(const Parts&) = delete;
    };

    /// The sign of q: the first evaluation finds z, whatever sign it is given.
    void note_sign() {
        Parts& p = parts_;
        Real speed(0.0);
        if (!p.field.single()) return;
        p.field(p.x, p.e, frame_, p.derivative, speed);
        p.field.log_speed(p.e, p.unit, p.e.output_scratch);
        frame_.sign = p.unit[0];
    }

    void evaluate_frame() {
        Parts& p = parts_;
        Real speed(0.0);
        if (!key_.flow) return p.system.evaluate(p.x, p.e);
        p.field(p.x, p.e, frame_, p.derivative, speed);
        frame_.leader = model::find_leader(p.system.tokens, p.e.token_scratch, [&](int j) {
                            return p.e.share(j);
                        }).index;
        p.field(p.x, p.e, frame_, p.derivative, speed);
    }

    void step(const Real& target) {
        if (++steps_ > most_steps || !(step_ > 0.0))
            throw Error(Exit::internal, "a replay in high precision does not get to its end");
        const Real left = target - clock_;
        const bool reaches = Real(step_) >= left;
        const Real h = reaches ? left : Real(step_);
        Parts& p = parts_;
        const double error = static_cast<double>(
            p.stepper.attempt(p.field, tolerance_, p.x, p.derivative, frame_, h));
        constexpr double order = decltype(p.stepper)::error_order;
        const double known = error > 1e-30 ? std::min(error, 1e30) : error >= 0.0 ? 1e-30 : 1e30;
        const double factor = std::clamp(0.9 * model::power(known, -1.0 / order), 0.1, 4.0);
        if (!reaches || factor < 1.0) step_ = factor * static_cast<double>(h);
        if (!(error <= 1.0)) return;
        model::for_each_entry(p.system, [&](auto at) { at(p.x) = at(p.stepper.next()); });
        clock_ = reaches ? target : clock_ + h;
        evaluate_frame();
    }

    void descend(const Real& target) {
        Parts& p = parts_;
        for (; clock_ < target; clock_ = clock_ + Real(1.0), ++steps_) {
            p.snapshot.look(p.system, p.x, p.e, parameters_.logit_rate);
            p.snapshot.keep_logits();
            settings_.advance();
            model::with_item(model::Methods{}, key_.method, [&](auto method) {
                if constexpr (method.gradient) method.step(p.system, p.e, p.x, nullptr, settings_);
            });
            if (parameters_.mutant != model::Mutant::none)
                model::mutate_step(p.system, p.x, p.e.token_scratch, parameters_.mutant,
                                   parameters_.learning_rate);
            p.system.evaluate(p.x, p.e);
        }
    }

    static constexpr std::int64_t most_steps = 1'000'000;

    const Problem& problem_;
    model::Parameters parameters_;
    host::KernelKey key_;
    Workspace<Real> workspace_;
    model::Arena arena_;
    Parts parts_;
    model::Tolerance<Real> tolerance_;
    model::MethodSettingsOf<System> settings_;
    model::Frame<Real> frame_;
    Real clock_{0.0};
    double step_ = 0.05;
    std::int64_t steps_ = 0;
};

template <class Real>
void follow(const Problem& problem, double rtol, StateRecord& state) {
    ReplayIntegrator<Real> integrator(problem, rtol);
    for (const double checkpoint : problem.checkpoints) {
        integrator.advance_to(checkpoint);
        integrator.record(state);
    }
}

template <class Real>
Trial try_margin(const Problem& problem, const Claim& claim, double clock, double rtol) {
    ReplayIntegrator<Real> integrator(problem, rtol);
    integrator.advance_to(clock);
    const Real margin = integrator.margin(claim.monitored);
    Trial trial;
    trial.clock = clock;
    trial.rtol = is_flow(problem.config) ? rtol : 0.0;
    trial.margin = static_cast<double>(margin);
    trial.digits = all_digits(margin);
    trial.steps = integrator.steps();
    return trial;
}

/// Calls f with a number of that precision, as a type to take.
template <class F>
auto in_precision(Precision precision, F f) {
    if (precision == Precision::f113) return f(model::Quad());
    if (precision == Precision::d100) return f(model::Hundred());
    return f(double());
}

}  // namespace

const char* precision_name(Precision precision) {
    if (precision == Precision::f113) return "f113";
    return precision == Precision::d100 ? "d100" : "f64";
}

Trial replay_margin(const Problem& problem, const Claim& claim, double clock, Precision precision,
                    double rtol) {
    Trial trial = in_precision(
        precision, [&]<class Real>(Real) { return try_margin<Real>(problem, claim, clock, rtol); });
    trial.precision = precision;
    return trial;
}

StateRecord replay_states(const Problem& problem, Precision precision, double rtol) {
    const RestartData& start = problem.restart;
    StateRecord state;
    in_precision(precision, [&]<class Real>(Real) { follow<Real>(problem, rtol, state); });
    for (int c = 0; c < state_column::count; ++c)
        if (model::state_columns[c].when == model::When::start) state.columns[c] = start.columns[c];
    return state;
}

Trial first_trial(const Problem& problem, const Claim& claim, Backend& backend) {
    Trial trial;
    backend.run(
        problem, {0, 1},
        [&](BlockResult&& block) {
            trial.margin = monitored(block, 0, claim, model::replica_column::margin);
            trial.clock = monitored(block, 0, claim, model::replica_column::margin_clock);
            trial.steps =
                static_cast<std::int64_t>(block.replicas[model::replica_column::steps].front());
        },
        nullptr);
    trial.digits = fmt::format("{:a}", trial.margin);
    trial.rtol = is_flow(problem.config) ? problem.config.dynamics.rtol : 0.0;
    return trial;
}

}  // namespace softmaxflow::claims
