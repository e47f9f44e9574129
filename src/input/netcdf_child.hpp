#pragma once
/// A netCDF file, open in a child process that it may crash.
///
/// Throws Error(file) for a file that cannot be opened, and Error(usage) for one that is not
/// netCDF, that the library reports as damaged, that crashes it, or on which it uses up its limits
/// of memory and processor time. Nothing is checked here beyond what the library checks.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "input/child_process.hpp"

namespace softmaxflow {

/// Dimensions and variables of the root group.
struct NetcdfContents {
    struct Dimension {
        std::string name;
        std::int64_t size = 0;
    };
    struct Variable {
        int id = 0;
        std::string name;
        int type = 0;  ///< nc_type
        std::string type_name;
        std::vector<std::size_t> dimensions;  ///< positions in `dimensions` of the contents
        double fill = 0;                      ///< of double, float, int, int64: "not written"
        std::string packing;  ///< the attribute that says its values are packed, or empty
    };
    std::vector<Dimension> dimensions;
    std::vector<Variable> variables;
};

/// Part of a variable: start and count along each of its dimensions.
struct NetcdfPart {
    std::vector<std::size_t> start, count;
};

class NetcdfChild {
public:
    explicit NetcdfChild(const std::string& path);

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::uint64_t size() const { return size_; }  ///< bytes
    [[nodiscard]] const NetcdfContents& contents() const { return contents_; }

    /// The values of a part of a variable as doubles, row-major. `unpacked` is what the whole
    /// variable takes as doubles, in bytes: the child's limits follow from it.
    [[nodiscard]] std::vector<double> read(const NetcdfContents::Variable& variable,
                                           std::uint64_t unpacked, const NetcdfPart& part) const;

private:
    std::string path_;
    std::uint64_t size_ = 0;
    std::unique_ptr<ChildProcess> process_;
    NetcdfContents contents_;
};

}  // namespace softmaxflow
