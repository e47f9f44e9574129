// Gradient flow: the order of every method with steps of fixed length, on closed forms and against
// a much finer solution; the rule for log t against 113-bit quadrature; starts so hard that nothing
// can be computed end in a status.

#include <gtest/gtest.h>

#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <cmath>
#include <random>

#include "model/cases.hpp"
#include "model/sample.hpp"

using namespace fixture;
using softmaxflow::Status;

namespace {

using System = Sample::System;
using VectorField = model::VectorField<System>;

Combination choice_named(const std::string& loss) {
    int place = 0;
    while (model::Losses::names[place] != loss) ++place;
    return {0, place, 0};
}

/// A problem whose flow is smooth, on either clock.
Case smooth(const std::string& loss, bool arc, double value_scale = 0.7) {
    Case c(choice_named(loss), 5);
    c.parameters.dim = 4;
    c.parameters.outputs = c.combination.scalar_loss() ? 1 : 4;
    c.parameters.samples = 4;
    c.parameters.value_scale = value_scale;
    c.parameters.loss_constant = loss == "square" ? 10.0 : 0.5;
    c.parameters.flow = true;
    c.parameters.arc_clock = arc;
    return c;
}

/// (Z, a) after `steps` equal steps up to `end`, with no control of errors; `arc`, if asked for,
/// gets the arc length.
template <template <class> class Method>
std::vector<double> with_fixed_steps(const Case& c, double end, int steps, double* arc = nullptr) {
    Sample sample(c, 0);
    Method<System> stepper(sample.arena, sample.p.tokens, sample.p.outputs);
    const VectorField field(sample.system, sample.p);
    const model::Frame<double> from{0.0, sample.e.residual[0] < 0.0 ? -1.0 : 1.0};
    double speed = 0.0, total = 0.0;
    field(sample.x, sample.e, from, stepper.derivative(), speed);
    const double h = end / steps;
    for (int i = 0; i < steps; ++i) {
        stepper.attempt(field, {1e-6, 1e-6}, sample.x, speed, from, h);
        for_each_entry(sample.system, [&](auto at) { at(sample.x) = at(stepper.next()); });
        for_each_entry(sample.system,
                       [&](auto at) { at(stepper.derivative()) = at(stepper.next_derivative()); });
        speed = sample.system.residual_norm(stepper.evaluation());
        total += stepper.arc();
    }
    if (arc != nullptr) *arc = total;
    std::vector<double> numbers;
    for_each_entry(sample.system, [&](auto at) { numbers.push_back(at(sample.x)); });
    return numbers;
}

double largest_gap(const std::vector<double>& a, const std::vector<double>& b) {
    double gap = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) gap = std::max(gap, std::fabs(a[i] - b[i]));
    return gap;
}

/// Order seen when the steps are halved, as long as the error stays well above rounding.
template <class Error>
double measured_order(Error error_with, int steps) {
    double before = error_with(steps), order = 0.0;
    while (steps < 2000) {
        const double now = error_with(steps *= 2);
        if (now < 4e-14) break;
        order = std::log2(before / now);
        before = now;
    }
    return order;
}

template <class SystemType>
using Order3 = model::Explicit<model::BogackiShampine, SystemType>;
template <class SystemType>
using Order5 = model::Explicit<model::Tsitouras, SystemType>;
template <class SystemType>
using Order8 = model::Explicit<model::DormandPrince, SystemType>;

/// Calls f with a tag for each method, its order, how closely that must be met, and how many steps
/// make a start.
template <class F>
void for_each_method(F f) {
    f.template operator()<Order3>("Bogacki-Shampine", 3, 0.2, 16);
    f.template operator()<Order5>("Tsitouras", 5, 0.2, 8);
    f.template operator()<Order8>("Dormand-Prince", 8, 0.4, 3);
    f.template operator()<model::Implicit>("Rodas5P", 5, 0.2, 8);
}

/// Logits that do not move: z follows q alone, at the rate |s|^2 K.
struct Frozen {
    Case problem;
    double z0, rate;

