#pragma once
/// From what the command line says to a session.

#include <string>

#include "cli/options.hpp"
#include "softmaxflow/run.hpp"

namespace softmaxflow::cli {

/// Opens what the options name; says on stderr where the CPU takes over. Throws as
/// softmaxflow::open does.
Session open_session(const RunOptions& options);

/// "cpu, 2 threads, avx512", or "cuda, <device>".
std::string where_it_runs(const Session& session);

/// What Session::work counts.
const char* work_unit(const Session& session);

}  // namespace softmaxflow::cli
