#pragma once
/// Reading of a user's netCDF file with every check that a simulation needs to trust it.
///
/// The netCDF and HDF5 libraries crash on some damaged files, so they only ever see a user's file
/// in a child process (netcdf_child.hpp); a file that kills it is refused like any other damaged
/// one.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "input/netcdf_child.hpp"

namespace softmaxflow {

/// A netCDF file open for reading. Throws Error(file) if it cannot be opened, and Error(usage)
/// naming file, variable and what was found for everything that is wrong inside.
class NetcdfInput {
public:
    explicit NetcdfInput(const std::string& path);

    /// What a dimension must be: its name, and the size that a config key demands (0: any).
    struct Dimension {
        std::string name;
        std::int64_t size = 0;
        std::string key = {};
        std::int64_t only = -1;  ///< >= 0: read this index alone, the extent is then 1
    };
    struct Variable {
        std::vector<std::int64_t> shape;
        std::vector<double> values;  ///< row-major, finite
    };

    [[nodiscard]] bool has(const std::string& variable) const;
    /// The size of a dimension; nullopt if the file has none of that name.
    [[nodiscard]] std::optional<std::int64_t> dimension(const std::string& name) const;

    /// Unknown variables are errors, so that a misspelt one is not ignored; coordinates are not
    /// read.
    void expect_only(const std::vector<std::string>& known) const;
    /// The variable, of type double or float, with exactly these dimensions in this order; nullopt
    /// if it is not in the file.
    [[nodiscard]] std::optional<Variable> read(const std::string& name,
                                               const std::vector<Dimension>& expected) const;
    /// The same of type int or int64, whose values must be below 2^53 in size, so that the doubles
    /// are exact.
    [[nodiscard]] std::optional<Variable> read_integers(
        const std::string& name, const std::vector<Dimension>& expected) const;

    [[noreturn]] void fail(const std::string& what) const;
    [[noreturn]] void fail(const std::string& variable, const std::string& what) const;

private:
    enum class Kind { real, integer };
    using Found = NetcdfContents::Variable;

    [[nodiscard]] const Found* find(const std::string& variable) const;
    [[nodiscard]] std::optional<Variable> read(const std::string& name,
                                               const std::vector<Dimension>& expected,
                                               Kind kind) const;
    [[nodiscard]] std::vector<Dimension> dimensions_of(const Found& variable) const;
    void check_dimensions(const Found& variable, const std::vector<Dimension>& expected) const;
    void check_encoding(const Found& variable, Kind kind) const;
    /// Of all its values; refuses what cannot have been written.
    [[nodiscard]] double whole_size(const Found& variable) const;
    void check_values(const Found& variable, const std::vector<double>& values, Kind kind) const;

    NetcdfChild file_;
};

}  // namespace softmaxflow
