#include "output/dataset.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <thread>

#include "output/netcdf_image.hpp"
#include "output/netcdf_reader.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

using testing_support::NetcdfReader;
using Names = std::vector<std::string>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Dataset example() {
    Dataset dataset;
    dataset.dimensions = {{"row", 2}, {"column", 3}};
    dataset.variables = {
        {"real", {"row", "column"}, std::vector{1.5, nan, infinity, -0.0, 5e-324, -1e300}, {}},
        {"long", {"column"}, std::vector<std::int64_t>{1, -(std::int64_t{1} << 62), 0}, {}},
        {"short", {"row"}, std::vector<std::int32_t>{-7, 2147483647}, {}},
        {"byte", {"row"}, std::vector<std::int8_t>{-128, 127}, {}},
        {"scalar", {}, std::vector{0.1}, {}},
        {"scalar_count", {}, std::vector<std::int64_t>{3}, {}}};
    dataset.variables[0].attributes = {{"units", "1"}};
    dataset.variables[3].attributes = {{"flag_values", std::vector<std::int8_t>{-128, 127}}};
    dataset.attributes = {{"title", "example"}, {"schema", std::int32_t{1}}};
    return dataset;
}

/// A dataset larger than one chunk, with values that do not compress.
Dataset large_example(std::size_t rows, std::size_t columns) {
    std::vector<double> values(rows * columns);
    double x = 0.37;
    for (double& value : values) value = x = 3.99 * x * (1.0 - x);
    Dataset dataset;
    dataset.dimensions = {{"row", rows}, {"column", columns}};
    dataset.variables = {{"x", {"row", "column"}, std::move(values), {}}};
    return dataset;
}

std::vector<std::uint64_t> bits(const std::vector<double>& values) {
    std::vector<std::uint64_t> words;
    for (const double value : values) words.push_back(std::bit_cast<std::uint64_t>(value));
    return words;
}

TEST(NetcdfImage, ReadsBackEveryTypeToTheBit) {
    const Dataset dataset = example();
    std::vector<std::byte> image = netcdf_image(dataset);
    const NetcdfReader file(image);
    EXPECT_EQ(bits(file.values<double>("real")),
              bits(std::get<std::vector<double>>(dataset.variables[0].values)));
    EXPECT_EQ(Values(file.values<std::int64_t>("long")), dataset.variables[1].values);
    EXPECT_EQ(Values(file.values<std::int32_t>("short")), dataset.variables[2].values);
    EXPECT_EQ(Values(file.values<std::int8_t>("byte")), dataset.variables[3].values);
    EXPECT_EQ(file.values<double>("scalar"), std::vector{0.1});
    EXPECT_EQ(file.values<std::int64_t>("scalar_count"), std::vector<std::int64_t>{3});
    EXPECT_EQ(file.type("real"), NC_DOUBLE);
    EXPECT_EQ(file.type("long"), NC_INT64);
    EXPECT_EQ(file.type("short"), NC_INT);
    EXPECT_EQ(file.type("byte"), NC_BYTE);
    EXPECT_EQ(file.dimensions("real"), (Names{"row", "column"}));
    EXPECT_EQ(file.dimensions("scalar"), Names{});
    EXPECT_EQ(file.text("", "title"), "example");
    EXPECT_EQ(file.text("real", "units"), "1");
    int schema = 0;
    EXPECT_EQ(nc_get_att_int(file.id(), NC_GLOBAL, "schema", &schema), NC_NOERR);
    EXPECT_EQ(schema, 1);
}

TEST(NetcdfImage, FloatsHaveNanFillAndIntegersNone) {
    std::vector<std::byte> image = netcdf_image(example());
    const NetcdfReader file(image);
    for (const char* name : {"real", "scalar"}) {
        double fill = 0.0;
        EXPECT_EQ(nc_get_att_double(file.id(), file.variable(name), "_FillValue", &fill), NC_NOERR);
        EXPECT_TRUE(std::isnan(fill)) << name;
    }
    for (const char* name : {"long", "short", "byte", "scalar_count"})
        EXPECT_FALSE(file.has_attribute(name, "_FillValue")) << name;
}

