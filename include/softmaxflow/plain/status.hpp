#pragma once
/// How a replica ended, for kernels, files and public headers alike.

namespace softmaxflow {

/// The numbers are those that kernels write and replicas.nc stores.
enum class Status : signed char {
    ok,
    converged,
    stopped_early,
    step_limit,
    step_underflow,
    non_finite,
    map_singular,
};
inline constexpr const char* status_names[] = {"ok",          "converged",      "stopped_early",
                                               "step_limit",  "step_underflow", "non_finite",
                                               "map_singular"};
static_assert(sizeof(status_names) / sizeof(status_names[0]) == int(Status::map_singular) + 1);

/// Up to here a replica counts as ok; the others failed.
inline constexpr Status last_ok_status = Status::stopped_early;
constexpr bool is_ok(Status status) { return status <= last_ok_status; }
/// "ok", "converged", ...: as in flag_meanings of replicas.nc.
constexpr const char* status_name(Status status) { return status_names[int(status)]; }

}  // namespace softmaxflow