    explicit Frozen(const std::string& loss) : problem(smooth(loss, false)) {
        problem.parameters.logit_rate = 0.0;
        problem.parameters.target = model::Target::random_normal;
        const Sample s(problem, 0);
        z0 = s.e.output[0];
        rate = 0.0;
        for (int j = 0; j < 5; ++j) rate += s.e.weight(j) * s.e.weight(j);
        rate *= s.system.objective.metric[0];
    }
    /// z of a state.
    [[nodiscard]] double output(const std::vector<double>& x) const {
        const Sample s(problem, 0);
        double z = 0.0;
        for (int j = 0; j < 5; ++j) z += s.e.weight(j) * x[static_cast<std::size_t>(j)];
        return z;
    }
    /// z(t) in closed form.
    [[nodiscard]] double exact(double t) const {
        const std::string loss = problem.combination.loss_name();
        if (loss == "exponential") return std::log(std::exp(z0) + rate * t);
        const double b = problem.parameters.loss_constant;
        if (loss == "square") return b - (b - z0) * std::exp(-rate * t);
        // Logistic: z + e^z grows by the rate times t; Newton from above, where it is convex.
        const double end = z0 + std::exp(z0) + rate * t;
        double z = std::max(end, 0.0);
        for (int i = 0; i < 60; ++i) z -= (z + std::exp(z) - end) / (1.0 + std::exp(z));
        return z;
    }
};

TEST(FlowOrder, OnClosedFormsOfFrozenLogits) {
    for (const char* loss : {"logistic", "exponential", "square"}) {
        const Frozen frozen(loss);
        for_each_method([&]<template <class> class Method>(const char* name, int order,
                                                           double allowed, int steps) {
            const double end = 20.0;
            const double found = measured_order(
                [&](int n) {
                    const auto x = with_fixed_steps<Method>(frozen.problem, end, n);
                    return std::fabs(frozen.output(x) - frozen.exact(end));
                },
                steps);
            EXPECT_GT(found, order - 2 * allowed) << loss << ", " << name;
            const auto fine = with_fixed_steps<Method>(frozen.problem, end, 1000);
            EXPECT_NEAR(frozen.output(fine), frozen.exact(end), order == 3 ? 1e-8 : 1e-13);
        });
    }
}

struct StepState {
    const char* loss;
    bool arc;
    double end, value_scale;
};

/// Where there is no closed form, a solution with many more steps of order 8 stands for it;
/// tests/python/test_flow.py compares those with SciPy.
template <class Check>
void measure_orders(const StepState& step_state, Check check) {
    const Case c = smooth(step_state.loss, step_state.arc, step_state.value_scale);
    const auto golden = with_fixed_steps<Order8>(c, step_state.end, 512);
    for_each_method([&]<template <class> class Method>(const char* name, int order, double allowed,
                                                       int steps) {
        const double found = measured_order(
            [&](int n) {
                return largest_gap(with_fixed_steps<Method>(c, step_state.end, n), golden);
            },
            steps);
        check(found, order, allowed,
              std::string(step_state.loss) + ", " + name + (step_state.arc ? ", arc" : ", time"));
    });
}

TEST(FlowOrder, OnCoupledProblems) {
    for (const StepState& step_state :
         {StepState{"logistic", false, 20.0, 0.7}, StepState{"logistic", true, 3.0, 2.0},
          StepState{"square", false, 4.0, 0.7}, StepState{"regression", true, 3.0, 2.0}})
        measure_orders(step_state,
                       [](double found, double order, double allowed, const auto& name) {
                           EXPECT_NEAR(found, order, allowed) << name;
                       });
}

/// On these the steps are still so long that terms of the next order show: the leading one of
/// Tsitouras' method is made very small.
TEST(FlowOrder, AtLeastOnOtherProblems) {
    for (const StepState& step_state :
         {StepState{"regression", false, 20.0, 0.7}, StepState{"classification", false, 20.0, 0.7},
          StepState{"classification", true, 3.0, 2.0}, StepState{"cross_entropy", false, 20.0, 0.7},
          StepState{"cross_entropy", true, 3.0, 0.7}, StepState{"square", true, 3.0, 2.0}})
        measure_orders(step_state,
                       [](double found, double order, double allowed, const auto& name) {
                           EXPECT_GT(found, order - 2 * allowed) << name;
                       });
}

/// The arc in the time clock goes along with about the same order.
TEST(FlowOrder, OfTheArcLength) {
    for (const char* loss : {"logistic", "regression", "cross_entropy"}) {
        const Case c = smooth(loss, false);
        double golden = 0.0;
        with_fixed_steps<Order8>(c, 20.0, 512, &golden);
        for_each_method(
            [&]<template <class> class Method>(const char* name, int order, double, int steps) {
                const double found = measured_order(
                    [&](int n) {
                        double arc = 0.0;
                        with_fixed_steps<Method>(c, 20.0, n, &arc);
                        return std::fabs(arc - golden);
                    },
                    steps);
                EXPECT_GT(found, 0.8 * order) << loss << ", " << name;
            });
    }
}

/// A quintic on [0, 1] from its own coefficients, by value and two derivatives at both ends.
struct Quintic {
    Quad p0, p1, p2, p3, p4, p5;