TEST(NetcdfImage, ShufflesDeflatesAndChecksums) {
    std::vector<std::byte> image = netcdf_image(example());
    const NetcdfReader file(image);
    for (const char* name : {"real", "long", "short", "byte"}) {
        int shuffle = 0, deflate = 0, level = 0, checksum = 0;
        nc_inq_var_deflate(file.id(), file.variable(name), &shuffle, &deflate, &level);
        nc_inq_var_fletcher32(file.id(), file.variable(name), &checksum);
        EXPECT_EQ(shuffle, 1) << name;
        EXPECT_EQ(deflate, 1) << name;
        EXPECT_EQ(level, 1) << name;
        EXPECT_EQ(checksum, NC_FLETCHER32) << name;
    }
}

TEST(NetcdfImage, KeepsTheOrderOfVariablesAndAttributes) {
    std::vector<std::byte> image = netcdf_image(example());
    const NetcdfReader file(image);
    Names names;
    for (int id = 0; id < 6; ++id) {
        char name[NC_MAX_NAME + 1] = "";
        EXPECT_EQ(nc_inq_varname(file.id(), id, name), NC_NOERR);
        names.emplace_back(name);
    }
    EXPECT_EQ(names, (Names{"real", "long", "short", "byte", "scalar", "scalar_count"}));
    char first[NC_MAX_NAME + 1] = "";
    EXPECT_EQ(nc_inq_attname(file.id(), NC_GLOBAL, 0, first), NC_NOERR);
    EXPECT_STREQ(first, "title");
}

TEST(NetcdfImage, LargeVariablesGoInChunksOfAMebibyte) {
    const Dataset dataset = large_example(1000, 500);
    std::vector<std::byte> image = netcdf_image(dataset);
    const NetcdfReader file(image);
    int storage = 0;
    std::size_t chunk[2] = {0, 0};
    nc_inq_var_chunking(file.id(), file.variable("x"), &storage, chunk);
    EXPECT_EQ(storage, NC_CHUNKED);
    EXPECT_EQ(chunk[0], 262u);  // 2^17 / 500
    EXPECT_EQ(chunk[1], 500u);
    EXPECT_EQ(Values(file.values<double>("x")), dataset.variables[0].values);
}

TEST(NetcdfImage, FlippedBytesOfDataAreNoticed) {
    const Dataset dataset = large_example(100, 50);
    const std::vector<std::byte> image = netcdf_image(dataset);
    // The values do not compress, so the middle of the file belongs to them.
    std::vector<std::byte> damaged = image;
    damaged[image.size() / 2] ^= std::byte{0x10};
    const NetcdfReader file(damaged);
    std::vector<double> values(100 * 50);
    EXPECT_NE(nc_get_var_double(file.id(), file.variable("x"), values.data()), NC_NOERR);
}

TEST(NetcdfImage, SameDatasetSameBytes) {
    const auto first = netcdf_image(example()),
               first_large = netcdf_image(large_example(300, 1000));
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5 counts time in seconds
    EXPECT_EQ(netcdf_image(example()), first);
    EXPECT_EQ(netcdf_image(large_example(300, 1000)), first_large);
}

