#include "softmaxflow/names.hpp"

#include "backend/host/traits_of.hpp"
#include "claims/claim_table.hpp"

namespace softmaxflow {
namespace {

template <class Row>
std::vector<std::string> names_of(const Row& table) {
    std::vector<std::string> names;
    for (const auto& row : table) names.emplace_back(row.name);
    return names;
}

}  // namespace

std::vector<std::string> map_names() { return names_of(model::map_table); }
std::vector<std::string> loss_names() { return names_of(model::loss_table); }
std::vector<std::string> value_law_names() { return names_of(model::value_law_table); }
std::vector<std::string> observable_names() { return names_of(model::observables); }

std::vector<std::string> method_names() {
    std::vector<std::string> names = names_of(model::method_table);
    names.emplace_back(flow_method);
    return names;
}

std::vector<std::string> claim_names() {
    std::vector<std::string> names;
    for (const claims::Claim& claim : claims::all_claims()) names.emplace_back(claim.id);
    return names;
}

}  // namespace softmaxflow
