#pragma once
/// The catalogue of claims, as the host sees it: those monitored along trajectories
/// (model/claims/claim_list.hpp) and those measured over an ensemble (one file each in this
/// folder).

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/problem.hpp"

namespace softmaxflow::claims {

struct Claim {
    std::string_view id, statement;
    std::string_view about;    ///< its class, in words; "U" is explained by class_u_text
    std::string_view status;   ///< proved, derived, false (a control), refuted, open, doubtful
    std::string_view because;  ///< proof in a line, or citation
    unsigned needs = 0;        ///< flags of model::Needs
    model::Mutant mutant = model::Mutant::none;  ///< dynamics that must refute it
    int monitored = -1;  ///< its place in model::MonitoredClaims; -1: measured
    double (*tolerance)(int n, int m) = nullptr;  ///< monitored: in units of 2^-53

    [[nodiscard]] bool is_control() const { return status == "false"; }
};

inline constexpr std::string_view class_u_text =
    "U: m = 1, softmax, untied, all logits equal at the start, u(0) without ties, gradient flow, "
    "rho > 0, no decay; loss logistic, exponential, or square with z(0) < B (until z = B). Tokens "
    "are numbered by u(0), token 1 being the leader; kappa_t = |target|^2.";

/// All claims, in the order of docs/claims.md.
std::span<const Claim> all_claims();
/// Throws Error(usage) for an unknown id, naming the nearest.
const Claim& find_claim(std::string_view id);

/// Why a claim is not about the runs of a config ("needs model.map = ..., found ..."); "" if it is.
std::string misfit(const Claim& claim, const Config& config, std::int64_t outputs);

}  // namespace softmaxflow::claims
