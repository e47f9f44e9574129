#include "netcdf_input.hpp"

#include <fmt/format.h>
#include <netcdf.h>
#include <netcdf_mem.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "keys.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {

using Name = std::array<char, NC_MAX_NAME + 1>;

namespace {

std::string read_image(const std::string& path) {
    std::error_code error;
    const bool regular = std::filesystem::is_regular_file(path, error);
    std::ifstream file(path, std::ios::binary);
    if (!regular || !file) {
        throw Error(
            Exit::file,
            fmt::format("{}: cannot open this file; does it exist, and may it be read? Files "
                        "named in a config are taken relative to its folder",
                        path));
    }
    const auto size = std::filesystem::file_size(path, error);
    std::string image(error ? 0 : size, '\0');
    file.read(image.data(), std::streamsize(image.size()));
    if (error || std::size_t(file.gcount()) != image.size()) {
        throw Error(Exit::file, fmt::format("{}: cannot read this file", path));
    }
    return image;
}

}  // namespace

// Opened from memory: by name, netCDF would take a URL too, and would read zeros past the end of a
// truncated file of the classic formats.
NetcdfInput::NetcdfInput(const std::string& path) : path_(path), image_(read_image(path)) {
    const int status = nc_open_mem(path.c_str(), NC_NOWRITE, image_.size(), image_.data(), &id_);
    if (status != NC_NOERR) {
        fail(fmt::format("not a netCDF file, or a damaged one ({})", nc_strerror(status)));
    }
}

NetcdfInput::~NetcdfInput() { nc_close(id_); }

void NetcdfInput::fail(const std::string& what) const {
    throw Error(Exit::usage, fmt::format("{}: {}", path_, what));
}

void NetcdfInput::fail(const std::string& variable, const std::string& what) const {
    fail(fmt::format("variable `{}`: {}", variable, what));
}

void NetcdfInput::check(int status, const std::string& variable) const {
    if (status != NC_NOERR) {
        fail(variable,
             fmt::format("cannot read it, the file is damaged ({})", nc_strerror(status)));
    }
}

void NetcdfInput::expect_only(const std::vector<std::string>& known) const {
    int count = 0;
    check(nc_inq_nvars(id_, &count), "*");
    for (int variable = 0; variable < count; ++variable) {
        Name name{};
        int dimension = 0;
        check(nc_inq_varname(id_, variable, name.data()), std::to_string(variable));
        const bool coordinate = nc_inq_dimid(id_, name.data(), &dimension) == NC_NOERR;
        const std::string found = name.data();
        if (coordinate || std::find(known.begin(), known.end(), found) != known.end()) continue;
        const std::string near = nearest(found, known);
        fail(found, near.empty()
                        ? fmt::format("unknown variable; expected {}", fmt::join(known, ", "))
                        : fmt::format("unknown variable; did you mean `{}`?", near));
    }
}

std::vector<NetcdfInput::Dimension> NetcdfInput::dimensions_of(int variable,
                                                               const std::string& name) const {
    int rank = 0;
    check(nc_inq_varndims(id_, variable, &rank), name);
    std::vector<int> ids(static_cast<std::size_t>(rank));
    check(nc_inq_vardimid(id_, variable, ids.data()), name);
    std::vector<Dimension> dimensions;
    for (const int id : ids) {
        Name text{};
        std::size_t size = 0;
        check(nc_inq_dim(id_, id, text.data(), &size), name);
        dimensions.push_back({text.data(), std::int64_t(size)});
    }
    return dimensions;
}

std::vector<std::int64_t> NetcdfInput::shape_of(int variable, const std::string& name,
                                                const std::vector<Dimension>& expected) const {
    const std::vector<Dimension> found = dimensions_of(variable, name);
    const auto names = [](const std::vector<Dimension>& dimensions) {
        std::vector<std::string> list;
        for (const Dimension& dimension : dimensions) list.push_back(dimension.name);
        return list;
    };
    if (names(found) != names(expected)) {
        fail(name, fmt::format("expected dimensions ({}), found ({}); both names and order count",
                               fmt::join(names(expected), ", "), fmt::join(names(found), ", ")));
    }
    std::vector<std::int64_t> shape;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const std::int64_t size = found[i].size;
        if (size == 0) fail(name, fmt::format("dimension {} is empty", found[i].name));
        if (expected[i].size != 0 && size != expected[i].size) {
            fail(name, fmt::format("dimension {} is {}, but {} = {}; make them equal",
                                   found[i].name, size, expected[i].key, expected[i].size));
        }
        shape.push_back(size);
    }
    return shape;
}

void NetcdfInput::check_encoding(int variable, const std::string& name) const {
    nc_type type = NC_NAT;
    check(nc_inq_vartype(id_, variable, &type), name);
    if (type != NC_DOUBLE && type != NC_FLOAT) {
        Name found{};
        check(nc_inq_type(id_, type, found.data(), nullptr), name);
        fail(name,
             fmt::format("expected type double or float, found {}; convert it", found.data()));
    }
    for (const char* packing : {"scale_factor", "add_offset"}) {
        if (nc_inq_attid(id_, variable, packing, nullptr) == NC_NOERR) {
            fail(name, fmt::format("values packed with {}; store them unpacked", packing));
        }
    }
}

std::vector<double> NetcdfInput::values_of(int variable, const std::string& name,
                                           std::size_t size) const {
    std::vector<double> values(size);
    check(nc_get_var_double(id_, variable, values.data()), name);
    nc_type type = NC_NAT;
    check(nc_inq_vartype(id_, variable, &type), name);
    double fill = type == NC_FLOAT ? double(NC_FILL_FLOAT) : NC_FILL_DOUBLE;
    nc_get_att_double(id_, variable, "_FillValue", &fill);  // absent: the default stays
    for (std::size_t i = 0; i < size; ++i) {
        if (!std::isfinite(values[i])) {
            fail(name, fmt::format("expected finite values, found {} at element {}", values[i], i));
        }
        if (values[i] == fill) {
            fail(name, fmt::format("element {} was never written (fill value {})", i, fill));
        }
    }
    return values;
}

std::optional<NetcdfInput::Variable> NetcdfInput::read(
    const std::string& name, const std::vector<Dimension>& expected) const {
    int variable = 0;
    if (nc_inq_varid(id_, name.c_str(), &variable) != NC_NOERR) return std::nullopt;
    Variable result{shape_of(variable, name, expected), {}};
    check_encoding(variable, name);
    double size = 1;
    for (const std::int64_t extent : result.shape) size *= double(extent);
    // Deflate shrinks at most 1032 times, to 129 doubles a byte: beyond that nothing was written,
    // and a few bytes must not claim all memory.
    if (size > 0x1p24 && size > 256.0 * double(image_.size())) {
        fail(name, fmt::format("{} values in a file of {} bytes: they were never written", size,
                               image_.size()));
    }
    result.values = values_of(variable, name, std::size_t(size));
    return result;
}

}  // namespace softmaxflow
