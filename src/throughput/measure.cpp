#include "throughput/measure.hpp"

namespace softmaxflow::throughput {
namespace {

/// The cases that are compared with each other get the same size.
void choose_sizes(Workloads& workloads, Backend& backend, int threads, double seconds) {
    for (Case& c : workloads.throughput) choose_size(c, backend, threads, seconds);
    for (Case& c : workloads.flows) choose_size(c, backend, threads, seconds);
    if (auto& cases = workloads.statistics; !cases.empty()) {
        choose_size(cases[1], backend, threads, seconds);
        set_size(cases[0], cases[1].replicas, cases[1].iterations);
    }
    if (auto& dims = workloads.dims; !dims.empty()) {
        Case& first = dims.front().shorter;
        choose_size(first, backend, threads, seconds / 2);
        for (DimCase& d : dims) {
            set_size(d.longer, first.replicas, 3 * first.iterations);
            set_size(d.shorter, first.replicas, first.iterations);
        }
    }
}

}  // namespace

void measure(Workloads& workloads, Backend& backend, const Measurement& measurement,
             const MeasureCallbacks& callbacks) {
    const auto between = [&] {
        if (callbacks.between) callbacks.between();
    };
    between();
    choose_sizes(workloads, backend, measurement.threads, measurement.seconds);
    const std::vector<Case*> cases = workloads.all();
    double total = 0.0;
    for (const Case* c : cases) total += c->replica_steps() * measurement.repeats;
    if (callbacks.begin) callbacks.begin(total);
    for (int i = 0; i < measurement.repeats; ++i) {
        between();
        for (Case* c : cases) {
            sample(*c, backend);
            if (callbacks.done) callbacks.done(c->replicas * c->iterations);
        }
    }
    between();
}

}  // namespace softmaxflow::throughput
