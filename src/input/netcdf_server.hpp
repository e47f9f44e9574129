#pragma once
/// The child's side of NetcdfChild: all calls of the netCDF library on a user's file.

#include <cstdint>
#include <string>

#include "input/child_process.hpp"

namespace softmaxflow {

/// A file open for reading, so that the child sees the one that was found.
struct OpenFile {
    explicit OpenFile(const std::string& name);
    ~OpenFile();
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    std::string path;
    int descriptor;
    bool regular = false;  ///< it exists, may be read, and is no directory, pipe or device
    std::uint64_t size = 0;
};

/// Sends the contents of the file, then answers requests until the parent ends this process:
///
///     contents   number of dimensions, of each: name, size; number of variables, of each: name,
///                type, name of the type, rank, the dimensions, fill value, packing
///     request    variable, bytes of the whole of it as doubles, rank, start and count per
///     dimension answer     the values as doubles, in records of any size
///
/// Throws Error(usage) for what the library reports.
[[noreturn]] void serve_netcdf(const OpenFile& file, Channel& channel);

}  // namespace softmaxflow
