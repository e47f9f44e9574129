// Files of starts and objectives: what is read, and every way in which they can be wrong.
#include "io/start_file.hpp"

#include <gtest/gtest.h>
#include <netcdf.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>

#include "expect_error.hpp"
#include "io/config.hpp"
#include "io/design.hpp"

namespace softmaxflow {
namespace {

namespace fs = std::filesystem;
using Values = std::vector<double>;

void check(int status) { ASSERT_EQ(status, NC_NOERR) << nc_strerror(status); }

struct Variable {
    std::string name;
    std::vector<std::string> dims;
    Values values;  ///< empty: declared, but never written
    nc_type type = NC_DOUBLE;
    std::string attribute = {};  ///< set to 2.0
};

class StartFile : public testing::Test {
protected:
    void SetUp() override {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = fs::path(testing::TempDir()) / (std::string("softmaxflow_start_") + test->name());
        fs::create_directories(folder_);
        config_.model.tokens = 3;
        config_.model.dim = 2;
    }
    void TearDown() override { fs::remove_all(folder_); }

    [[nodiscard]] std::string path(const std::string& name) const {
        return (folder_ / name).string();
    }

    /// Writes a file with these dimensions and variables and returns its path.
    std::string write(const std::map<std::string, std::size_t>& sizes,
                      const std::vector<Variable>& variables, int format = NC_NETCDF4) {
        const std::string file = path("file.nc");
        int id = 0;
        check(nc_create(file.c_str(), format | NC_CLOBBER, &id));
        std::map<std::string, int> dims;
        for (const auto& [name, size] : sizes)
            check(nc_def_dim(id, name.c_str(), size, &dims[name]));
        std::vector<int> ids;
        for (const Variable& v : variables) {
            std::vector<int> shape;
            for (const std::string& dim : v.dims) shape.push_back(dims.at(dim));
            ids.push_back(0);
            check(nc_def_var(id, v.name.c_str(), v.type, int(shape.size()), shape.data(),
                             &ids.back()));
            const double two = 2.0;
            if (!v.attribute.empty()) {
                check(nc_put_att_double(id, ids.back(), v.attribute.c_str(), v.type, 1, &two));
            }
        }
        check(nc_enddef(id));
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const Values& values = variables[i].values;
            if (!values.empty()) check(nc_put_var_double(id, ids[i], values.data()));
        }
        check(nc_close(id));
        return file;
    }

