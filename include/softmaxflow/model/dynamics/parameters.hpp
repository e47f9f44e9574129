#pragma once
/// Plain data passed from a backend to the mathematics: no functions, so one definition serves the
/// objects of every instruction set and the device. Arrays are row-major with the shapes given;
/// a null pointer means "absent".

#include "softmaxflow/plain/status.hpp"

namespace softmaxflow::model {

enum class Target : int { random_unit, random_normal, basis };
enum class Response : int { normal, unit };
enum class Stiff : int { automatic, on, off };
enum class ValueLaw : int { normal, rank_one, zero, identity, student, log_uniform, equal_losers };

/// Alterations of the dynamics, to test what tests them: no config key sets one.
enum class Mutant : int {
    none,
    reversed,   ///< the logits move the other way
    doubled,    ///< ... twice as fast
    uncentred,  ///< ... without the term <s, w>
    swapped,    ///< tokens 0 and 1 move each other's logits
};

/// What a trajectory must be for a claim to be about it. Of the first group the config decides, of
/// the second every replica on its own: these bits are stored as Record::traits.
enum Needs : unsigned {
    softmax_map = 1U << 0,
    smooth_map = 1U << 1,  ///< softmax, sigmoid, l2, relu, or sum
    gradient_flow = 1U << 2,
    gradient_descent = 1U << 3,
    flow_or_closed_descent = 1U << 4,  ///< flow, gradient_descent or momentum
    no_decay = 1U << 5,
    moving_logits = 1U << 6,  ///< logit_rate > 0
    single_output = 1U << 7,
    several_outputs = 1U << 8,
    two_tokens = 1U << 9,
    three_tokens = 1U << 10,   ///< or more
    unbounded_arc = 1U << 11,  ///< logistic or exponential loss

    equal_logits = 1U << 16,
    no_ties = 1U << 17,            ///< among projected values at the start
    positive_residual = 1U << 18,  ///< q > 0, one output
    equal_losers = 1U << 19,       ///< all tokens but one start with the same u and a
};
inline constexpr unsigned decided_by_replica = 0xffff0000U;

/// Everything that defines the replicas of one cell.
struct Parameters {
    int tokens = 0;   // n
    int outputs = 0;  // m
    int dim = 0;      // d

    Target target = Target::random_unit;
    Response response = Response::normal;
    bool identity_design = false;
    bool shared_objective = false;
    int samples = 0;  // N
    double condition_number = 1.0;
    double solution_norm = 0.0;
    double loss_constant = 0.0;  // square: B; regression: c
    double sharpness = 0.0;

    ValueLaw value_law = ValueLaw::normal;
    double value_scale = 0.0;
    double value_dof = 1.0;      // student
    double value_decades = 0.0;  // log_uniform
    double tie_gap = 0.0;        // > 0: distance of the second largest projected value
    double logit_mean = 0.0;
    double logit_scale = 0.0;

    double learning_rate = 0.0;  // eta
    double logit_rate = 1.0;     // rho
    double momentum = 0.0;       // mu
    double adam_beta1 = 0.0;
    double adam_beta2 = 0.0;
    double adam_epsilon = 0.0;
    double value_decay = 0.0;  // lambda_v
    double logit_decay = 0.0;  // lambda_a

    // Flow.
    bool flow = false;
    bool arc_clock = false;
    int order = 5;
    Stiff stiff = Stiff::automatic;
    double rtol = 0.0, atol = 0.0;
    double max_steps = 0.0;
    double stop_at_probability = 0.0;  // > 0: a replica stops once max s reaches it
    int group = 64;                    // most replicas that a kernel is given at a time

    unsigned long long random_key = 0;

    // From files.
    const double* start_values = nullptr;       // (replica, dim, token): V(0)
    const double* start_logits = nullptr;       // (replica, token): a(0)
    const double* start_target = nullptr;       // (replica, dim)
    const double* design_projection = nullptr;  // (output, dim): W in the basis where K is diagonal
    const double* design_metric = nullptr;      // (output): K
    const double* design_response = nullptr;    // (output): y in that basis
    double design_floor = 0.0;                  // c |y outside the column space|^2
    const double* class_distribution = nullptr;  // (output): p

