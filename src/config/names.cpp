#include "softmaxflow/names.hpp"

#include <iterator>

#include "backend/host/traits_of.hpp"
#include "claims/claim_table.hpp"

namespace softmaxflow {
namespace {

template <class Row>
std::vector<std::string> names_of(const Row& rows) {
    std::vector<std::string> names;
    for (const auto& row : rows) names.emplace_back(row.name);
    return names;
}

}  // namespace

std::vector<std::string> map_names() { return names_of(model::map_table); }
std::vector<std::string> loss_names() { return names_of(model::loss_table); }
std::vector<std::string> value_law_names() { return names_of(model::value_law_table); }

std::vector<std::string> method_names() {
    std::vector<std::string> names = names_of(model::method_table);
    names.emplace_back(flow_method);
    return names;
}

std::vector<ObservableName> observable_names() {
    std::vector<ObservableName> names;
    for (const model::ObservableInfo& x : model::observables)
        names.push_back({x.name, x.unit, x.long_name});
    return names;
}

std::size_t observable_index(const std::string& name) {
    if (const auto* found = find_row(model::observables, name))
        return static_cast<std::size_t>(found - std::begin(model::observables));
    throw Error(Exit::usage, fmt::format("no observable is called \"{}\"", name));
}

std::vector<std::string> claim_names() {
    std::vector<std::string> names;
    for (const claims::Claim& claim : claims::all_claims()) names.emplace_back(claim.id);
    return names;
}

}  // namespace softmaxflow
