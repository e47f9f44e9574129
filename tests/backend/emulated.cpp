#include "emulated.hpp"

#include <new>

#include "fibers.hpp"
#include "kernels/entries.hpp"

namespace emulated {
namespace {

using namespace softmaxflow;

/// Teams of a device are wider; the bits do not depend on it.
constexpr int team_size = 4;

template <int Lanes, class Arguments, class Body>
void run_items(const Arguments& arguments, Body body) {
    if constexpr (Lanes == 1) {
        for (long long item = 0; item < arguments.items; ++item)
            body(arguments, item, model::Solo{});
    } else {
        Fibers<Lanes> fibers;
        const auto lane = [&](const auto& team) {
            for (long long item = 0; item < arguments.items; ++item) body(arguments, item, team);
        };
        fibers.run(lane);
    }
}

template <int Lanes, class Arguments, class Body>
Kernel make(Body) {
    return {Lanes, [](const void* arguments) {
                run_items<Lanes>(*static_cast<const Arguments*>(arguments), Body{});
            }};
}

#define SOFTMAXFLOW_EMULATED(image, work, precision, order, lanes, Arguments, body) \
    make<(lanes == 1 ? 1 : team_size), kernels::Arguments>(                         \
        SOFTMAXFLOW_BODY(precision, order, body)),

template <int Lanes>
Kernel make_fixed() {
    return make<Lanes, kernels::Batch>([](const auto& batch, long long item, auto team) {
        using System =
            model::ValueSoftmax<model::Softmax, model::Logistic, double, decltype(team), 8, 1>;
        kernels::advance<System, model::GradientDescent>(batch, item, team);
    });
}

template <int Lanes>
Kernel make_fixed_flow() {
    return make<Lanes, kernels::Batch>([](const auto& batch, long long item, auto team) {
        using System =
            model::ValueSoftmax<model::Softmax, model::Logistic, double, decltype(team), 8, 1>;
        using Part =
            model::Integration<System, model::Explicit<model::Tsitouras, System>, model::Solo>;
        kernels::integrate<Part>(batch, item, team);
    });
}

}  // namespace

Kernel find(const kernels::KernelRow& row) {
    // In the order of the table.
    static const Kernel all[] = {SOFTMAXFLOW_KERNELS(SOFTMAXFLOW_EMULATED)};
    return all[&row - kernels::kernel_table];
}

Kernel specialised_descent(int lanes) { return lanes == 1 ? make_fixed<1>() : make_fixed<2>(); }
Kernel specialised_flow(int lanes) {
    return lanes == 1 ? make_fixed_flow<1>() : make_fixed_flow<team_size>();
}

}  // namespace emulated
