#pragma once
/// What the catalogue says of the names in a config: the only place that looks names up.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "softmaxflow/config.hpp"
#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/traits.hpp"
#include "softmaxflow/model/initial/value_laws.hpp"

namespace softmaxflow {

/// The row of that name; nullptr if the table has none.
template <class Row, int Size>
const Row* find_row(const Row (&table)[Size], std::string_view name) {
    for (const Row& row : table)
        if (name == row.name) return &row;
    return nullptr;
}

/// The same of a name that was checked before. Throws Error(internal) if there is none.
template <class Row, int Size>
const Row& row_of(const Row (&table)[Size], std::string_view name) {
    if (const Row* row = find_row(table, name)) return *row;
    throw Error(Exit::internal, fmt::format("`{}` is not in the catalogue", name));
}

/// The index of that name in its list. Throws Error(internal) if there is none.
template <class Row, int Size>
int place_of(const Row (&table)[Size], std::string_view name) {
    return static_cast<int>(&row_of(table, name) - table);
}

/// The names of the rows for which `is` holds.
template <class Row, int Size, class Is>
std::vector<std::string_view> names_where(const Row (&table)[Size], Is is) {
    std::vector<std::string_view> names;
    for (const Row& row : table)
        if (is(row)) names.emplace_back(row.name);
    return names;
}

/// The enumerator of that name; `names` has them in order. Throws Error(internal) if there is none.
template <class Enum, int Size>
Enum enum_of(const char* const (&names)[Size], std::string_view name) {
    for (int i = 0; i < Size; ++i)
        if (name == names[i]) return static_cast<Enum>(i);
    throw Error(Exit::internal, fmt::format("`{}` is not in the catalogue", name));
}

/// The flow has no struct among the methods: it remembers nothing and follows the values.
inline constexpr model::MethodTraits flow_traits = {flow_method, 0, {}, false, false, false, {}};

inline const model::MapTraits& map_traits(const Config& config) {
    return row_of(model::map_table, config.model.map);
}
inline const model::LossTraits& loss_traits(const Config& config) {
    return row_of(model::loss_table, config.objective.loss);
}
inline const model::MethodTraits& method_traits(const Config& config) {
    const std::string& method = config.dynamics.method;
    return method == flow_method ? flow_traits : row_of(model::method_table, method);
}
inline const model::ValueLawTraits& value_law_traits(const Config& config) {
    return row_of(model::value_law_table, config.init.value_law);
}

inline model::Target target_of(const Config& config) {
    return enum_of<model::Target>(model::target_names, config.objective.target);
}
inline model::Response response_of(const Config& config) {
    return enum_of<model::Response>(model::response_names, config.objective.response);
}
inline model::Design design_of(const Config& config) {
    return enum_of<model::Design>(model::design_names, config.objective.design);
}
inline model::Stiff stiff_of(const Config& config) {
    return enum_of<model::Stiff>(model::stiff_names, config.dynamics.stiff);
}

}  // namespace softmaxflow
