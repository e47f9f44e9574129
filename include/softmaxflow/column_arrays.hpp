#pragma once
/// Arrays of numbers by the column of a table: what replicas carry and leave.

#include <cstddef>
#include <deque>
#include <vector>

namespace softmaxflow {

/// One array per column, by its index in a table of columns (state_columns or replica_columns of
/// model/dynamics/column_table.hpp, which has names, extents, units and texts). An empty array is
/// absent. Arrays are row-major; which extents come before those of the column says who holds it.
class ColumnArrays {
public:
    [[nodiscard]] std::vector<double>& operator[](int column) {
        const auto index = static_cast<std::size_t>(column);
        if (arrays_.size() <= index) arrays_.resize(index + 1);
        return arrays_[index];
    }
    [[nodiscard]] const std::vector<double>& operator[](int column) const {
        static const std::vector<double> absent;
        const auto index = static_cast<std::size_t>(column);
        return index < arrays_.size() ? arrays_[index] : absent;
    }
    [[nodiscard]] bool has(int column) const { return !(*this)[column].empty(); }
    /// Bytes held.
    [[nodiscard]] std::size_t bytes() const {
        std::size_t sum = arrays_.size() * sizeof(std::vector<double>);
        for (const auto& array : arrays_) sum += array.capacity() * sizeof(double);
        return sum;
    }

private:
    // A further column leaves references to the others valid.
    std::deque<std::vector<double>> arrays_;
};

}  // namespace softmaxflow
