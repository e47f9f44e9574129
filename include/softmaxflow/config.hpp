#pragma once
/// The resolved configuration of a run: one plain struct per table of the config file, with the
/// defaults. names.hpp lists the names that a choice accepts; src/config/keys.cpp has every key.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace softmaxflow {

/// The name of the gradient flow among the methods, see method_names in names.hpp.
inline constexpr const char* flow_method = "flow";

struct ModelConfig {
    std::int64_t tokens = 8;  ///< n
    std::int64_t dim = 8;     ///< d
    std::string map = "softmax";
};

struct ObjectiveConfig {
    std::string loss = "logistic";
    std::string target = "random_unit";  ///< logistic, exponential, square: direction of W
    double radius = 1.0;                 ///< square: B
    std::string design = "random";       ///< regression: X
    std::string response = "normal";     ///< regression: law of y
    std::int64_t samples = 20;           ///< regression, classification: N
    double condition_number = 1.0;       ///< regression, random design: kappa
    double solution_norm = 0.0;          ///< regression: > 0 rescales y so that |X^+ y| equals it
    double loss_factor = 0.5;            ///< regression: c in c |y - X beta|^2
    double sharpness = 10.0;             ///< cross_entropy: p = softmax(sharpness * uniform^k)
    bool shared = false;                 ///< one draw of the objective for all replicas
    std::string file;                    ///< netCDF: design, response, distribution
};

struct InitConfig {
    std::string value_law = "normal";
    double value_scale = 0.1;
    double value_dof = 1.0;      ///< student: degrees of freedom
    double value_decades = 6.0;  ///< log_uniform: decades below value_scale
    double tie_gap = 0.0;  ///< > 0: distance of the second largest projected value to the largest
    double logit_mean = 0.0;
    double logit_scale = 0.0;
    std::string file;  ///< netCDF: values, logits, target; or a states.nc to restart from
    std::int64_t checkpoint = -1;  ///< which checkpoint of that states.nc; -1: the last
};

struct DynamicsConfig {
    std::string method = "gradient_descent";
    double learning_rate = 0.1;  ///< eta
    std::int64_t iterations = 100'000;
    double momentum = 0.9;  ///< momentum: mu
    double adam_beta1 = 0.9;
    double adam_beta2 = 0.999;
    double adam_epsilon = 1e-8;
    double logit_rate = 1.0;     ///< rho
    double value_decay = 0.0;    ///< lambda_v in dV/dt = ... - lambda_v V
    double logit_decay = 0.0;    ///< lambda_a in da/dt = ... - lambda_a a
    std::string clock = "time";  ///< flow: time | arc
    double horizon = 1e5;        ///< flow: end of the clock
    std::int64_t order = 5;      ///< flow: 3 | 5 | 8
    std::string stiff = "auto";  ///< flow: auto | on | off
    double rtol = 1e-9;          ///< flow: error per step relative to each entry of (Z, a) ...
    double atol = 1e-12;         ///< ... and absolute
    std::int64_t max_steps = 1'000'000;  ///< flow: attempts of a replica before it fails
    double stop_at_probability = 0.0;    ///< > 0: a replica stops once max_probability reaches it
};

struct EnsembleConfig {
    std::int64_t replicas = 1000;
    bool replicas_given = false;  ///< not a key: replicas was set, so a file of starts must agree
    std::optional<std::uint64_t> seed;   ///< absent: drawn, printed and stored
    bool common_random_numbers = false;  ///< the same draws in every cell
};

struct RecordConfig {
    std::int64_t checkpoint_count = 64;   ///< used when checkpoint_list is empty
    std::vector<double> checkpoint_list;  ///< explicit iterations or clock values
    std::string spacing = "log";          ///< log | linear
    double first = 0.0;  ///< log: first positive checkpoint; 0: 1 (flow: horizon / 1e6)
    std::vector<double> thresholds = {0.5, 0.9, 0.99};
    std::int64_t bins = 256;
    bool ranked = false;  ///< curves per token, tokens ranked by (Z^T q)(0)
    bool replica_table = true;
    std::int64_t states = 0;  ///< full state of the first k replicas at every checkpoint
};

struct ClaimsConfig {
    std::vector<std::string> ids;  ///< for check without IDs; empty: all that fit
    double level = 0.95;           ///< of the intervals, before the correction for several claims
    double horizon = 0.0;          ///< > 0: clock or iterations to test to; 0: the claim's own
};

struct BackendConfig {
    std::string device = "auto";
    std::int64_t threads = 0;       ///< 0: all
    std::string precision = "f64";  ///< of the steps
    std::string numerics = "strict";
};

struct Config {
    ModelConfig model;
    ObjectiveConfig objective;
    InitConfig init;
    DynamicsConfig dynamics;
    EnsembleConfig ensemble;
    RecordConfig record;
    ClaimsConfig claims;
    BackendConfig backend;
};

}  // namespace softmaxflow