    fs::path folder_;
    Config config_;
};

const Values six = {1, 2, 3, 4, 5, 6};
const Values twelve = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
const std::map<std::string, std::size_t> sizes = {{"replica", 2}, {"dim", 2}, {"token", 3}};

TEST_F(StartFile, ReadsAllVariables) {
    for (const int format : {NC_NETCDF4, NC_CLASSIC_MODEL, NC_64BIT_OFFSET, NC_64BIT_DATA}) {
        const std::string file = write(sizes,
                                       {{"values", {"replica", "dim", "token"}, twelve},
                                        {"logits", {"replica", "token"}, six, NC_FLOAT},
                                        {"target", {"replica", "dim"}, {1, 0, 0, -1}},
                                        {"token", {"token"}, {0, 1, 2}}},
                                       format);
        const StartData starts = read_starts(file, config_);
        EXPECT_EQ(starts.replicas, 2);
        EXPECT_EQ(starts.values, twelve);
        EXPECT_EQ(starts.logits, six);
        EXPECT_EQ(starts.target, (Values{1, 0, 0, -1}));
    }
}

TEST_F(StartFile, FixesTheNumberOfReplicas) {
    config_.init.file = write(sizes, {{"logits", {"replica", "token"}, six}});
    const std::string file = config_.init.file;
    Config config = config_;
    const Inputs inputs = read_inputs(config);
    EXPECT_EQ(config.ensemble.replicas, 2);
    EXPECT_TRUE(config.ensemble.replicas_given);
    EXPECT_TRUE(inputs.starts.values.empty());
    EXPECT_EQ(inputs.digests, std::vector<std::string>{file_digest(file)});

    config = config_;
    config.ensemble.replicas = 7;
    config.ensemble.replicas_given = true;
    expect_error(Exit::usage,
                 file + ": variable `logits`: dimension replica is 2, but ensemble.replicas = 7",
                 [&] { read_inputs(config); });
    config = config_;
    config.record.states = 3;
    EXPECT_NO_THROW(
        validate(config));  // the number of replicas is not known before the file is read
    expect_error(Exit::usage, "key `record.states`: 3 states of only 2 replicas",
                 [&] { read_inputs(config); });
}

struct BadStart {
    const char* expected;
    std::vector<Variable> variables;
};

TEST_F(StartFile, BadStarts) {
    const std::vector<std::string> vdt = {"replica", "dim", "token"}, vt = {"replica", "token"};
    Values hole = six, infinite = twelve;
    hole[4] = NAN;
    infinite[11] = -INFINITY;
    const std::map<std::string, std::size_t> dims = {
        {"replica", 2}, {"dim", 2}, {"token", 3}, {"four", 4}, {"none", NC_UNLIMITED}};
    const BadStart cases[] = {
        {"expected at least one variable of values(replica, dim, token)", {}},
        {"expected at least one variable", {{"token", {"token"}, {0, 1, 2}}}},
        {"variable `valeus`: unknown variable; did you mean `values`?", {{"valeus", vdt, twelve}}},
        {"variable `weights`: unknown variable; expected values, logits, target",
         {{"logits", vt, six}, {"weights", vt, six}}},
        {"variable `values`: expected dimensions (replica, dim, token), found (replica, token, "
         "dim)",
         {{"values", {"replica", "token", "dim"}, twelve}}},
        {"variable `values`: expected dimensions (replica, dim, token), found (dim, token)",
         {{"values", {"dim", "token"}, six}}},
        {"variable `logits`: expected dimensions (replica, token), found ()",
         {{"logits", {}, {1}}}},
        {"variable `logits`: expected finite values, found nan at element 4",
         {{"logits", vt, hole}}},
        {"variable `values`: expected finite values, found -inf at element 11",
         {{"values", vdt, infinite}}},
        {"variable `logits`: element 0 was never written", {{"logits", vt, {}}}},
        {"variable `logits`: element 0 was never written", {{"logits", vt, {}, NC_FLOAT}}},
        {"variable `logits`: element 1 was never written (fill value 2)",
         {{"logits", vt, six, NC_DOUBLE, "_FillValue"}}},
        {"variable `logits`: expected type double or float, found int; convert it",
         {{"logits", vt, six, NC_INT}}},
        {"variable `logits`: expected type double or float, found char",
         {{"logits", vt, {}, NC_CHAR}}},
        {"variable `logits`: expected type double or float, found string",
         {{"logits", vt, {}, NC_STRING}}},
        {"variable `logits`: values packed with scale_factor",
         {{"logits", vt, six, NC_DOUBLE, "scale_factor"}}},
        {"variable `logits`: values packed with add_offset",
         {{"logits", vt, six, NC_DOUBLE, "add_offset"}}},
        {"variable `target`: replica 1 has the zero vector as target",
         {{"target", {"replica", "dim"}, {1, 0, 0, 0}}}},
    };
    for (const auto& [expected, variables] : cases) {
        const std::string file = write(dims, variables);
        expect_error(Exit::usage, file + ": " + expected, [&] { read_starts(file, config_); });
    }
}

TEST_F(StartFile, SizesThatDisagree) {
    const std::string file = write(sizes, {{"values", {"replica", "dim", "token"}, twelve}});
    config_.model.tokens = 4;
    expect_error(Exit::usage, "variable `values`: dimension token is 3, but model.tokens = 4",
                 [&] { read_starts(file, config_); });
    config_.model = {3, 5, "softmax"};
    expect_error(Exit::usage, "variable `values`: dimension dim is 2, but model.dim = 5",
                 [&] { read_starts(file, config_); });
    const std::string empty =
        write({{"replica", NC_UNLIMITED}, {"token", 3}}, {{"logits", {"replica", "token"}, {}}});
    expect_error(Exit::usage, "variable `logits`: dimension replica is empty",
                 [&] { read_starts(empty, config_); });
    const std::string vast = write({{"replica", std::size_t{1} << 46}, {"token", 3}},
                                   {{"logits", {"replica", "token"}, {}}});
    expect_error(Exit::usage, "bytes: they were never written",
                 [&] { read_starts(vast, config_); });
}

TEST_F(StartFile, StartsThatTheObjectiveCannotUse) {
    const std::string target = write(sizes, {{"target", {"replica", "dim"}, {1, 0, 0, 1}}});
    config_.objective.loss = "regression";
    expect_error(Exit::usage, "variable `target`: objective.loss = \"regression\" has no target",
                 [&] { read_starts(target, config_); });
    const std::string values = write(sizes, {{"values", {"replica", "dim", "token"}, twelve}});
    for (const char* design : {"random", "identity"}) {
        config_.objective.design = design;
        EXPECT_EQ(read_starts(values, config_).values, twelve);
    }
}

// Without logits in the file they are drawn, and then the rules of the config hold.
TEST_F(StartFile, MapsThatNeedALogit) {
    const Variable target = {"target", {"replica", "dim"}, {1, 0, 0, 1}};
    const auto logits = [](const Values& a) { return Variable{"logits", {"replica", "token"}, a}; };
    const std::string none = write(sizes, {target});
    config_.init.file = none;
    for (const char* map : {"sum", "l1", "l2", "relu"}) {
        config_.model.map = map;
        EXPECT_NO_THROW(validate(config_));  // the file may have logits
        expect_error(Exit::usage, "has no weights where all logits are zero",
                     [&] { read_starts(none, config_); });
    }
    const std::string zero = write(sizes, {logits({0, 0, 1, 0, 0, 0})});
    expect_error(Exit::usage,
                 "variable `logits`: replica 1 has no positive logit, where map \"relu\"",
                 [&] { read_starts(zero, config_); });
    const std::string negative = write(sizes, {logits({0, 0, 1, -1, 0, 0})});
    expect_error(Exit::usage, "variable `logits`: replica 1 has no positive logit",
                 [&] { read_starts(negative, config_); });
    config_.model.map = "sum";
    EXPECT_EQ(read_starts(negative, config_).replicas, 2);
    const std::string again = write(sizes, {logits({0, 0, 1, 0, 0, 0})});
    expect_error(Exit::usage, "replica 1 has no nonzero logit, where map \"sum\"",
                 [&] { read_starts(again, config_); });
    config_.model.map = "sigmoid";
    EXPECT_EQ(read_starts(again, config_).replicas, 2);
}

TEST_F(StartFile, Unreadable) {
    expect_error(Exit::file, "none.nc: cannot open this file",
                 [&] { read_starts(path("none.nc"), config_); });
    expect_error(Exit::file, "cannot open this file",
                 [&] { read_starts(folder_.string(), config_); });
    expect_error(Exit::file, "cannot open this file",
                 [&] { read_starts("http://localhost:1/x.nc", config_); });
    expect_error(Exit::file, "none.nc: cannot read this file",
                 [&] { file_digest(path("none.nc")); });
    for (const char* text : {"", "not a netCDF file", "CDF\x01", "\x89HDF\r\n\x1a\n"}) {
        std::ofstream(path("bad.nc"), std::ios::binary) << text;
        expect_error(Exit::usage, "bad.nc: not a netCDF file, or a damaged one",
                     [&] { read_starts(path("bad.nc"), config_); });
    }
}

TEST_F(StartFile, TruncatedFilesAreRefused) {
    for (const int format : {NC_NETCDF4, NC_CLASSIC_MODEL, NC_64BIT_OFFSET, NC_64BIT_DATA}) {
        const std::string file =
            write(sizes, {{"values", {"replica", "dim", "token"}, twelve}}, format);
        const auto whole = fs::file_size(file);
        for (std::uintmax_t size = 0; size < whole; size += 1 + whole / 100) {
            fs::copy_file(file, path("cut.nc"), fs::copy_options::overwrite_existing);
            fs::resize_file(path("cut.nc"), size);
            expect_error(Exit::usage, "cut.nc: ", [&] { read_starts(path("cut.nc"), config_); });
        }
    }
}

TEST_F(StartFile, Distribution) {
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

TEST_F(StartFile, BadDesigns) {
    config_.objective.loss = "regression";
    config_.objective.samples = 3;
    const std::map<std::string, std::size_t> dims = {{"sample", 3}, {"dim", 2}, {"class", 2}};
    const Variable design = {"design", {"sample", "dim"}, {1, 0, 0, 1, 1, 1}};
    const Variable response = {"response", {"sample"}, {1, 2, 3}};
    const BadStart cases[] = {
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

TEST_F(StartFile, Classification) {
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

TEST_F(StartFile, ResponseOfTheIdentityDesign) {
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

TEST_F(StartFile, DigestIsXxh3) {
    std::ofstream(path("empty"));
    EXPECT_EQ(file_digest(path("empty")), "99aa06d3014798d86001c324468d497f");
    std::ofstream(path("large")) << std::string(200'000, 'a');
    std::ofstream(path("other")) << std::string(199'999, 'a') << 'b';
    EXPECT_EQ(file_digest(path("large")).size(), 32u);
    EXPECT_NE(file_digest(path("large")), file_digest(path("other")));
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
