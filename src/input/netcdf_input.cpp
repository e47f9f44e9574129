#include "input/netcdf_input.hpp"

#include <fmt/format.h>
#include <netcdf.h>

#include <algorithm>
#include <cmath>

#include "config/keys.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {

NetcdfInput::NetcdfInput(const std::string& path) : file_(path) {}

void NetcdfInput::fail(const std::string& what) const {
    throw Error(Exit::usage, fmt::format("{}: {}", file_.path(), what));
}

void NetcdfInput::fail(const std::string& variable, const std::string& what) const {
    fail(fmt::format("variable `{}`: {}", variable, what));
}

const NetcdfInput::Found* NetcdfInput::find(const std::string& variable) const {
    const auto found =
        std::find_if(file_.contents().variables.begin(), file_.contents().variables.end(),
                     [&](const Found& x) { return x.name == variable; });
    return found == file_.contents().variables.end() ? nullptr : &*found;
}

bool NetcdfInput::has(const std::string& variable) const { return find(variable) != nullptr; }

std::optional<std::int64_t> NetcdfInput::dimension(const std::string& name) const {
    for (const auto& [found, size] : file_.contents().dimensions) {
        if (found == name) return size;
    }
    return std::nullopt;
}

void NetcdfInput::expect_only(const std::vector<std::string>& known) const {
    for (const Found& variable : file_.contents().variables) {
        const std::string& found = variable.name;
        const bool coordinate = dimension(found).has_value();
        if (coordinate || std::find(known.begin(), known.end(), found) != known.end()) continue;
        const std::string near = nearest(found, known);
        fail(found, near.empty()
                        ? fmt::format("unknown variable; expected {}", fmt::join(known, ", "))
                        : fmt::format("unknown variable; did you mean `{}`?", near));
    }
}

std::vector<NetcdfInput::Dimension> NetcdfInput::dimensions_of(const Found& variable) const {
    std::vector<Dimension> dimensions;
    for (const std::size_t position : variable.dimensions) {
        const auto& [name, size] = file_.contents().dimensions.at(position);
        dimensions.push_back({name, size});
    }
    return dimensions;
}

void NetcdfInput::check_dimensions(const Found& variable,
                                   const std::vector<Dimension>& expected) const {
    const std::string& name = variable.name;
    const std::vector<Dimension> found = dimensions_of(variable);
    const auto names = [](const std::vector<Dimension>& dimensions) {
        std::vector<std::string> list;
        for (const Dimension& dimension : dimensions) list.push_back(dimension.name);
        return list;
    };
    if (names(found) != names(expected)) {
        fail(name, fmt::format("expected dimensions ({}), found ({}); both names and order count",
                               fmt::join(names(expected), ", "), fmt::join(names(found), ", ")));
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
        const std::int64_t size = found[i].size;
        if (size == 0) fail(name, fmt::format("dimension {} is empty", found[i].name));
        if (expected[i].size != 0 && size != expected[i].size) {
            fail(name, fmt::format("dimension {} is {}, but {} = {}; make them equal",
                                   found[i].name, size, expected[i].key, expected[i].size));
        }
        if (expected[i].only >= size) {
            fail(name, fmt::format("dimension {} is {}, which has no index {}; they count from 0",
                                   found[i].name, size, expected[i].only));
        }
    }
}

void NetcdfInput::check_encoding(const Found& variable, Kind kind) const {
    const bool real = variable.type == NC_DOUBLE || variable.type == NC_FLOAT;
    const bool integer = variable.type == NC_INT || variable.type == NC_INT64;
    if (!(kind == Kind::real ? real : integer)) {
        fail(variable.name, fmt::format("expected type {}, found {}; convert it",
                                        kind == Kind::real ? "double or float" : "int or int64",
                                        variable.type_name));
    }
    if (!variable.packing.empty()) {
        fail(variable.name,
             fmt::format("values packed with {}; store them unpacked", variable.packing));
    }
}

double NetcdfInput::whole_size(const Found& variable) const {
    double size = 1;
    for (const Dimension& dimension : dimensions_of(variable)) size *= double(dimension.size);
    // Deflate shrinks at most 1032 times, to 129 doubles a byte: beyond that nothing was written,
    // and a few bytes must not claim all memory.
    if (size > 0x1p24 && size > 256.0 * double(file_.size())) {
        fail(variable.name, fmt::format("{} values in a file of {} bytes: they were never written",
                                        size, file_.size()));
    }
    return size;
}

void NetcdfInput::check_values(const Found& variable, const std::vector<double>& values,
                               Kind kind) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) {
            fail(variable.name,
                 fmt::format("expected finite values, found {} at element {}", values[i], i));
        }
        if (values[i] == variable.fill) {
            fail(variable.name,
                 fmt::format("element {} was never written (fill value {})", i, variable.fill));
        }
        if (kind == Kind::integer && std::abs(values[i]) >= 0x1p53) {
            fail(variable.name,
                 fmt::format("expected integers below 2^53 in size, found {:.0f} at element {}",
                             values[i], i));
        }
    }
}

std::optional<NetcdfInput::Variable> NetcdfInput::read(const std::string& name,
                                                       const std::vector<Dimension>& expected,
                                                       Kind kind) const {
    const Found* variable = find(name);
    if (!variable) return std::nullopt;
    check_dimensions(*variable, expected);
    check_encoding(*variable, kind);
    const auto unpacked = std::uint64_t(whole_size(*variable)) * sizeof(double);
    Variable result;
    NetcdfPart part;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const bool whole = expected[i].only < 0;
        result.shape.push_back(whole ? dimensions_of(*variable)[i].size : 1);
        part.start.push_back(whole ? 0 : std::size_t(expected[i].only));
        part.count.push_back(std::size_t(result.shape.back()));
    }
    result.values = file_.read(*variable, unpacked, part);
    check_values(*variable, result.values, kind);
    return result;
}

std::optional<NetcdfInput::Variable> NetcdfInput::read(
    const std::string& name, const std::vector<Dimension>& expected) const {
    return read(name, expected, Kind::real);
}

std::optional<NetcdfInput::Variable> NetcdfInput::read_integers(
    const std::string& name, const std::vector<Dimension>& expected) const {
    return read(name, expected, Kind::integer);
}

}  // namespace softmaxflow
