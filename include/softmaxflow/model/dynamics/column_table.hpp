#pragma once
/// The one table of what a replica carries and leaves. Whatever stores, copies, uploads, checks,
/// writes or reads a number of a replica loops over these rows; a new number is a row here and the
/// place where it is computed.
///
/// State columns are recorded of the first record.states replicas, enough to go on from; replica
/// columns are left by every replica. Units and texts are those of states.nc and replicas.nc; an
/// empty text is composed from the loss or the method.

#include "softmaxflow/model/numerics/scalar.hpp"

namespace softmaxflow::model {

/// What an array has one entry for, beside replica and checkpoint.
enum class Axis : int {
    none,
    token,
    output,
    output_b,          ///< the other index of a matrix over outputs
    dim,               ///< of the value dimension d
    controller_entry,  ///< two numbers
    threshold,
    claim,  ///< of claims/claim_list.hpp
};

enum class When : int {
    start,       ///< once
    checkpoint,  ///< at every checkpoint
    end,         ///< once the replica has ended
};

/// Which runs have a column.
enum class Carriers : int {
    all,
    descent_with_memory,    ///< methods that remember one state or more
    descent_with_memories,  ///< methods that remember two
    flow,
    single_output,  ///< losses whose W is one direction
    monitored,      ///< claims are monitored
};

/// What becomes of a state column when a run goes on from it.
enum class AtRestart : int {
    needed,
    optional,        ///< from rest, or drawn, where it is absent
    needed_by_flow,  ///< descent computes it anew
    not_read,        ///< follows from the others
};

/// How a file stores a column.
enum class Stored : int {
    not_at_all,  ///< counted in results.nc, or told to claims alone
    int8,
    int32,
    int64,
    float64,
};

struct StateColumn {
    const char* name;
    Axis axes[2];
    When when;
    Carriers carriers;
    AtRestart at_restart;
    Stored stored;
    const char *unit, *long_name, *comment;
};

/// Indices of state_columns.
namespace state_column {
enum Index : int {
    logits,
    probability,
    projected_values,
    memory_logits,  ///< of the first memory; those of the second follow
    memory_values,
    memory_logits_2,
    memory_values_2,
    arc,
    log_time,
    clock,
    step_size,
    controller,
    initial_leader,
    rank,
    metric,
    response,
    loss_floor,
    target,
    count,
};
/// The same column of memory i.
SOFTMAXFLOW_HD constexpr int memory(Index first, int i) { return int(first) + 2 * i; }
}  // namespace state_column

inline constexpr StateColumn state_columns[] = {
    {"logits",
     {Axis::token, Axis::none},
     When::checkpoint,
     Carriers::all,
     AtRestart::needed,
     Stored::float64,
     "1",
     "logits a",
     ""},
    {"probability",
     {Axis::token, Axis::none},
     When::checkpoint,
     Carriers::all,
     AtRestart::not_read,
     Stored::float64,
     "1",
     "attention weights s",
     ""},
    {"projected_values",
     {Axis::output, Axis::token},
     When::checkpoint,
     Carriers::all,
     AtRestart::needed,
     Stored::float64,
     "1",
     "projected values Z = W V, the part of V that the loss sees",
     "the output is z = Z s"},
    {"logits",
     {Axis::token, Axis::none},
     When::checkpoint,
     Carriers::descent_with_memory,
     AtRestart::optional,
     Stored::float64,
     "1",
     "",
     ""},
    {"projected_values",
     {Axis::output, Axis::token},
     When::checkpoint,
     Carriers::descent_with_memory,
     AtRestart::optional,
     Stored::float64,
     "1",
     "",
     ""},
    {"logits",
     {Axis::token, Axis::none},
     When::checkpoint,
     Carriers::descent_with_memories,
     AtRestart::optional,
     Stored::float64,
     "1",
     "",
     ""},
    {"projected_values",
     {Axis::output, Axis::token},
     When::checkpoint,
     Carriers::descent_with_memories,
     AtRestart::optional,
     Stored::float64,
     "1",
     "",
     ""},
    {"arc",
     {Axis::none, Axis::none},
     When::checkpoint,
     Carriers::all,
     AtRestart::needed,
     Stored::float64,
     "1",
     "arc length tau: integral of the residual norm",
     ""},
    {"log_time",
     {Axis::none, Axis::none},
     When::checkpoint,
     Carriers::all,
     AtRestart::needed_by_flow,
     Stored::float64,
     "log(time)",
     "",
     "NaN at the start"},
    {"clock",
     {Axis::none, Axis::none},
     When::checkpoint,
     Carriers::flow,
     AtRestart::needed,
     Stored::float64,
     "1",
     "clock of the replica at the checkpoint",
     "less than checkpoint_clock where it had converged or stopped early before"},
    {"step_size",
     {Axis::none, Axis::none},
     When::checkpoint,
     Carriers::flow,
     AtRestart::needed,
     Stored::float64,
     "1",
     "next step of the clock",
     ""},
    {"controller",
     {Axis::controller_entry, Axis::none},
     When::checkpoint,
     Carriers::flow,
     AtRestart::needed,
     Stored::float64,
     "1",
     "memory of the step controller: last error relative to the tolerance; steps in a row that "
     "looked stiff",
     "the second is -1 once the replica is with the implicit method"},
    {"initial_leader",
     {Axis::none, Axis::none},
     When::start,
     Carriers::all,
     AtRestart::needed,
     Stored::int32,
     "1",
     "token of largest projected value (Z^T q) at the start, the first on ties",
     "tokens count from 0; the token of rank 0"},
    {"rank",
     {Axis::token, Axis::none},
     When::start,
     Carriers::all,
     AtRestart::needed,
     Stored::int32,
     "1",
     "rank of the token by projected value (Z^T q) at the start",
     "from 0, the largest; on ties the lower token is first"},
    {"metric",
     {Axis::output, Axis::output_b},
     When::start,
     Carriers::all,
     AtRestart::needed,
     Stored::float64,
     "1",
     "K = W W^T: how strongly the projected values follow the residual",
     ""},
    {"response",
     {Axis::output, Axis::none},
     When::start,
     Carriers::all,
     AtRestart::needed,
     Stored::float64,
     "1",
     "",
     ""},
    {"loss_floor",
     {Axis::none, Axis::none},
     When::start,
     Carriers::all,
     AtRestart::needed,
     Stored::float64,
     "1",
     "loss that no output removes",
     "from the part of y outside the column space of the design"},
    {"target",
     {Axis::dim, Axis::none},
     When::start,
     Carriers::single_output,
     AtRestart::optional,
     Stored::float64,
     "1",
     "direction of the objective: z = target . beta",
     ""},
};
static_assert(sizeof(state_columns) / sizeof(state_columns[0]) == state_column::count);

struct ReplicaColumn {
    const char* name;
    Axis axis;
    When when;
    Carriers carriers;
    double preset;     ///< what a replica has to which nothing happens
    double of_failed;  ///< what replicas.nc has for one that failed
    Stored stored;
    const char *unit, *long_name, *comment;
};

/// Indices of replica_columns.
namespace replica_column {
enum Index : int {
    status,
    steps,
    rejected_steps,
    initial_leader,
    winner,
    first_passage,
    stopped_before,
    start_traits,
    margin,
    margin_clock,
    increment,
    count,
};
}  // namespace replica_column

namespace column_presets {
inline constexpr double never = __builtin_bit_cast(double, 0x7ff8000000000000ULL);
inline constexpr double unlimited = __builtin_bit_cast(double, 0x7ff0000000000000ULL);
}  // namespace column_presets

inline constexpr ReplicaColumn replica_columns[] = {
    {"status", Axis::none, When::end, Carriers::all, 0.0, 0.0, Stored::int8, "1",
     "how the replica ended", "ok, converged and stopped_early make up n_ok; the others failed"},
    {"steps", Axis::none, When::end, Carriers::all, 0.0, -1.0, Stored::int64, "1", "", ""},
    {"rejected_steps", Axis::none, When::end, Carriers::flow, 0.0, -1.0, Stored::int64, "1",
     "steps tried and given up, their error being too large", ""},
    {"initial_leader", Axis::none, When::start, Carriers::all, 0.0, -1.0, Stored::int32, "1",
     "token of largest projected value (Z^T q) at the start, the first on ties",
     "tokens count from 0"},
    {"winner", Axis::none, When::end, Carriers::all, 0.0, -1.0, Stored::int32, "1",
     "token of largest weight at the end",
     "tokens count from 0; means nothing where the replica failed"},
    {"first_passage", Axis::threshold, When::end, Carriers::all, column_presets::never,
     column_presets::never, Stored::float64, "1", "",
     "NaN where it never does; a run that goes on from a states.nc sees none before its first "
     "checkpoint"},
    // First checkpoint that carries the last state of a replica which had converged or stopped
    // before it; the number of checkpoints if there is none.
    {"stopped_before", Axis::none, When::end, Carriers::all, 0.0, 0.0, Stored::not_at_all, "1", "",
     ""},
    // Bits of Needs that the start has.
    {"start_traits", Axis::none, When::start, Carriers::monitored, 0.0, 0.0, Stored::not_at_all,
     "1", "", ""},
    // Of every claim the smallest margin over the accepted steps, the clock or iteration where it
    // was, and the accumulated change of the quantity that had it.
    {"margin", Axis::claim, When::end, Carriers::monitored, column_presets::unlimited, 0.0,
     Stored::not_at_all, "1", "", ""},
    {"margin_clock", Axis::claim, When::end, Carriers::monitored, column_presets::never, 0.0,
     Stored::not_at_all, "1", "", ""},
    {"increment", Axis::claim, When::end, Carriers::monitored, 0.0, 0.0, Stored::not_at_all, "1",
     "", ""},
};
static_assert(sizeof(replica_columns) / sizeof(replica_columns[0]) == replica_column::count);

}  // namespace softmaxflow::model
