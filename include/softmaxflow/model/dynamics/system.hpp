#pragma once
/// What is integrated: the contract that everything above dynamics/ is written over. ValueSoftmax
/// (value_softmax.hpp) is one system; a system offers
///
///   Real, Team                        how many replicas an object holds, and who shares them
///   Slots, Outputs                    sizes known to the compiler, else 0
///   State, Evaluation                 what moves; what is known of a state once it is evaluated
///   Selection, of(map, loss)          what its types leave open until run time
///   slots(), output_count()
///   evaluate(x, e), evaluate_weights(x, e)    all that steps of descent need; the weights alone
///   residual_norm(e)                  |q|, the speed of the arc clock
///   largest_share(e), leading_token(e)        what first passages and frames are about;
///                                     largest_share_inlined(e) for the loop of steps
///   finite_arc(), signed_weights()    how its trajectories may end
///   for_each_pair, load, store, clear_empty_slots    states kept by other teams or in other
///   formats
///
/// and a SystemFamily: the same system with everything chosen at run time, as recorders,
/// initialisers and the implicit method take it, so that there is one of each however many kernels
/// are specialised.

#include "softmaxflow/model/numerics/type_list.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Specialised where the lists of the catalogue are known.
template <class System>
struct SystemFamily;

/// The system of everything chosen at run time, in another number format and for another team.
template <class System, class Real = typename System::Real, class Team = typename System::Team>
using GeneralOf = typename SystemFamily<System>::template General<Real, Team>;

template <class S>
concept HasSystemTypes = requires {
    typename S::Real;
    typename S::Team;
    typename S::State;
    typename S::Evaluation;
    typename S::Selection;
    S::Slots + S::Outputs;
};
template <class S>
concept HasSystemSizes = requires(const S& system) {
    { system.slots() } -> Same<int>;
    { system.output_count() } -> Same<int>;
};
template <class S>
concept HasEvaluation = requires(const S& system, const typename S::State& x,
                                 typename S::Evaluation& e) {
    system.evaluate(x, e);
    system.evaluate_weights(x, e);
    { system.residual_norm(e) } -> Same<typename S::Real>;
};
template <class S>
concept HasShares = requires(const S& system, typename S::Evaluation& e) {
    { system.largest_share(e) } -> Same<typename S::Real>;
    { system.largest_share_inlined(e) } -> Same<typename S::Real>;
    { system.leading_token(e) } -> Same<typename S::Real>;
};
template <class S>
concept HasEnds = requires(const S& system) {
    { system.finite_arc() } -> Same<bool>;
    { system.signed_weights() } -> Same<bool>;
};
template <class S>
concept IntegrableSystem =
    HasSystemTypes<S> && HasSystemSizes<S> && HasEvaluation<S> && HasShares<S> && HasEnds<S>;

template <class S>
struct CheckSystem {
    static_assert(
        HasSystemTypes<S>,
        "a system needs the types Real, Team, State, Evaluation and Selection and the ints "
        "Slots and Outputs: see system.hpp");
    static_assert(HasSystemSizes<S>, "a system needs slots() and output_count(): see system.hpp");
    static_assert(HasEvaluation<S>,
                  "a system needs evaluate(x, e), evaluate_weights(x, e) and residual_norm(e): see "
                  "system.hpp");
    static_assert(HasShares<S>,
                  "a system needs largest_share(e) and leading_token(e): see system.hpp");
    static_assert(HasEnds<S>, "a system needs finite_arc() and signed_weights(): see system.hpp");
    static constexpr bool kept = IntegrableSystem<S>;
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
