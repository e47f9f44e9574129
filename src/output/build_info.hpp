#pragma once
/// What this build is: for `softmaxflow info`, the manifest and the files.

#include <string>

namespace softmaxflow {

struct BuildInfo {
    std::string version;     ///< "0.1.0"
    std::string git;         ///< `git describe` when the build was configured, or "unknown"
    std::string compiler;    ///< "GNU 12.2.0"
    std::string build_type;  ///< "Release"
    std::string flags;       ///< of the compiler, on every object
};

BuildInfo build_info();

}  // namespace softmaxflow
