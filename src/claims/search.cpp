#include "claims/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "backend/host/column_extents.hpp"
#include "claims/pass.hpp"
#include "ensemble/derived_problem.hpp"
#include "softmaxflow/model/numerics/math.hpp"

#if defined(SOFTMAXFLOW_HAS_NLOPT)
#include <nlopt.h>
#endif

namespace softmaxflow::claims {
namespace {

/// Trajectories from starts that an optimiser proposes.
class Starts {
public:
    Starts(const Problem& monitored, Backend& backend, const Claim& claim, double size)
        : problem_(monitored),
          backend_(backend),
          claim_(claim),
          size_(size),
          start_(start_of(monitored, backend, 0)) {
        if (is_flow(monitored.config)) start_.columns[model::state_column::step_size] = {1e-6};
    }

    [[nodiscard]] std::size_t dimension() const {
        return values().size() + (is_flow(problem_.config) ? 0 : 1);
    }
    [[nodiscard]] double low(std::size_t i) const { return is_rate(i) ? -1.0 : -size_; }
    [[nodiscard]] double high(std::size_t i) const { return is_rate(i) ? 4.0 : size_; }

    /// The smallest margin from that start; above 1 where it is outside the class.
    double operator()(const double* x) {
        const Problem one = problem_at(x);
        double margin = 2.0;
        const unsigned needed = claim_.needs & model::decided_by_replica;
        backend_.run(
            one, {0, 1},
            [&](BlockResult&& block) {
                const bool in_class = (start_traits(block, 0) & needed) == needed;
                if (in_class && is_ok(host::status_of(block, 0)))
                    margin = std::min(margin,
                                      monitored(block, 0, claim_, model::replica_column::margin));
            },
            nullptr);
        if (margin < best) {
            best = margin;
            best_problem = one;
        }
        return margin;
    }

    double best = std::numeric_limits<double>::infinity();
    Problem best_problem;

private:
    [[nodiscard]] const std::vector<double>& values() const {
        return start_.columns[model::state_column::projected_values];
    }
    [[nodiscard]] bool is_rate(std::size_t i) const { return i >= values().size(); }

    [[nodiscard]] Problem problem_at(const double* x) const {
        RestartData start = start_;
        std::vector<double>& values = start.columns[model::state_column::projected_values];
        const std::size_t n = values.size();
        std::copy(x, x + n, values.begin());
        // One output: tokens are numbered by their values.
        if (problem_.outputs == 1) std::sort(values.begin(), values.end(), std::greater<>());
        Problem one = one_replica(problem_, std::move(start));
        if (!is_flow(problem_.config))
            one.config.dynamics.learning_rate = model::exp(x[n] * 2.302585092994046);
        return one;
    }

    const Problem& problem_;
    Backend& backend_;
    const Claim& claim_;
    double size_;
    RestartData start_;
};

#if defined(SOFTMAXFLOW_HAS_NLOPT)

struct Context {
    Starts& starts;
    const Progress& progress;
    std::int64_t evaluations = 0;
    bool stopped = false;
};

double evaluate(unsigned, const double* x, double*, void* data) {
    auto& context = *static_cast<Context*>(data);
    ++context.evaluations;
    if (context.progress && !context.progress(1)) context.stopped = true;
    return context.starts(x);
}

void minimise(nlopt_algorithm algorithm, Context& context, std::vector<double>& x,
              std::int64_t evaluations) {
    const Starts& starts = context.starts;
    const auto n = static_cast<unsigned>(x.size());
    std::vector<double> low, high;
    for (unsigned i = 0; i < n; ++i) {
        low.push_back(starts.low(i));
        high.push_back(starts.high(i));
    }
    nlopt_opt optimiser = nlopt_create(algorithm, n);
    nlopt_set_lower_bounds(optimiser, low.data());
    nlopt_set_upper_bounds(optimiser, high.data());
    nlopt_set_min_objective(optimiser, evaluate, &context);
    nlopt_set_maxeval(optimiser, static_cast<int>(evaluations));
    nlopt_set_xtol_rel(optimiser, 1e-12);
    double smallest = 0.0;
    nlopt_optimize(optimiser, x.data(), &smallest);
    nlopt_destroy(optimiser);
}

/// Controlled random search with local mutation (Kaelo and Ali 2006), then Rowan's subplex.
void optimise(Context& context, std::int64_t evaluations, std::uint64_t seed) {
    nlopt_srand(static_cast<unsigned long>(seed));
    std::vector<double> x(context.starts.dimension());
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double share = (static_cast<double>(i) + 1.0) / (static_cast<double>(x.size()) + 1.0);
        x[i] = context.starts.low(i) + share * (context.starts.high(i) - context.starts.low(i));
    }
    const std::int64_t global = evaluations - evaluations / 4;
    minimise(NLOPT_GN_CRS2_LM, context, x, global);
    minimise(NLOPT_LN_SBPLX, context, x, evaluations - global);
}

#endif

}  // namespace

bool can_search() {
#if defined(SOFTMAXFLOW_HAS_NLOPT)
    return true;
#else
    return false;
#endif
}

Search run_search(const Problem& base, Backend& backend, const Claim& claim,
                  const CheckRequest& request, std::int64_t evaluations, const Progress& progress) {
    if (!can_search())
        throw Error(Exit::usage,
                    "--search: this build has no NLopt; install libnlopt-dev and build again");
    if (claim.monitored < 0)
        throw Error(Exit::usage, fmt::format("--search: {} is measured over an ensemble; take a "
                                             "claim about every trajectory",
                                             claim.id));
    if (const std::string reason = misfit(claim, base.config, base.outputs); !reason.empty())
        throw Error(Exit::usage,
                    fmt::format("claim {} is not about this config: it {}", claim.id, reason));
    const Problem monitored = monitored_problem(base, {&claim}, request.horizon, request.mutant);
    const double size = 20.0 * base.config.init.value_scale;
    Starts starts(monitored, backend, claim, size);
    Search search;
    search.claim = &claim;
    search.domain = fmt::format("projected values in [-{0:g}, {0:g}]{1}", size,
                                is_flow(base.config) ? "" : ", learning rate 0.1 ... 1e4");
    search.method = "NLopt: CRS2 with local mutation, then subplex";
#if defined(SOFTMAXFLOW_HAS_NLOPT)
    Context context{starts, progress};
    optimise(context, evaluations, *base.config.ensemble.seed);
    search.evaluations = context.evaluations;
    if (context.stopped) throw Error(Exit::stopped, "the search was stopped");
#else
    (void)evaluations;
    (void)progress;
#endif
    search.problem = starts.best_problem;
    search.start = starts.best_problem.restart;
    search.learning_rate = starts.best_problem.config.dynamics.learning_rate;
    const Trial first = first_trial(search.problem, claim, backend);
    search.smallest_margin = first.margin;
    search.clock = first.clock;
    search.apparent = first.margin < violation_bound(claim, search.problem);
    if (search.apparent)
        search.replayed =
            replay_start(search.problem, claim, {0, first.margin, first.clock, 0.0}, backend);
    return search;
}

}  // namespace softmaxflow::claims
