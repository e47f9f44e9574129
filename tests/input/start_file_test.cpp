// Files of starts: what is read, and every way in which they can be wrong.
#include <cmath>
#include <fstream>
#include <functional>
#include <random>

#include "config/config_file.hpp"
#include "input/design.hpp"
#include "input/input_file.hpp"

namespace softmaxflow {
namespace {

using StartFile = InputFile;

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

TEST_F(StartFile, BadStarts) {
    const std::vector<std::string> vdt = {"replica", "dim", "token"}, vt = {"replica", "token"};
    Values hole = six, infinite = twelve;
    hole[4] = NAN;
    infinite[11] = -INFINITY;
    const std::map<std::string, std::size_t> dims = {
        {"replica", 2}, {"dim", 2}, {"token", 3}, {"four", 4}, {"none", NC_UNLIMITED}};
    const BadFile cases[] = {
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

TEST_F(StartFile, DigestIsXxh3) {
    std::ofstream(path("empty"));
    EXPECT_EQ(file_digest(path("empty")), "99aa06d3014798d86001c324468d497f");
    std::ofstream(path("large")) << std::string(200'000, 'a');
    std::ofstream(path("other")) << std::string(199'999, 'a') << 'b';
    EXPECT_EQ(file_digest(path("large")).size(), 32u);
    EXPECT_NE(file_digest(path("large")), file_digest(path("other")));
}

}  // namespace
}  // namespace softmaxflow
