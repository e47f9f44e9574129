#pragma once
/// The names that a config, a file or a command line may use, as this build knows them: one entry
/// per map, loss, method, law, observable and claim, in the order in which everything lists them.

#include <cstddef>
#include <string>
#include <vector>

namespace softmaxflow {

std::vector<std::string> map_names();        ///< model.map
std::vector<std::string> loss_names();       ///< objective.loss
std::vector<std::string> value_law_names();  ///< init.value_law
std::vector<std::string> method_names();     ///< dynamics.method; the last is the flow
std::vector<std::string> claim_names();      ///< claims.ids, and the arguments of `check`

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
