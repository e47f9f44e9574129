#include "session/check_run.hpp"

#include <fmt/format.h>

#include "session/counting_backend.hpp"
#include "session/open_problem.hpp"

namespace softmaxflow {

claims::CheckRequest check_request(const Session& session, std::vector<std::string> ids,
                                   bool mutant) {
    const Config& config = session.config();
    if (config.backend.precision != "f64")
        throw Error(Exit::usage, fmt::format("{}: check watches steps in f64; set "
                                             "backend.precision = \"f64\"",
                                             session.path()));
    claims::CheckRequest request;
    request.ids = ids.empty() ? config.claims.ids : std::move(ids);
    request.level = config.claims.level;
    request.horizon = config.claims.horizon;
    request.mutant = mutant;
    request.threads = session.threads();
    request.problem_of = problem_of;
    return request;
}

claims::Check run_check(const Session& session, const claims::CheckRequest& request,
                        const RunCallbacks& callbacks) {
    CountingBackend backend(session.backend(), callbacks);
    return claims::run_check(session.problem(), backend, request, progress_of(callbacks));
}

claims::Search run_search(const Session& session, const claims::CheckRequest& request,
                          const RunCallbacks& callbacks) {
    if (request.ids.size() != 1)
        throw Error(Exit::usage, "--search looks for violations of one claim: name one");
    return claims::run_search(session.problem(), session.backend(),
                              claims::find_claim(request.ids.front()), request, session.replicas(),
                              progress_of(callbacks));
}

}  // namespace softmaxflow
