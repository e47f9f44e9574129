#include "emulated.hpp"

#include <map>
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

#define SOFTMAXFLOW_EMULATED(name, lanes, Arguments, body)             \
    {#name, make<(lanes == 1 ? 1 : team_size), kernels::Arguments>(    \
                [](const auto& arguments, long long item, auto team) { \
                    using namespace kernels;                           \
                    using Team [[maybe_unused]] = decltype(team);      \
                    body(arguments, item, team);                       \
                })},
#define SOFTMAXFLOW_EMULATED_LIST(list) SOFTMAXFLOW_##list##_ENTRIES(SOFTMAXFLOW_EMULATED)

template <int Lanes>
Kernel make_fixed() {
    return make<Lanes, kernels::Batch>([](const auto& batch, long long item, auto team) {
        using Flow = model::Flow<model::Softmax, model::Logistic, double, decltype(team), 8, 1>;
        kernels::advance<Flow, model::GradientDescent>(batch, item, team);
    });
}

template <int Lanes>
Kernel make_fixed_flow() {
    return make<Lanes, kernels::Batch>([](const auto& batch, long long item, auto team) {
        using Flow = model::Flow<model::Softmax, model::Logistic, double, decltype(team), 8, 1>;
        using Part = model::Integration<Flow, model::Explicit<model::Tsitouras, Flow>, model::Solo>;
        kernels::integrate<Part>(batch, item, team);
    });
}

}  // namespace

Kernel find(const std::string& name) {
    static const std::map<std::string, Kernel> all = {
        SOFTMAXFLOW_IMAGES(SOFTMAXFLOW_EMULATED_LIST)};
    const auto found = all.find(name);
    return found == all.end() ? Kernel{} : found->second;
}

Kernel specialised_descent(int lanes) { return lanes == 1 ? make_fixed<1>() : make_fixed<2>(); }
Kernel specialised_flow(int lanes) {
    return lanes == 1 ? make_fixed_flow<1>() : make_fixed_flow<team_size>();
}

}  // namespace emulated