void expect_error(const Dataset& dataset, Exit status, const std::string& part) {
    try {
        netcdf_image(dataset);
        ADD_FAILURE() << "no error; expected one with: " << part;
    } catch (const Error& error) {
        EXPECT_EQ(error.status(), status) << error.what();
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
}

TEST(NetcdfImage, ErrorsNameTheVariable) {
    Dataset twice = example();
    twice.variables.push_back(twice.variables[1]);
    expect_error(twice, Exit::file, "variable long: NetCDF: String match to name in use");

    Dataset bad_name = example();
    bad_name.variables[2].name = "a/b";
    expect_error(bad_name, Exit::file, "variable a/b: NetCDF: Name contains illegal characters");

    Dataset unknown = example();
    unknown.variables[2].dimensions = {"depth"};
    expect_error(unknown, Exit::internal, "variable short: dimension depth is not defined");

    Dataset too_few = example();
    too_few.variables[2].values = std::vector<std::int32_t>{1};
    expect_error(too_few, Exit::internal, "variable short(row): 1 values, expected 2");

    Dataset empty;
    empty.dimensions = {{"row", 0}};
    expect_error(empty, Exit::internal, "dimension row has length 0");
}

TEST(PayloadHash, ChangesWithEveryNameShapeTypeAndValue) {
    const std::vector<std::function<void(Dataset&)>> changes = {
        [](Dataset& d) {
            d.dimensions[0].name = "line";
            d.variables[0].dimensions[0] = "line";
            d.variables[2].dimensions[0] = d.variables[3].dimensions[0] = "line";
        },
        [](Dataset& d) { std::swap(d.dimensions[0], d.dimensions[1]); },
        [](Dataset& d) {
            d.dimensions.push_back({"unused", 4});
        },
        [](Dataset& d) {
            d.dimensions.push_back({"unused", 5});
        },
        [](Dataset& d) { d.variables[0].name = "reel"; },
        [](Dataset& d) {
            d.variables[0].dimensions = {"column", "row"};
        },
        [](Dataset& d) { std::swap(d.variables[0], d.variables[1]); },
        [](Dataset& d) { d.variables.pop_back(); },
        [](Dataset& d) { d.variables[1].name = "lon", d.variables[2].name = "gshort"; },
        [](Dataset& d) { std::get<0>(d.variables[0].values)[0] = std::nextafter(1.5, 2.0); },
        [](Dataset& d) { std::get<0>(d.variables[0].values)[1] = 0.0; },
        [](Dataset& d) { std::get<0>(d.variables[0].values)[3] = 0.0; },
        [](Dataset& d) { std::get<1>(d.variables[1].values)[1] += 1; },
        [](Dataset& d) { std::get<2>(d.variables[2].values)[0] = 7; },
        [](Dataset& d) { std::get<3>(d.variables[3].values)[1] = 126; },
        [](Dataset& d) { d.variables[5].values = std::vector<std::int32_t>{3}; },
        [](Dataset& d) { std::get<0>(d.variables[4].values)[0] = -0.1; },
    };
    std::vector<std::string> hashes = {payload_hash(example())};
    for (const auto& change : changes) {
        Dataset changed = example();
        change(changed);
        hashes.push_back(payload_hash(changed));
    }
    for (std::size_t i = 0; i < hashes.size(); ++i) {
        EXPECT_EQ(hashes[i].size(), 32u);
        for (std::size_t j = 0; j < i; ++j) EXPECT_NE(hashes[i], hashes[j]) << i << " " << j;
    }
}

TEST(PayloadHash, EveryValueOfALongVariableCounts) {
    const std::string before = payload_hash(large_example(3, 700));
    for (const std::size_t i : {0, 511, 512, 1023, 1024, 2099}) {
        Dataset changed = large_example(3, 700);
        std::get<0>(changed.variables[0].values)[i] += 1.0;
        EXPECT_NE(payload_hash(changed), before) << i;
    }
}

TEST(PayloadHash, AttributesTakeNoPart) {
    Dataset changed = example();
    changed.attributes = {{"source", "another version"}};
    changed.variables[0].attributes = {{"long_name", "a better name"}};
    EXPECT_EQ(payload_hash(changed), payload_hash(example()));
}

TEST(PayloadHash, AllNansAreOne) {
    Dataset changed = example();
    std::get<0>(changed.variables[0].values)[1] =
        std::bit_cast<double>(std::uint64_t{0xfff8'0000'0000'1234});
    EXPECT_EQ(payload_hash(changed), payload_hash(example()));
}

/// Pinned, so that hashes stay comparable between versions. The number was found independently, by
/// hashing the stream of bytes written by a script.
TEST(PayloadHash, IsStable) {
    EXPECT_EQ(payload_hash(example()), "9c9e452310310434f5ab8ac4a7173408");
}

TEST(TextHash, KnownAnswers) {
    EXPECT_EQ(text_hash(""), "99aa06d3014798d86001c324468d497f");  // XXH3-128 of nothing, seed 0
    EXPECT_NE(text_hash("a"), text_hash("b"));
}

}  // namespace
}  // namespace softmaxflow
