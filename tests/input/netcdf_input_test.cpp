// What the readers of starts and states ask of a netCDF file.
#include "input/netcdf_input.hpp"

#include <gtest/gtest.h>
#include <netcdf.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <numeric>

#include "expect_error.hpp"

namespace softmaxflow {
namespace {

namespace fs = std::filesystem;
using Values = std::vector<double>;

void check(int status) { ASSERT_EQ(status, NC_NOERR) << nc_strerror(status); }

class NetcdfFileOnDisk : public testing::Test {
protected:
    void SetUp() override {
        const std::string name = "softmaxflow_netcdf_input_" + std::to_string(getpid());
        path_ = (fs::path(testing::TempDir()) / name).string();
    }
    void TearDown() override { fs::remove(path_); }

    /// x(row, column), chunked if there is a chunk.
    void write(std::array<std::size_t, 2> shape, nc_type type, const Values& values,
               std::array<std::size_t, 2> chunk = {}) {
        int file = 0, variable = 0, dimensions[2] = {};
        check(nc_create(path_.c_str(), NC_NETCDF4 | NC_CLOBBER, &file));
        check(nc_def_dim(file, "row", shape[0], &dimensions[0]));
        check(nc_def_dim(file, "column", shape[1], &dimensions[1]));
        check(nc_def_var(file, "x", type, 2, dimensions, &variable));
        if (chunk[0] != 0) {
            check(nc_def_var_chunking(file, variable, NC_CHUNKED, chunk.data()));
            check(nc_def_var_deflate(file, variable, 1, 1, 1));
        }
        check(nc_put_var_double(file, variable, values.data()));
        check(nc_close(file));
    }

    std::string path_;
};

const Values twelve = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

TEST_F(NetcdfFileOnDisk, SaysWhatItHas) {
    write({3, 4}, NC_DOUBLE, twelve);
    const NetcdfInput file(path_);
    EXPECT_TRUE(file.has("x"));
    EXPECT_FALSE(file.has("row"));
    EXPECT_EQ(file.dimension("column"), 4);
    EXPECT_EQ(file.dimension("x"), std::nullopt);
    EXPECT_FALSE(file.read("y", {{"row"}}).has_value());
}

TEST_F(NetcdfFileOnDisk, ReadsOneIndexOfADimension) {
    for (const std::array<std::size_t, 2> chunk : {std::array<std::size_t, 2>{}, {2, 3}, {1, 4}}) {
        write({3, 4}, NC_DOUBLE, twelve, chunk);
        const NetcdfInput file(path_);
        const auto all = file.read("x", {{"row"}, {"column"}});
        EXPECT_EQ(all->shape, (std::vector<std::int64_t>{3, 4}));
        EXPECT_EQ(all->values, twelve);
        const auto row = file.read("x", {{"row", 3, "rows", 2}, {"column"}});
        EXPECT_EQ(row->shape, (std::vector<std::int64_t>{1, 4}));
        EXPECT_EQ(row->values, (Values{8, 9, 10, 11}));
        const auto column = file.read("x", {{"row"}, {"column", 0, "", 1}});
        EXPECT_EQ(column->shape, (std::vector<std::int64_t>{3, 1}));
        EXPECT_EQ(column->values, (Values{1, 5, 9}));
        expect_error(Exit::usage, "variable `x`: dimension row is 3, which has no index 3", [&] {
            (void)file.read("x", {{"row", 0, "", 3}, {"column"}});
        });
    }
}

TEST_F(NetcdfFileOnDisk, ReadsIntegersExactly) {
    const NetcdfInput::Dimension row{"row"}, column{"column"};
    for (const nc_type type : {NC_INT, NC_INT64}) {
        write({3, 4}, type, twelve);
        const NetcdfInput file(path_);
        EXPECT_EQ(file.read_integers("x", {row, column})->values, twelve);
        expect_error(Exit::usage, "variable `x`: expected type double or float, found int", [&] {
            (void)file.read("x", {row, column});
        });
    }
    write({1, 2}, NC_INT64, {0x1p53 - 1, 0x1p53});
    expect_error(Exit::usage,
                 "variable `x`: expected integers below 2^53 in size, found 9007199254740992 at "
                 "element 1",
                 [&] {
                     (void)NetcdfInput(path_).read_integers("x", {row, column});
                 });
    write({1, 2}, NC_INT, {1, NC_FILL_INT});
    expect_error(Exit::usage, "variable `x`: element 1 was never written", [&] {
        (void)NetcdfInput(path_).read_integers("x", {row, column});
    });
    write({1, 2}, NC_DOUBLE, {1, 2});
    expect_error(Exit::usage, "variable `x`: expected type int or int64, found double", [&] {
        (void)NetcdfInput(path_).read_integers("x", {row, column});
    });
}

/// Chunks that end anywhere, and more values than go through at a time.
TEST_F(NetcdfFileOnDisk, ReadsLargeVariablesInParts) {
    Values many(1000 * 700);
    std::iota(many.begin(), many.end(), 1.0);
    for (const std::array<std::size_t, 2> chunk :
         {std::array<std::size_t, 2>{}, {300, 100}, {7, 700}, {1000, 1}}) {
        write({1000, 700}, NC_DOUBLE, many, chunk);
        const auto x = NetcdfInput(path_).read("x", {{"row"}, {"column"}});
        EXPECT_EQ(x->values, many) << "chunks of " << chunk[0] << " x " << chunk[1];
    }
}

}  // namespace
}  // namespace softmaxflow
