// Payload hashes of whole runs, from config to results.nc, pinned. Whoever changes one on purpose
// says so under "Numerics" in CHANGELOG.md and raises numerics_version.

#include <gtest/gtest.h>

#include "config/config_file.hpp"
#include "output/results.hpp"
#include "softmaxflow/ensemble.hpp"

using namespace softmaxflow;

namespace {

std::string hash_of_run(const std::string& loss, const std::string& method) {
    Config config = parse_config("", "defaults", {});
    config.objective.loss = loss;
    config.dynamics.method = method;
    config.dynamics.iterations = 500;
    config.ensemble.replicas = 150;
    config.ensemble.seed = 1;
    config.init.logit_scale = 0.3;
    const Problem problem = make_problem(config, {}, {}, cell_key(config, {}));
    const auto backend = make_cpu_backend({});
    const CellResult result = run_ensemble(problem, *backend, [](std::int64_t) { return true; });
    return payload_hash(results_dataset(problem, result, {}));
}

TEST(Pinned, LogisticDescent) {
    EXPECT_EQ(hash_of_run("logistic", "gradient_descent"), "deef7f2315df7cef05023cecaf09a5e2");
}

TEST(Pinned, CrossEntropyMomentum) {
    EXPECT_EQ(hash_of_run("cross_entropy", "momentum"), "99dcddec12ac151e50af9980c23a544a");
}

}  // namespace
