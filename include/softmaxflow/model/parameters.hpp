#pragma once
/// Plain data passed from a backend to the mathematics: no functions, so one definition serves the
/// objects of every instruction set and the device. Arrays are row-major with the shapes given;
/// a null pointer means "absent".

namespace softmaxflow::model {

enum class Target : int { random_unit, random_normal, basis };
enum class Response : int { normal, unit };
enum class ValueLaw : int { normal, zero };

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
    double logit_mean = 0.0;
    double logit_scale = 0.0;

    double learning_rate = 0.0;  // eta
    double logit_rate = 1.0;     // rho
    double momentum = 0.0;       // mu

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

    const long long* checkpoints = nullptr;  // iterations, increasing, from 0
    int checkpoint_count = 0;
    const double* thresholds = nullptr;  // increasing
    int threshold_count = 0;
};

/// Where the results of a block of replicas go. `first` is its first replica; the index `replica`
/// below counts from there, with the given stride between rows.
struct Record {
    long long first = 0;
    long long stride = 0;

    double* observables = nullptr;  // (checkpoint, observable, replica)
    double* passage = nullptr;      // (threshold, replica): preset to NaN
    double* leader = nullptr;       // (replica): token, or -1
    double* winner = nullptr;       // (replica): token, or -1
    double* failed = nullptr;       // (replica): 1 where the state became non-finite

    // Full states of replicas below state_count (counted from `first`).
    long long state_count = 0;
    double* logits = nullptr;           // (replica, checkpoint, token)
    double* probability = nullptr;      // (replica, checkpoint, token)
    double* values = nullptr;           // (replica, checkpoint, output, token): Z
    double* velocity_logits = nullptr;  // as logits; methods with a velocity
    double* velocity_values = nullptr;  // as values
    double* metric = nullptr;           // (replica, output): K
    double* response = nullptr;         // (replica, output): y, p, or B
    double* floor = nullptr;            // (replica): loss that no output removes

    // Called at checkpoints with the replica-steps done since the last call; false asks to stop.
    bool (*tick)(void* context, long long replica_steps) = nullptr;
    void* context = nullptr;
};

}  // namespace softmaxflow::model
