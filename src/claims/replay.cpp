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

namespace softmaxflow::claims {
namespace {

using model::Any;

template <class Real>
using AnyFlow = model::Flow<Any<model::Maps>, Any<model::Losses>, Real, model::Solo, 0, 0>;

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
class Room {
public:
    template <class Make>
    explicit Room(Make make) {
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
class Journey {
public:
    using Flow = AnyFlow<Real>;
    using State = typename Flow::State;

    /// `problem` must outlive the object.
    Journey(const Problem& problem, double rtol)
        : problem_(problem),
          parameters_(host::make_parameters(problem)),
          choice_(host::make_choice(problem)),
          room_([&](model::Arena& arena) { Parts(*this, arena); }),
          arena_(room_.arena()),
          parts_(*this, arena_),
          tolerance_{Real(rtol), Real(rtol * 1e-3)},
          rates_(parameters_) {
        model::Restart<Flow>(parameters_, 0, 0)(parts_.flow, parts_.x, nullptr, 0);
        clock_ = Real(problem.restart.checkpoint);
        if (choice_.flow) note_sign();
        look_around();
    }

    /// On to that clock, or iteration.
    void reach(double clock) {
        const Real target(clock);
        if (!choice_.flow) return descend(target);
        while (clock_ < target) step(target);
    }

    [[nodiscard]] Real margin(int claim) {
        Parts& p = parts_;
        if (choice_.flow)
            p.sight.look(p.field, p.x, p.derivative, p.e);
        else
            p.sight.look(p.flow, p.x, p.e, parameters_.logit_rate);
        Real margin(0.0);
        model::with_item(model::WatchedClaims{}, claim, [&](auto item) {
            // Descent has no derivative, and its claims do not ask for one.
            if (choice_.flow || (item.needs & model::gradient_flow) == 0)
                margin = item.margin(p.sight).margin;
        });
        return margin;
    }

    [[nodiscard]] std::int64_t steps() const { return steps_; }

    /// Appends the state as a checkpoint of a run.
    void record(StateRecord& state) {
        Parts& p = parts_;
        const int n = parameters_.tokens, m = parameters_.outputs;
        const double nan = std::numeric_limits<double>::quiet_NaN();
        for (int j = 0; j < n; ++j) {
            state.logits.push_back(static_cast<double>(p.x.logits[j]));
            state.probability.push_back(static_cast<double>(p.e.weight(j)));
        }
        for (int k = 0; k < m; ++k)
            for (int j = 0; j < n; ++j)
                state.projected_values.push_back(static_cast<double>(p.x.value(k, j)));
        const double clock = static_cast<double>(clock_);
        state.arc.push_back(parameters_.arc_clock ? clock : nan);
        state.log_time.push_back(nan);
        if (!choice_.flow) return;
        state.clock.push_back(clock);
        state.step_size.push_back(step_);
        state.controller.insert(state.controller.end(), {1.0, 0.0});
    }

private:
    struct Parts {
        Flow flow;
        model::Field<Flow> field;
        State x, derivative;
        typename Flow::Evaluation e;
        decltype(Flow::Evaluation::output) unit;
        model::Extrapolated<Flow, columns<Real>> stepper;
        model::Sight<Flow> sight;

        Parts(const Journey& j, model::Arena& arena)
            : flow(arena, model::Solo{}, j.parameters_.tokens, j.parameters_.outputs,
                   {j.choice_.map}, {j.choice_.loss}),
              field(flow, j.parameters_),
              x(arena, flow.slots(), j.parameters_.outputs),
              derivative(arena, flow.slots(), j.parameters_.outputs),
              e(arena, flow.slots(), j.parameters_.outputs),
              unit(arena, j.parameters_.outputs),
              stepper(arena, flow.slots(), j.parameters_.outputs),
              sight(arena, j.parameters_.tokens, j.parameters_.outputs) {}
        Parts(const Parts&) = delete;
        Parts& operator=(const Parts&) = delete;
    };

    /// The sign of q: the first evaluation finds z, whatever sign it is given.
    void note_sign() {
        Parts& p = parts_;
        Real speed(0.0);
        if (!p.field.single()) return;
        p.field(p.x, p.e, from_, p.derivative, speed);
        p.field.log_speed(p.e, p.unit, p.e.output_scratch);
        from_.sign = p.unit[0];
    }

    void look_around() {
        Parts& p = parts_;
        Real speed(0.0);
        if (!choice_.flow) return p.flow.evaluate(p.x, p.e);
        p.field(p.x, p.e, from_, p.derivative, speed);
        from_.leader = model::find_leader(p.flow.tokens, p.e.token_scratch, [&](int j) {
                           return p.e.share(j);
                       }).index;
        p.field(p.x, p.e, from_, p.derivative, speed);
    }

    void step(const Real& target) {
        if (++steps_ > most_steps || !(step_ > 0.0))
            throw Error(Exit::internal, "a replay in high precision does not get to its end");
        const Real left = target - clock_;
        const bool reaches = Real(step_) >= left;
        const Real h = reaches ? left : Real(step_);
        Parts& p = parts_;
        const double error = static_cast<double>(
            p.stepper.attempt(p.field, tolerance_, p.x, p.derivative, from_, h));
        constexpr double order = decltype(p.stepper)::error_order;
        const double known = error > 1e-30 ? std::min(error, 1e30) : error >= 0.0 ? 1e-30 : 1e30;
        const double factor = std::clamp(0.9 * model::power(known, -1.0 / order), 0.1, 4.0);
        if (!reaches || factor < 1.0) step_ = factor * static_cast<double>(h);
        if (!(error <= 1.0)) return;
        model::for_each_entry(p.flow, [&](auto at) { at(p.x) = at(p.stepper.next()); });
        clock_ = reaches ? target : clock_ + h;
        look_around();
    }

    void descend(const Real& target) {
        Parts& p = parts_;
        for (; clock_ < target; clock_ = clock_ + Real(1.0), ++steps_) {
            p.sight.look(p.flow, p.x, p.e, parameters_.logit_rate);
            p.sight.keep_logits();
            rates_.advance();
            model::GradientDescent::step(p.flow, p.e, p.x, nullptr, rates_);
            if (parameters_.sabotage != model::Sabotage::none)
                model::spoil_step(p.flow, p.x, p.e.token_scratch, parameters_.sabotage,
                                  parameters_.learning_rate);
            p.flow.evaluate(p.x, p.e);
        }
    }

    static constexpr std::int64_t most_steps = 1'000'000;

    const Problem& problem_;
    model::Parameters parameters_;
    host::Choice choice_;
    Room<Real> room_;
    model::Arena arena_;
    Parts parts_;
    model::Tolerance<Real> tolerance_;
    model::RatesOf<Flow> rates_;
    model::Vantage<Real> from_;
    Real clock_{0.0};
    double step_ = 0.05;
    std::int64_t steps_ = 0;
};

template <class Real>
void follow(const Problem& problem, double rtol, StateRecord& state) {
    Journey<Real> journey(problem, rtol);
    for (const double checkpoint : problem.checkpoints) {
        journey.reach(checkpoint);
        journey.record(state);
    }
}

template <class Real>
Trial try_margin(const Problem& problem, const Claim& claim, double clock, double rtol) {
    Journey<Real> journey(problem, rtol);
    journey.reach(clock);
    const Real margin = journey.margin(claim.watched);
    Trial trial;
    trial.clock = clock;
    trial.rtol = is_flow(problem.config) ? rtol : 0.0;
    trial.margin = static_cast<double>(margin);
    trial.digits = all_digits(margin);
    trial.steps = journey.steps();
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
    state.ranks = start.ranks;
    state.metric = start.metric;
    state.response = start.response;
    state.floor = start.floor.front();
    state.target = start.target;
    state.initial_leader = static_cast<std::int32_t>(start.initial_leader.front());
    return state;
}

Trial first_trial(const Problem& problem, const Claim& claim, Backend& backend) {
    Trial trial;
    backend.run(
        problem, {0, 1},
        [&](BlockResult&& block) {
            trial.margin = block.watch.margin[claim.watched];
            trial.clock = block.watch.clock[claim.watched];
            trial.steps = block.steps.front();
        },
        nullptr);
    trial.digits = fmt::format("{:a}", trial.margin);
    trial.rtol = is_flow(problem.config) ? problem.config.dynamics.rtol : 0.0;
    return trial;
}

}  // namespace softmaxflow::claims
