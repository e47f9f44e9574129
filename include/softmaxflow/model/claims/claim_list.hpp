#pragma once
/// The only list of claims that are monitored along trajectories; src/claims/ has those about
/// rates, fits and trends.

#include "softmaxflow/model/claims/all_logit_gaps_grow.hpp"
#include "softmaxflow/model/claims/effective_flow.hpp"
#include "softmaxflow/model/claims/entropy_decreases.hpp"
#include "softmaxflow/model/claims/entropy_decreases_vector.hpp"
#include "softmaxflow/model/claims/equal_losers_invariant.hpp"
#include "softmaxflow/model/claims/leader_gap_grows.hpp"
#include "softmaxflow/model/claims/leader_probability_grows.hpp"
#include "softmaxflow/model/claims/logit_sum_conserved.hpp"
#include "softmaxflow/model/claims/loss_decreases.hpp"
#include "softmaxflow/model/claims/majorization.hpp"
#include "softmaxflow/model/claims/order_preserved.hpp"
#include "softmaxflow/model/claims/order_preserved_descent.hpp"
#include "softmaxflow/model/claims/two_token_invariant.hpp"
#include "softmaxflow/model/claims/value_gaps_grow.hpp"
#include "softmaxflow/model/numerics/type_list.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// In the order of docs/claims.md and of every table of results.
using MonitoredClaims =
    List<LogitSumConserved, LossDecreases, EffectiveFlow, OrderPreserved, ValueGapsGrow,
         LeaderGapGrows, AllLogitGapsGrow, Majorization, LeaderProbabilityGrows, EntropyDecreases,
         EntropyDecreasesVector, OrderPreservedDescent, TwoTokenInvariant, EqualLosersInvariant>;
static_assert(all_keep<CheckClaim>(MonitoredClaims{}));

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
