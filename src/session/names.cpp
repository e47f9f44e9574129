#include "softmaxflow/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "softmaxflow/error.hpp"
#include "softmaxflow/model/dynamics/catalogue.hpp"

namespace softmaxflow {
namespace {

template <class List>
std::vector<std::string> names_of(List) {
    return {std::begin(List::names), std::end(List::names)};
}

}  // namespace

std::vector<std::string> map_names() { return names_of(model::Maps{}); }
std::vector<std::string> loss_names() { return names_of(model::Losses{}); }
std::vector<std::string> method_names() {
    std::vector<std::string> names = names_of(model::Methods{});
    names.emplace_back("flow");
    return names;
}

std::vector<ObservableName> observable_names() {
    std::vector<ObservableName> names;
    for (const model::ObservableInfo& x : model::observables)
        names.push_back({x.name, x.unit, x.long_name});
    return names;
}

std::size_t observable_index(const std::string& name) {
    const auto* found =
        std::find_if(std::begin(model::observables), std::end(model::observables),
                     [&](const model::ObservableInfo& x) { return name == x.name; });
    if (found == std::end(model::observables))
        throw Error(Exit::usage, fmt::format("no observable is called \"{}\"", name));
    return static_cast<std::size_t>(found - std::begin(model::observables));
}

}  // namespace softmaxflow
