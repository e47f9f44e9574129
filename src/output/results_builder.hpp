#pragma once
/// What results.nc, replicas.nc and states.nc have in common. Used by their writers only.

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "output/dataset.hpp"
#include "output/results.hpp"

namespace softmaxflow {

using Names = std::vector<std::string>;

/// A dataset in the making, every variable with its documentation.
class DatasetBuilder {
public:
    /// With the global attributes of every file; `contents` begins the title.
    DatasetBuilder(const std::string& contents, const Problem& problem, const CellResult& result,
                   const RunInfo& info);

    void dimension(std::string name, std::size_t length);
    Variable& variable(std::string name, Names dimensions, Values values, std::string units,
                       std::string long_name, std::string comment = "");
    void attribute(std::string name, std::variant<std::string, std::int32_t> value);

    /// Dimension `checkpoint` with its coordinates: `iteration`, or for a flow one of the name
    /// `clock_name`; and `time`, but in the arc clock.
    void add_checkpoints(const Problem& problem, const std::string& clock_name = "clock");
    /// Dimension `threshold` with its coordinate.
    void add_thresholds(const Problem& problem);

    /// The dataset, stamped with its payload hash.
    Dataset finish();

private:
    Dataset data_;
};

}  // namespace softmaxflow
