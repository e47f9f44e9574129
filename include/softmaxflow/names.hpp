#pragma once
/// The names that a config, a file or a command line may use, as this build knows them: one entry
/// per map, loss, method, law, observable and claim, in the order in which everything lists them.

#include <string>
#include <vector>

namespace softmaxflow {

std::vector<std::string> map_names();         ///< model.map
std::vector<std::string> loss_names();        ///< objective.loss
std::vector<std::string> value_law_names();   ///< init.value_law
std::vector<std::string> method_names();      ///< dynamics.method; the last is the flow
std::vector<std::string> observable_names();  ///< variables of results.nc and replicas.nc
std::vector<std::string> claim_names();       ///< claims.ids, and the arguments of `check`

}  // namespace softmaxflow
