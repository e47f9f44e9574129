#pragma once
/// Problems made from problems: other ends, other records, single replicas.
///
/// The checkpoints and the edges of a derived problem follow its config, as in make_problem: nobody
/// else edits them. What is not named stays: starts, objective, random key, monitor.

#include <vector>

#include "softmaxflow/problem.hpp"

namespace softmaxflow {

/// `problem` run to `end` (iterations, rounded down, or a value of its clock). The last checkpoint
/// moves there, and those between that are not before it go. Throws Error(usage) unless `end` lies
/// behind the first checkpoint.
Problem until(Problem problem, double end);

/// A flow on the arc clock from its first checkpoint to `end`, recorded at these two.
/// Throws as until() does.
Problem on_arc_clock(Problem problem, double end);

/// `problem` with another record. Throws Error(usage) for checkpoints that it does not reach.
Problem with_recording(Problem problem, const RecordConfig& record);

/// `problem` with the full states of its first `states` replicas recorded, none for 0.
Problem with_states(Problem problem, std::int64_t states);

/// `problem` with `replicas` replicas, the same ones as far as it had them. Throws Error(usage) for
/// more than a file of starts or states has.
Problem with_replicas(Problem problem, std::int64_t replicas);

/// The problem of the one replica that goes on from `start`, as its replica 0. Its tokens keep the
/// numbers that they have in `start`.
Problem one_replica(Problem problem, RestartData start);

/// The least that a run can record: its state nowhere but at `checkpoints`, and no tables.
RecordConfig least_record(std::vector<double> checkpoints);

}  // namespace softmaxflow
