#pragma once
/// A netCDF file as plain data: what is to be written, apart from how.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace softmaxflow {

/// The values of a variable, row-major; the alternative is its type in the file.
using Values = std::variant<std::vector<double>, std::vector<std::int64_t>,
                            std::vector<std::int32_t>, std::vector<std::int8_t>>;

struct Attribute {
    std::string name;
    std::variant<std::string, std::int32_t, std::vector<std::int8_t>> value;
};

struct Dimension {
    std::string name;
    std::size_t length = 0;  ///< at least 1: netCDF would read 0 as "unlimited"
};

struct Variable {
    std::string name;
    std::vector<std::string> dimensions;  ///< slowest first; none for a scalar
    Values values;
    std::vector<Attribute> attributes;
};

struct Dataset {
    std::vector<Dimension> dimensions;
    std::vector<Variable> variables;
    std::vector<Attribute> attributes;
};

/// "f64", "i64", "i32" or "i8".
const char* type_name(const Values& values);
std::size_t value_count(const Values& values);

/// Positions of the variable's dimensions in `dataset.dimensions`. Throws Error(internal) naming
/// the variable if a dimension is unknown or the number of values is not the product of the
/// lengths.
std::vector<std::size_t> dimension_ids(const Dataset& dataset, const Variable& variable);

/// XXH3-128 in hexadecimal over names, shapes, types and values of dimensions and variables, in
/// order; the same on every machine, whatever the bits of a NaN. Attributes (version, units, prose)
/// take no part, so it answers: are these the same results?
std::string payload_hash(const Dataset& dataset);

/// XXH3-128 of the bytes of a text, in hexadecimal.
std::string text_hash(std::string_view text);

}  // namespace softmaxflow
