#pragma once
/// What a claim about every trajectory is made of, for the replicas of one Real.
///
/// A claim is a struct in a file of its own, listed in claims/claim_list.hpp. It has
///   name, statement, about, status, because      its texts: about = the class in words
///   needs                             what a replica must be to be in its class: flags of Needs
///   mutant                            an alteration of the dynamics that must refute it
///   tolerance(n, m)                   what rounding may do to the margin, in units of `unit`
///   margin(snapshot)                  the Worst over its quantities at one state
///
/// Margins are normalised: a closed-form derivative divided by the sum of the absolute values of
/// its terms, so they lie in [-1, 1] and a negative one is a violation. A claim of equality has the
/// margin -|left - right| / (|terms|), which is 0 at best.

#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/model/numerics/math.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The unit roundoff that tolerances are multiples of: 2^-53 for a double.
inline constexpr double unit_roundoff = 0x1p-53;

/// Class U: one output, softmax, equal logits and values without ties at the start, gradient flow,
/// rho > 0, no decay, q > 0 at the start. Token 0 is then the leader, and i < j means that u_i(0)
/// is the larger.
inline constexpr unsigned class_u = softmax_map | gradient_flow | no_decay | moving_logits |
                                    single_output | equal_logits | no_ties | positive_residual;

/// The smallest margin among several quantities, and the derivative that has it.
template <class Real>
struct Worst {
    Real margin{infinity()}, change{0.0};

    /// A derivative and the sum of the absolute values of its terms; 0 / 0 is 0.
    SOFTMAXFLOW_HD void add(Real derivative, Real terms) {
        const Real ratio = select(terms > Real(0.0), derivative / terms, Real(0.0));
        const auto worse = ratio < margin;
        margin = select(worse, ratio, margin);
        change = select(worse, derivative, change);
    }
    /// Two sides that ought to be equal, and the sum of the absolute values of their terms.
    SOFTMAXFLOW_HD void add_equality(Real left, Real right, Real terms) {
        add(-abs(left - right), terms);
    }
};

template <class C>
concept HasClaimTexts = requires {
    { C::name } -> Same<const char* const&>;
    { C::statement } -> Same<const char* const&>;
    { C::about } -> Same<const char* const&>;
    { C::status } -> Same<const char* const&>;
    { C::because } -> Same<const char* const&>;
};
template <class C>
concept HasClass = requires {
    { C::needs } -> Same<const unsigned&>;
    { C::mutant } -> Same<const Mutant&>;
};
template <class C>
concept HasTolerance = requires(int n, int m) {
    { C::tolerance(n, m) } -> Same<double>;
};
template <class C, class Snapshot>
concept HasMargin = requires(Snapshot& snapshot) {
    { C::margin(snapshot) } -> Same<Worst<typename Snapshot::Real>>;
};
/// A claim that looks at snapshots of that type. The margins are those of the monitor's snapshots
/// (monitor.hpp); all else is checked where claims are listed.
template <class C, class Snapshot>
concept Claim = HasClaimTexts<C> && HasClass<C> && HasTolerance<C> && HasMargin<C, Snapshot>;

template <class C>
struct CheckClaim {
    static_assert(HasClaimTexts<C>,
                  "a claim needs the texts name, statement, about, status and because: see "
                  "claim.hpp");
    static_assert(HasClass<C>, "a claim needs the flags needs and a mutant: see claim.hpp");
    static_assert(HasTolerance<C>, "a claim needs tolerance(n, m): see claim.hpp");
    static constexpr bool kept = HasClaimTexts<C> && HasClass<C> && HasTolerance<C>;
};
template <class C, class Snapshot>
struct CheckMargin {
    static_assert(HasMargin<C, Snapshot>,
                  "a claim needs margin(snapshot), the Worst of its quantities: see claim.hpp");
    static constexpr bool kept = Claim<C, Snapshot>;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
