#include "input/objective_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace softmaxflow {

void check_labels(const NetcdfInput& file, const std::vector<double>& labels) {
    const auto wrong =
        std::find_if(labels.begin(), labels.end(), [](double y) { return std::abs(y) != 1.0; });
    if (wrong != labels.end()) {
        file.fail("response", fmt::format("expected labels +1 or -1, found {} at element {}",
                                          *wrong, wrong - labels.begin()));
    }
}

void check_distribution(const NetcdfInput& file, const std::vector<double>& p) {
    const auto negative = std::find_if(p.begin(), p.end(), [](double x) { return x < 0; });
    if (negative != p.end()) {
        file.fail("distribution", fmt::format("expected probabilities >= 0, found {} at class {}",
                                              *negative, negative - p.begin()));
    }
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    if (!(std::abs(sum - 1) <= 1e-12)) {
        file.fail("distribution", fmt::format("expected a sum of 1 within 1e-12, found {}", sum));
    }
}

void check_metric(const NetcdfInput& file, const std::vector<double>& metric, std::int64_t outputs,
                  const model::LossTraits& loss) {
    const bool dense = loss.objective.dense;
    for (std::int64_t i = 0; i < outputs; ++i) {
        for (std::int64_t j = 0; j < outputs; ++j) {
            const double x = metric[std::size_t(i * outputs + j)];
            const double mirrored = metric[std::size_t(j * outputs + i)];
            if (i == j ? x > 0 : dense ? x == mirrored : x == 0) continue;
            file.fail("metric", fmt::format("expected a {} matrix with positive diagonal, found {} "
                                            "at ({}, {}); is the file from another loss than "
                                            "objective.loss = \"{}\"?",
                                            dense ? "symmetric" : "diagonal", x, i, j, loss.name));
        }
    }
}

}  // namespace softmaxflow
