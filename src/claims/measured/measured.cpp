#include "claims/measured/measured.hpp"

#include "softmaxflow/error.hpp"

namespace softmaxflow::claims {

std::span<const Measured* const> all_measured() {
    static const Measured* const list[] = {&values_move_in_row_space,
                                           &one_hot_rate,
                                           &losers_equalise,
                                           &losers_bounded,
                                           &winner_is_initial_leader,
                                           &orbit_universality,
                                           &square_loss_threshold,
                                           &conditioning_polarises,
                                           &conditioning_at_fixed_norm,
                                           &map_against_softmax};
    return list;
}

const Measured& measured_of(const Claim& claim) {
    for (const Measured* measured : all_measured())
        if (measured->claim.id == claim.id) return *measured;
    throw Error(Exit::internal, "no measurement of " + std::string(claim.id));
}

}  // namespace softmaxflow::claims
