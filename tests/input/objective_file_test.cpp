// Files of objectives, and the decomposition of a design.
#include <cmath>
#include <fstream>
#include <functional>
#include <random>

#include "config/config_file.hpp"
#include "input/design.hpp"
#include "input/input_file.hpp"

namespace softmaxflow {
namespace {

using ObjectiveFile = InputFile;

TEST_F(ObjectiveFile, Distribution) {
    config_.objective.loss = "cross_entropy";
    const auto read = [&](const Values& p) {
        return read_objective(write({{"class", p.size()}}, {{"distribution", {"class"}, p}}),
                              config_);
    };
    EXPECT_EQ(read({0.25, 0.75}).distribution, (Values{0.25, 0.75}));
    expect_error(Exit::usage, "expected probabilities >= 0, found -0.25 at class 1", [&] {
        read({1.25, -0.25});
    });
    expect_error(Exit::usage,
                 "variable `distribution`: expected a sum of 1 within 1e-12, found 0.75", [&] {
                     read({0.25, 0.5});
                 });
    expect_error(Exit::usage, "dimension class is 3, but model.dim = 2", [&] {
        read({0.2, 0.3, 0.5});
    });
    const std::string none = write({{"class", 2}}, {{"class", {"class"}, {0, 1}}});
    expect_error(Exit::usage, "expected a variable distribution(class), found none",
                 [&] { read_objective(none, config_); });
    config_.objective.loss = "logistic";
    expect_error(Exit::usage, "objective.loss = \"logistic\" reads no file",
                 [&] { read_objective(none, config_); });
}

TEST_F(ObjectiveFile, BadDesigns) {
    config_.objective.loss = "regression";
    config_.objective.samples = 3;
    const std::map<std::string, std::size_t> dims = {{"sample", 3}, {"dim", 2}, {"class", 2}};
    const Variable design = {"design", {"sample", "dim"}, {1, 0, 0, 1, 1, 1}};
    const Variable response = {"response", {"sample"}, {1, 2, 3}};
    const BadFile cases[] = {
        {"expected a variable design(sample, dim) or response(sample), found neither", {}},
        {"variable `distribution`: unknown variable", {{"distribution", {"class"}, {0.5, 0.5}}}},
        {"variable `response`: a response needs its design", {response}},
        {"variable `design`: expected full rank",
         {{"design", {"sample", "dim"}, {1, 2, 2, 4, 3, 6}}}},
        {"variable `design`: expected full rank", {{"design", {"sample", "dim"}, Values(6, 0.0)}}},
        {"variable `design`: entries too large", {{"design", {"sample", "dim"}, Values(6, 1e308)}}},
        {"variable `response`: expected dimensions (sample), found (dim)",
         {design, {"response", {"dim"}, {1, 2}}}},
    };
    for (const auto& [expected, variables] : cases) {
        const std::string file = write(dims, variables);
        expect_error(Exit::usage, file + ": " + expected, [&] { read_objective(file, config_); });
    }
    const std::string good = write(dims, {design, response});
    EXPECT_EQ(read_objective(good, config_).metric.size(), 2u);
    config_.objective.samples = 4;
    expect_error(Exit::usage, "variable `design`: dimension sample is 3, but objective.samples = 4",
                 [&] { read_objective(good, config_); });
    config_.objective = {};
    config_.objective.loss = "regression";
    config_.objective.samples = 3;
    config_.objective.solution_norm = 1;
    const std::string orthogonal = write(dims, {design, {"response", {"sample"}, {1, 1, -1}}});
    expect_error(Exit::usage, "variable `response`: orthogonal to every column of the design",
                 [&] { read_objective(orthogonal, config_); });
    config_.model.dim = 3;
    config_.objective.design = "identity";
    const std::string both = write({{"sample", 3}, {"dim", 3}},
                                   {{"design", {"sample", "dim"}, {1, 0, 0, 0, 1, 0, 0, 0, 1}}});
    expect_error(Exit::usage, "variable `design`: the config has objective.design = \"identity\"",
                 [&] { read_objective(both, config_); });
}

TEST_F(ObjectiveFile, Classification) {
    config_.objective.loss = "classification";
    config_.objective.samples = 2;
    config_.model.dim = 3;
    const std::map<std::string, std::size_t> dims = {{"sample", 2}, {"dim", 3}};
    const Variable design = {"design", {"sample", "dim"}, {1, 0, 2, 0, -1, 1}};
    const Variable labels = {"response", {"sample"}, {1, -1}};
    const auto read = [&](const std::vector<Variable>& variables) {
        return read_objective(write(dims, variables), config_);
    };
    const ObjectiveData both = read({design, labels});
    EXPECT_EQ(both.projection, design.values);  // as it is: K is formed by the model
    EXPECT_EQ(both.response, labels.values);
    EXPECT_TRUE(both.metric.empty());
    EXPECT_TRUE(read({design}).response.empty());
    EXPECT_TRUE(read({labels}).projection.empty());
    expect_error(Exit::usage, "expected a variable design(sample, dim) or response(sample)",
                 [&] { read({}); });
    expect_error(Exit::usage,
                 "variable `response`: expected labels +1 or -1, found 0.5 at element 1", [&] {
                     read({design, {"response", {"sample"}, {1, 0.5}}});
                 });
    expect_error(Exit::usage, "variable `design`: expected full rank, found singular values", [&] {
        read({{"design", {"sample", "dim"}, {1, 2, 3, -2, -4, -6}}});
    });
    expect_error(Exit::usage, "variable `design`: entries too large", [&] {
        read({{"design", {"sample", "dim"}, Values(6, 1e308)}});
    });
    config_.objective.samples = 3;
    expect_error(Exit::usage, "dimension sample is 2, but objective.samples = 3",
                 [&] { read({design}); });
}

TEST_F(ObjectiveFile, ResponseOfTheIdentityDesign) {
    config_.objective.loss = "regression";
    config_.objective.design = "identity";
    config_.objective.samples = 2;
    const ObjectiveData data =
        read_objective(write({{"sample", 2}}, {{"response", {"sample"}, {3, -4}}}), config_);
    EXPECT_EQ(data.projection, (Values{1, 0, 0, 1}));
    EXPECT_EQ(data.metric, (Values{1, 1}));
    EXPECT_EQ(data.response, (Values{3, -4}));
    EXPECT_EQ(data.floor, 0.0);
}

/// sum_k a(k, i) b(k, j) for row-major (inner, .) arrays.
double column_product(const Values& a, const Values& b, std::size_t columns, std::size_t inner,
                      std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < inner; ++k) sum += a[k * columns + i] * b[k * columns + j];
    return sum;
}

TEST(Design, DiagonalInClosedForm) {
    DesignInput input;
    input.design = {0, -2, 3, 0, 0, 0};  // rows (0, -2), (3, 0), (0, 0)
    input.response = {4, 6, 10};
    input.samples = 3;
    input.dim = 2;
    input.loss_factor = 0.25;
    const ObjectiveData data = decompose_design(input, "f");
    EXPECT_EQ(data.projection, (Values{3, 0, 0, 2}));
    EXPECT_EQ(data.metric, (Values{9, 4}));
    EXPECT_EQ(data.response, (Values{6, -4}));
    EXPECT_EQ(data.floor, 25.0);
    input.solution_norm = 2 * std::hypot(2.0, 2.0);  // X^+ y = (2, -2), so y doubles
    const ObjectiveData scaled = decompose_design(input, "f");
    EXPECT_NEAR(scaled.response[0], 12, 1e-14);
    EXPECT_NEAR(scaled.response[1], -8, 1e-14);
    EXPECT_NEAR(scaled.floor, 100, 1e-13);
    input.response.clear();
    EXPECT_TRUE(decompose_design(input, "f").response.empty());
}

// What makes it a singular basis: W^T W = X^T X, W W^T = S^2; and what the loss needs of it:
// W^T (U^T y) = X^T y, |U^T y|^2 + floor/c = |y|^2.
TEST(Design, RandomDesignsKeepTheLoss) {
    std::mt19937 random(3);
    std::normal_distribution<double> normal;
    const auto draw = [&](std::size_t size) {
        Values x(size);
        for (double& value : x) value = normal(random);
        return x;
    };
    for (const auto& [n, d] : {std::pair{1, 1}, {5, 3}, {3, 5}, {20, 20}, {1, 7}, {40, 1}}) {
        const auto samples = std::size_t(n), dim = std::size_t(d), outputs = std::min(samples, dim);
        DesignInput input{draw(samples * dim), draw(samples), n, d, 0.5, 0.0};
        const ObjectiveData data = decompose_design(input, "f");
        ASSERT_EQ(data.projection.size(), outputs * dim);
        const Values& w = data.projection;
        for (std::size_t i = 0; i < dim; ++i) {
            for (std::size_t j = 0; j < dim; ++j) {
                EXPECT_NEAR(column_product(w, w, dim, outputs, i, j),
                            column_product(input.design, input.design, dim, samples, i, j), 1e-12);
            }
            double left = 0, right = 0;
            for (std::size_t k = 0; k < outputs; ++k) left += w[k * dim + i] * data.response[k];
            for (std::size_t k = 0; k < samples; ++k)
                right += input.design[k * dim + i] * input.response[k];
            EXPECT_NEAR(left, right, 1e-12);
        }
        double inside = 0, total = 0;
        for (const double y : data.response) inside += y * y;
        for (const double y : input.response) total += y * y;
        EXPECT_NEAR(inside + data.floor / 0.5, total, 1e-12);
        for (std::size_t k = 0; k < outputs; ++k) {
            EXPECT_TRUE(k == 0 || data.metric[k] <= data.metric[k - 1]);
            double norm = 0, largest = 0;
            for (std::size_t i = 0; i < dim; ++i) {
                const double x = w[k * dim + i];
                norm += x * x;
                if (std::abs(x) > std::abs(largest)) largest = x;
            }
            EXPECT_NEAR(norm / data.metric[k], 1, 1e-13);
            EXPECT_GT(largest, 0);  // the sign convention
        }
    }
}

}  // namespace
}  // namespace softmaxflow
