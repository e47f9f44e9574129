#pragma once
/// Reading of a user's netCDF file with every check that a simulation needs to trust it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace softmaxflow {

/// A netCDF file open for reading. Throws Error(file) if it cannot be opened, and Error(usage)
/// naming file, variable and what was found for everything that is wrong inside.
class NetcdfInput {
public:
    explicit NetcdfInput(const std::string& path);
    ~NetcdfInput();
    NetcdfInput(const NetcdfInput&) = delete;
    NetcdfInput& operator=(const NetcdfInput&) = delete;

    /// What a dimension must be: its name, and the size that a config key demands (0: any).
    struct Dimension {
        std::string name;
        std::int64_t size = 0;
        std::string key = {};
    };
    struct Variable {
        std::vector<std::int64_t> shape;
        std::vector<double> values;  ///< row-major, finite
    };

    /// Unknown variables are errors, so that a misspelt one is not ignored; coordinates are not
    /// read.
    void expect_only(const std::vector<std::string>& known) const;
    /// The variable with exactly these dimensions in this order; nullopt if it is not in the file.
    [[nodiscard]] std::optional<Variable> read(const std::string& name,
                                               const std::vector<Dimension>& expected) const;

    [[noreturn]] void fail(const std::string& what) const;
    [[noreturn]] void fail(const std::string& variable, const std::string& what) const;

private:
    void check(int status, const std::string& variable) const;
    [[nodiscard]] std::vector<Dimension> dimensions_of(int variable, const std::string& name) const;
    [[nodiscard]] std::vector<std::int64_t> shape_of(int variable, const std::string& name,
                                                     const std::vector<Dimension>& expected) const;
    void check_encoding(int variable, const std::string& name) const;
    [[nodiscard]] std::vector<double> values_of(int variable, const std::string& name,
                                                std::size_t size) const;

    std::string path_;
    std::string image_;  ///< the whole file
    int id_ = -1;
};

}  // namespace softmaxflow