    Quintic(const Quad (&at_0)[3], const Quad (&at_1)[3]) {
        p0 = at_0[0], p1 = at_0[1], p2 = at_0[2] / 2;
        const Quad value = at_1[0] - p0 - p1 - p2, slope = at_1[1] - p1 - 2 * p2,
                   second_derivative = at_1[2] - 2 * p2;
        p3 = 10 * value - 4 * slope + second_derivative / 2;
        p4 = -15 * value + 7 * slope - second_derivative;
        p5 = 6 * value - 3 * slope + second_derivative / 2;
    }
    Quad operator()(const Quad& x) const {
        return p0 + x * (p1 + x * (p2 + x * (p3 + x * (p4 + x * p5))));
    }
};

/// Integral over [0, 1] of what is largest at 0 or 1, by pieces that double in length from there.
template <class F>
Quad integrate(F f, bool from_1, double first) {
    using Rule = boost::math::quadrature::gauss_kronrod<Quad, 31>;
    Quad total = 0, from = 0;
    for (Quad to = first; from < 1; to *= 2) {
        const Quad end = to < 1 ? to : Quad(1);
        total += from_1 ? Rule::integrate(f, 1 - end, 1 - from, 5, Quad(1e-22))
                        : Rule::integrate(f, from, end, 5, Quad(1e-22));
        from = end;
    }
    return total;
}

Quad exact_log_integral(double h, const model::LogInverseSpeed<double>& a,
                        const model::LogInverseSpeed<double>& b) {
    const Quad H(h), top(std::max(a.log, b.log));
    const Quintic g({a.log, H * a.slope, H * H * a.second_derivative},
                    {b.log, H * b.slope, H * H * b.second_derivative});
    const double first = 1.0 / std::max(1.0, std::fabs(b.log - a.log));
    const auto f = [&](const Quad& x) { return Quad(exp(g(x) - top)); };
    return top + log(H * integrate(f, b.log > a.log, first));
}

std::mt19937_64 generator(3);
double uniform(double low, double high) {
    return std::uniform_real_distribution<>(low, high)(generator);
}
/// Magnitudes from 10^low to 10^high.
double magnitude(double low, double high) { return std::pow(10.0, uniform(low, high)); }

void expect_near_quadrature(int steps) {
    double worst = 0.0;
    for (int i = 0; i < steps; ++i) {
        const double h = magnitude(-6, 5);
        // g changes by up to 1e5 over a step, and by a tenth of that or up to 1 beyond a line.
        const double change = std::copysign(magnitude(-3, 5), uniform(-1, 1));
        const double mean = change / h, curved = std::min(1.0, 0.1 * std::fabs(change));
        const auto bent = [&](int order) { return uniform(-curved, curved) / std::pow(h, order); };
        const double start = uniform(-5, 1e3);
        const model::LogInverseSpeed<double> a{start, mean + bent(1), bent(2)},
            b{start + change, mean + bent(1), bent(2)};
        const Quad exact = exact_log_integral(h, a, b);
        const double found = model::log_integral(h, a, b);
        const double error = std::fabs(static_cast<double>(Quad(found) - exact));
        // 4e-9 by what the rule leaves out; for large changes the rounding of the slopes.
        EXPECT_LT(error, 1e-8 + 4e-16 * std::fabs(found)) << h << " " << change;
        worst = std::max(worst, error);
    }
    EXPECT_GT(worst, 1e-10);  // the rule is not exact: the comparison is one
}
TEST(LogTime, RuleAgainstQuadrature) { expect_near_quadrature(30); }
TEST(LogTimeLong, RuleAgainstQuadrature) { expect_near_quadrature(300); }

TEST(LogTime, RuleForArcsThatEndAgainstQuadrature) {
    double worst = 0.0;
    for (int i = 0; i < 100; ++i) {
        // |q| from start to end, some of it almost 0; a parabola and a little more between them.
        const double h = magnitude(-6, 2), start = magnitude(-1, 2), end = start * magnitude(-8, 1);
        const double least = std::min(start, end), curved = uniform(0.0, 0.4) * (start - end);
        const Quad a[3] = {start, end - start - curved + uniform(-0.1, 0.1) * least, 2 * curved},
                   b[3] = {end, end - start + curved + uniform(-0.1, 0.1) * least, 2 * curved};
        const auto log_inverse_speed = [h](const Quad(&p)[3]) {
            const Quad slope = -p[1] / (p[0] * h),
                       second_derivative = slope * slope - p[2] / (p[0] * h * h);
            return model::LogInverseSpeed<double>{double(Quad(-log(p[0]))), double(slope),
                                                  double(second_derivative)};
        };
        const Quintic q(a, b);
        const Quad exact = log(Quad(h) * integrate([&](const Quad& x) { return Quad(1 / q(x)); },
                                                   end < start, least / std::max(start, end)));
        const double found =
            model::log_integral_to_zero(h, log_inverse_speed(a), log_inverse_speed(b));
        const double error = std::fabs(static_cast<double>(Quad(found) - exact));
        EXPECT_LT(error, 3e-7) << start << " " << end << " " << curved;
        worst = std::max(worst, error);
    }
    EXPECT_GT(worst, 1e-12);
}

