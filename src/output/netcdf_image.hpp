#pragma once
/// A dataset as the bytes of a netCDF-4 file, built in memory.

#include <cstddef>
#include <vector>

#include "output/dataset.hpp"

namespace softmaxflow {

/// The whole file: floats with _FillValue = NaN, integers with no fill value (readers would turn
/// them into floats), and every variable but scalars shuffled, deflated and checksummed. The same
/// dataset gives the same bytes with the same versions of netCDF, HDF5 and zlib.
///
/// In memory, because a full disk met by the netCDF library itself shows only when the file is
/// closed, and leaves a file that reads as garbage. The library is not safe to call from several
/// threads at once. Throws Error(file) naming the variable.
std::vector<std::byte> netcdf_image(const Dataset& dataset);

}  // namespace softmaxflow