    // States to go on from, as RestartData in problem.hpp; all but the memories together.
    const double* restart_logits = nullptr;                       // (replica, token)
    const double* restart_values = nullptr;                       // (replica, output, token)
    const double* restart_metric = nullptr;                       // (replica, output, output)
    const double* restart_response = nullptr;                     // (replica, output)
    const double* restart_floor = nullptr;                        // (replica)
    const double* restart_arc = nullptr;                          // (replica)
    const double* restart_leader = nullptr;                       // (replica)
    const double* restart_ranks = nullptr;                        // (replica, token)
    const double* restart_memory_logits[2] = {nullptr, nullptr};  // (replica, token)
    const double* restart_memory_values[2] = {nullptr, nullptr};  // (replica, output, token)
    const double* restart_clock = nullptr;                        // (replica); flow, as the others
    const double* restart_log_time = nullptr;                     // (replica)
    const double* restart_step_size = nullptr;                    // (replica)
    const double* restart_controller = nullptr;                   // (replica, 2)

    bool ranked = false;  // record curves per token

    // Claims: what model/claims/monitor.hpp looks at.
    unsigned long long monitored = 0;  // bit i: claim i of claims/claim_list.hpp
    bool sorted = false;               // tokens are numbered by w(0), the largest first
    Mutant mutant = Mutant::none;

    const double* checkpoints = nullptr;  // iterations, or values of the clock, increasing
    int checkpoint_count = 0;
    const double* thresholds = nullptr;  // increasing
    int threshold_count = 0;
};

/// Where the results of a block of replicas go. `first` is its first replica; the index `replica`
/// below counts from there, with the given stride between rows.
struct Record {
    long long first = 0;
    long long stride = 0;

    double* curves = nullptr;  // (checkpoint, curve, replica): observables, then the ranked ones
    int curve_count = 0;
    double* passage = nullptr;         // (threshold, replica): preset to NaN
    double* leader = nullptr;          // (replica): token, or -1
    double* winner = nullptr;          // (replica): token, or -1
    double* status = nullptr;          // (replica): Status of plain/status.hpp
    double* steps = nullptr;           // (replica): steps taken
    double* rejected = nullptr;        // (replica): attempts given up
    double* stopped_before = nullptr;  // (replica): as in BlockResult
    long long* issued = nullptr;       // flow: steps that lanes could have taken

    // Claims: presets are infinity for margins, NaN for clocks and 0 for increments.
    double* traits = nullptr;        // (replica): bits of Needs that the start has
    double* margin = nullptr;        // (claim, replica): smallest over the accepted steps
    double* margin_clock = nullptr;  // (claim, replica): where
    double* increment = nullptr;     // (claim, replica): accumulated, of the worst quantity

    // Full states of replicas below state_count (counted from `first`).
    long long state_count = 0;
    double* logits = nullptr;                       // (replica, checkpoint, token)
    double* probability = nullptr;                  // (replica, checkpoint, token)
    double* values = nullptr;                       // (replica, checkpoint, output, token): Z
    double* memory_logits[2] = {nullptr, nullptr};  // as logits; what the method remembers
    double* memory_values[2] = {nullptr, nullptr};  // as values
    double* metric = nullptr;                       // (replica, output, output): K
    double* response = nullptr;                     // (replica, output): y, p, labels, or B
    double* ranks = nullptr;                        // (replica, token)
    double* clock = nullptr;                        // (replica, checkpoint): flow
    double* step_size = nullptr;                    // (replica, checkpoint): flow
    double* controller = nullptr;                   // (replica, checkpoint, 2): flow
    double* floor = nullptr;                        // (replica): loss that no output removes

    // Called at checkpoints with the replica-steps done since the last call (flow: with the
    // replicas that have ended, or 0); false asks to stop.
    bool (*tick)(void* context, long long replica_steps) = nullptr;
    void* context = nullptr;
};

}  // namespace softmaxflow::model