/// log t of one token of the logistic loss: t = tau + e^z0 (e^tau - 1), K = 1.
TEST(LogTime, OfOneTokenInClosedForm) {
    Case c(choice_named("logistic"), 1);
    c.parameters.flow = c.parameters.arc_clock = true;
    c.parameters.rtol = 1e-10;
    c.parameters.atol = 1e-13;
    c.parameters.max_steps = 1e5;
    c.checkpoints = {0, 1e-3, 1, 30, 690, 710, 1e4, 1e6};
    const int replicas = 5, all = static_cast<int>(c.checkpoints.size());
    const Words w = run_flow<double>(c, replicas);
    for (int r = 0; r < replicas; ++r) {
        const double z0 =
            w.state[model::state_column::projected_values][static_cast<std::size_t>(r) * all];
        for (int i = 1; i < all; ++i) {
            const Quad tau(c.checkpoints[i]), far = z0 + tau;
            const Quad exact = far + log(tau * exp(-far) + 1 - exp(-tau));
            const double found = w.observable(model::Observable::log_time, i, r, replicas);
            // Steps may be as long as they like, across the bend of log(1 + e^z) too.
            EXPECT_LT(relative(found, exact, 1.0), 2e-7) << "tau = " << c.checkpoints[i];
        }
    }
}

/// Starts that overflow, or are as stiff as can be.
std::vector<NamedCase> hard_cases(Combination combination) {
    Case c(combination);
    c.parameters.flow = true;
    c.parameters.rtol = 1e-6;
    c.parameters.atol = 1e-9;
    c.parameters.max_steps = 300;
    c.parameters.logit_mean = 1.0;
    c.checkpoints = {0, 1, 100};
    std::vector<NamedCase> cases(4, {"", c});
    const auto change = [&](int i, const char* name, auto f) {
        cases[i].name = name;
        f(cases[i].problem);
    };
    change(0, "scale 1e300", [](Case& x) { x.parameters.value_scale = 1e300; });
    change(1, "scale 1e8", [](Case& x) { x.parameters.value_scale = 1e8; });
    change(2, "kappa 1e16", [](Case& x) { x.parameters.condition_number = 1e16; });
    change(3, "logits 1e308", [](Case& x) {
        for (int i = 0; i < 3 * 11; ++i)
            x.logits.push_back((i % 3 == 0 ? -1e308 : 1e308) * (1.0 - 0.01 * i));
    });
    return cases;
}

/// Every replica ends, in a status that says how; the return value is how many failed.
int run_hard_case(const Case& c, const std::string& name) {
    const Words w = run_flow<double>(c, 3);
    int failed = 0;
    for (int r = 0; r < 3; ++r) {
        EXPECT_GE(w.replica[model::replica_column::status][r], 0.0) << name;
        EXPECT_LE(w.replica[model::replica_column::status][r], double(Status::map_singular))
            << name;
        EXPECT_LE(w.replica[model::replica_column::steps][r] +
                      w.replica[model::replica_column::rejected_steps][r],
                  301)
            << name;
        for (int j = 0; w.replica[model::replica_column::status][r] == 0.0 && j < 11; ++j)
            EXPECT_TRUE(std::isfinite(w.state[model::state_column::logits][(r * 3 + 2) * 11 + j]))
                << name;
        failed +=
            w.replica[model::replica_column::status][r] > double(Status::stopped_early) ? 1 : 0;
    }
    return failed;
}

/// How many fail; either clock, or both.
int run_hard_starts(bool both_clocks) {
    int failed = 0;
    for (int map = 0; map < model::Maps::size; ++map) {
        if (std::string(model::Maps::names[map]) == "l1") continue;
        for (int loss = 0; loss < model::Losses::size; ++loss)
            for (auto& [name, c] : hard_cases({map, loss, 0}))
                for (const bool arc : {false, true}) {
                    if (!both_clocks && arc != ((map + loss) % 2 == 0)) continue;
                    c.parameters.arc_clock = arc;
                    failed += run_hard_case(
                        c, c.combination.name() + (arc ? ", arc, " : ", time, ") + name);
                }
    }
    return failed;
}
TEST(System, HardStartsEndInAStatus) { EXPECT_GT(run_hard_starts(false), 50); }
TEST(FlowLong, HardStartsEndInAStatus) { EXPECT_GT(run_hard_starts(true), 100); }

}  // namespace
