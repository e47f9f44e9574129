#pragma once
/// Tests of claims on a session.

#include <string>
#include <vector>

#include "claims/check.hpp"
#include "claims/search.hpp"
#include "softmaxflow/run.hpp"

namespace softmaxflow {

/// What a check of the session's config asks for: the claims named, or those of the config, or all
/// that fit. Throws Error(usage) for a config whose steps cannot be monitored.
claims::CheckRequest check_request(const Session& session, std::vector<std::string> ids,
                                   bool mutant);

/// claims::run_check on the session's problem and backend. Throws Error(stopped) where `stop` said
/// so.
claims::Check run_check(const Session& session, const claims::CheckRequest& request,
                        const RunCallbacks& callbacks);

/// claims::run_search for the one claim of the request, over as many trajectories as the session
/// has replicas, which is what `progress` counts.
claims::Search run_search(const Session& session, const claims::CheckRequest& request,
                          const RunCallbacks& callbacks);

}  // namespace softmaxflow
