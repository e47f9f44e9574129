#pragma once
/// Names that configs take and results are indexed by. src/session implements it; the lists
/// themselves stand in the model.

#include <string>
#include <vector>

namespace softmaxflow {

/// What model.map, objective.loss and dynamics.method accept, in the order of the documentation;
/// the methods of descent first, then "flow".
std::vector<std::string> map_names();
std::vector<std::string> loss_names();
std::vector<std::string> method_names();

struct ObservableName {
    std::string name;         ///< of variables in the files: "max_probability"
    std::string unit;         ///< "1", "nat" or "log(time)"
    std::string description;  ///< "largest attention weight"
};

/// In the order of CellResult::observables, which has the ranked curves behind them.
std::vector<ObservableName> observable_names();

/// The index of an observable there. Throws Error(usage) for a name that is none.
std::size_t observable_index(const std::string& name);

}  // namespace softmaxflow
