#pragma once
/// Writes netCDF files of starts and objectives, right and wrong ones.

#include <gtest/gtest.h>
#include <netcdf.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "expect_error.hpp"
#include "input/start_file.hpp"

namespace softmaxflow {

namespace fs = std::filesystem;
using Values = std::vector<double>;

inline void check(int status) { ASSERT_EQ(status, NC_NOERR) << nc_strerror(status); }

struct Variable {
    std::string name;
    std::vector<std::string> dims;
    Values values;  ///< empty: declared, but never written
    nc_type type = NC_DOUBLE;
    std::string attribute = {};  ///< set to 2.0
};

/// Variables that are wrong, and the message that must say so.
struct BadFile {
    const char* expected;
    std::vector<Variable> variables;
};

class InputFile : public testing::Test {
protected:
    void SetUp() override {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = fs::path(testing::TempDir()) / (std::string("softmaxflow_input_") + test->name());
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

inline const Values six = {1, 2, 3, 4, 5, 6};
inline const Values twelve = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
inline const std::map<std::string, std::size_t> sizes = {{"replica", 2}, {"dim", 2}, {"token", 3}};

}  // namespace softmaxflow
