#include "throughput/workloads.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "config/config_file.hpp"
#include "input/start_file.hpp"
#include "softmaxflow/ensemble.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::throughput {
namespace {

constexpr int token_counts[] = {4, 8, 16, 32, 64};

/// The cheapest order and tolerance whose median error at the end is below the one named, as
/// bench/peers/flow_race.py finds them.
struct FlowCase {
    const char* error;
    int order;
    const char *rtol, *atol;
    bool in_f32;  // whether f32 can do this tolerance
};
constexpr FlowCase flow_cases[] = {{"1e-6", 5, "3e-5", "3e-8", true},
                                   {"1e-9", 8, "3e-7", "3e-10", false}};
constexpr int dims[] = {8, 64, 512, 4096};

/// Descent with eta = 0.1 from V ~ 0.1 N(0, 1) and a = 0, which are the defaults.
std::string text(const std::string& loss, int tokens, int dim, const std::string& record) {
    return fmt::format(
        "[model]\ntokens = {}\ndim = {}\n[objective]\nloss = \"{}\"\n[ensemble]\nseed = 1\n"
        "[record]\nreplica_table = false\n{}\n",
        tokens, dim, loss, record);
}

Case make_case(const std::string& name, const std::string& title, const std::string& config_text,
               const std::vector<std::string>& overrides, CaseKind kind) {
    Config config = parse_config(config_text, "workload " + name, overrides);
    Inputs inputs = read_inputs(config);
    const std::uint64_t key = cell_key(config, inputs.digests);
    Case c{name, title,
           make_problem(config, std::move(inputs.starts), std::move(inputs.objective), key,
                        std::move(inputs.restart)),
           kind};
    return c;
}

bool is_wanted(const std::string& name, const std::vector<std::string>& wanted) {
    const std::string kind = name.substr(0, name.find('-'));
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end() ||
           std::find(wanted.begin(), wanted.end(), kind) != wanted.end();
}

void check_names(const std::vector<std::string>& wanted) {
    const std::vector<std::string> names = workload_names();
    for (const std::string& name : wanted)
        if (std::none_of(names.begin(), names.end(),
                         [&](const std::string& known) { return is_wanted(known, {name}); }))
            throw Error(Exit::usage, fmt::format("--workload {}: unknown; expected P1 or one of {}",
                                                 name, fmt::join(names, ", ")));
}

}  // namespace

std::vector<std::string> workload_names() {
    std::vector<std::string> names;
    for (const int tokens : token_counts) names.push_back(fmt::format("P1-{}", tokens));
    for (const char* other : {"P2", "P3", "P4-1e-6", "P4-1e-9", "P5", "P7"})
        names.emplace_back(other);
    return names;
}

std::vector<const Case*> Workloads::all() const {
    std::vector<const Case*> cases;
    for (const Case& c : throughput) cases.push_back(&c);
    for (const Case& c : flows) cases.push_back(&c);
    for (const Case& c : statistics) cases.push_back(&c);
    for (const DimCase& d : dims) {
        cases.push_back(&d.shorter);
        cases.push_back(&d.longer);
    }
    return cases;
}

std::vector<Case*> Workloads::all() {
    std::vector<Case*> cases;
    for (const Case* c : std::as_const(*this).all()) cases.push_back(const_cast<Case*>(c));
    return cases;
}

Workloads make_workloads(const std::vector<std::string>& wanted,
                         const std::vector<std::string>& overrides) {
    check_names(wanted);
    const std::string no_record = "checkpoints = 2";
    Workloads w;
    const auto add = [&](const std::string& name, const std::string& title,
                         const std::string& config_text) {
        if (is_wanted(name, wanted))
            w.throughput.push_back(
                make_case(name, title, config_text, overrides, CaseKind::throughput));
    };
    for (const int n : token_counts)
        add(fmt::format("P1-{}", n), fmt::format("logistic, n = {}", n),
            text("logistic", n, 8, no_record));
    add("P2", "cross_entropy, n = k = 10", text("cross_entropy", 10, 10, no_record));
    add("P3", "regression, n = N = 20",
        text("regression", 20, 20, no_record));  // objective.samples is 20 by default

    // Flows are strict whatever the others are.
    std::vector<std::string> of_flows = overrides;
    std::erase_if(of_flows, [](const auto& o) { return o.starts_with("backend.numerics="); });
    const bool single =
        std::find(overrides.begin(), overrides.end(), "backend.precision=f32") != overrides.end();
    for (const FlowCase& flow : flow_cases) {
        if (single && !flow.in_f32 && wanted.empty()) continue;
        const std::string name = fmt::format("P4-{}", flow.error);
        if (is_wanted(name, wanted))
            w.flows.push_back(make_case(
                name, fmt::format("flow to tau = 1e3, logistic, n = 8, error {}", flow.error),
                text("logistic", 8, 8, no_record) +
                    fmt::format("[dynamics]\nmethod = \"flow\"\nclock = \"arc\"\nhorizon = 1e3\n"
                                "order = {}\nrtol = {}\natol = {}\n",
                                flow.order, flow.rtol, flow.atol),
                of_flows, CaseKind::flow));
    }
    if (is_wanted("P5", wanted)) {
        for (const int checkpoints : {64, 2})
            w.statistics.push_back(
                make_case(fmt::format("P5-{}", checkpoints),
                          fmt::format("P1-8 with the statistics of {} checkpoints", checkpoints),
                          text("logistic", 8, 8, fmt::format("checkpoints = {}", checkpoints)),
                          overrides, CaseKind::statistics));
    }
    if (is_wanted("P7", wanted))
        for (const int d : dims) {
            // As many iterations as the time allows: the start should not drown them.
            const std::string config_text =
                text("logistic", 8, d, no_record) + "[dynamics]\niterations = 1_000_000_000\n";
            const Case c = make_case(fmt::format("P7-{}", d), fmt::format("P1-8, d = {}", d),
                                     config_text, overrides, CaseKind::throughput);
            w.dims.push_back({d, c, c});
        }
    return w;
}

}  // namespace softmaxflow::throughput
