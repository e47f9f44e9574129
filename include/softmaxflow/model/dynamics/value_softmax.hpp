#pragma once
/// The whole idea. Gradient flow of L(V, a) = l(V map(a)), with l(beta) = g(W beta), closes in
/// Z = W V (m x n) and the logits a (n):
///
///     s = map(a)                 attention weights
///     z = Z s                    projected output
///     q = -grad g(z)             output residual
///     w = Z^T q                  projected values: what a token's value is worth to the loss
///     dZ/dt = K q s^T            K = W W^T (m x m)
///     da/dt = rho J(a)^T w       J = Jacobian of the map
///
/// The value dimension d has gone: a replica is (m + 1) n numbers whatever d is. The part of V that
/// is orthogonal to the rows of W never moves. The same closure holds step by step for descent,
/// with or without decay.

#include "softmaxflow/model/dynamics/loss.hpp"
#include "softmaxflow/model/dynamics/system.hpp"
#include "softmaxflow/model/numerics/type_list.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

template <class Loss>
inline constexpr bool may_be_dense = Loss::kind == ObjectiveKind::samples;
template <class Losses>
inline constexpr bool may_be_dense<Any<Losses>> = true;

/// Which map and which loss, where the types leave it open.
template <class Map, class Loss>
struct MapAndLoss {
    Map map;
    Loss loss;

    /// Those of that index in the lists of the catalogue.
    SOFTMAXFLOW_HD static MapAndLoss of(int map_index, int loss_index) {
        return {chosen<Map>(map_index), chosen<Loss>(loss_index)};
    }
};

/// The vector field for one Real of replicas, shared by one Team of lanes. Map and Loss are items
/// of the catalogue, or Any of them; N and M are the numbers of tokens and outputs where the
/// compiler knows them, else 0.
template <class MapType, class LossType, class RealType, class TeamType, int N, int M>
struct ValueSoftmax {
    using Map = MapType;
    using Loss = LossType;
    using Real = RealType;
    using Team = TeamType;
    static constexpr int Outputs = M;
    static constexpr int Slots = N > 0 ? (N + Team::size - 1) / Team::size : 0;

    using Selection = MapAndLoss<Map, Loss>;

    Map map;
    Loss loss;
    Tokens<Team, N> tokens;
    Tokens<Solo, M> outputs;
    Objective<Real, M, may_be_dense<Loss>> objective;

    /// (Z, a), or a velocity of the same shape. A lane holds its own tokens.
    struct State {
        Storage<Real, Slots * M> values;  // Z: (output, slot)
        Storage<Real, Slots> logits;      // a: (slot)
        int slots;

        SOFTMAXFLOW_HD State() : slots(0) {}
        SOFTMAXFLOW_HD State(Arena& arena, int slot_count, int m)
            : values(arena, slot_count * m), logits(arena, slot_count), slots(slot_count) {}
        SOFTMAXFLOW_HD Real& value(int output, int slot) { return values[place(output, slot)]; }
        SOFTMAXFLOW_HD const Real& value(int output, int slot) const {
            return values[place(output, slot)];
        }
        // An index that the compiler knows keeps the array in registers.
        SOFTMAXFLOW_HD int place(int output, int slot) const {
            return output * (Slots > 0 ? Slots : slots) + slot;
        }
    };

    /// Everything the field needs at one state. Weights are kept as numerators and a scale,
    /// s_j = scales.weight * numerators[j], so that no step divides or multiplies them one by one.
    struct Evaluation {
        Storage<Real, Slots> numerators;
        Scales<Real> scales;
        Storage<Real, M> output, residual;  // z, q
        Storage<Real, Slots> token_scratch;
        Storage<Real, M> output_scratch;
        int age = 0;  // steps since numerators were computed afresh: carried_exponentials.hpp

        Evaluation() = default;
        SOFTMAXFLOW_HD Evaluation(Arena& arena, int slots, int m)
            : numerators(arena, slots),
              output(arena, m),
              residual(arena, m),
              token_scratch(arena, slots),
              output_scratch(arena, m) {}

        SOFTMAXFLOW_HD Real weight(int slot) const { return numerators[slot] * scales.weight; }
        SOFTMAXFLOW_HD Real share(int slot) const { return numerators[slot] * scales.share; }
    };

    SOFTMAXFLOW_HD ValueSoftmax(Arena& arena, Team team, int n, int m, Selection selection = {},
                                bool with_singular_vectors = false)
        : map(selection.map),
          loss(selection.loss),
          tokens(team, n),
          outputs(Solo{}, m),
          objective(arena, m, kind() == ObjectiveKind::samples,
                    kind() == ObjectiveKind::samples ||
                        (with_singular_vectors && kind() == ObjectiveKind::design)) {}

    SOFTMAXFLOW_HD int slots() const { return tokens.slots(); }
    SOFTMAXFLOW_HD int output_count() const { return outputs.slots(); }
    SOFTMAXFLOW_HD ObjectiveKind kind() const {
        ObjectiveKind kind{};
        visit(loss, [&](auto item) SOFTMAXFLOW_INLINE { kind = item.kind; });
        return kind;
    }

    /// Whether the flow reaches q = 0 within a finite integral of |q|.
    SOFTMAXFLOW_HD bool finite_arc() const {
        bool finite = false;
        visit(loss, [&](auto item) SOFTMAXFLOW_INLINE { finite = item.finite_arc; });
        return finite;
    }
    /// Whether a denominator of the weights may vanish.
    SOFTMAXFLOW_HD bool signed_weights() const {
        bool may_cancel = false;
        visit(map, [&](auto item) SOFTMAXFLOW_INLINE { may_cancel = item.signed_weights; });
        return may_cancel;
    }

    /// s alone, as numerators and scales.
    SOFTMAXFLOW_HD void evaluate_weights(const State& x, Evaluation& e) const {
        visit(map, [&](auto item) SOFTMAXFLOW_INLINE {
            e.scales = item.weights(tokens, x.logits, e.numerators, e.token_scratch);
        });
    }
    /// Calls f(own number, the same of the other) for every number of a state of this system and of
    /// one whose team is Solo or of the same size.
    template <class Other, class OtherState, class F>
    SOFTMAXFLOW_HD void for_each_pair(State& own, const Other& other, OtherState& kept, F f) const {
        SOFTMAXFLOW_UNROLL_FIXED(Slots)
        for (int j = 0; j < slots(); ++j) {
            if (!tokens.valid(j)) continue;
            const int there = slot_of(tokens, j, other.tokens);
            f(own.logits[j], kept.logits[there]);
            SOFTMAXFLOW_UNROLL_FIXED(Outputs)
            for (int k = 0; k < output_count(); ++k) f(own.value(k, j), kept.value(k, there));
        }
    }
    /// Slots that hold no token take part in some sums.
    SOFTMAXFLOW_HD void clear_empty_slots(State& x) const {
        SOFTMAXFLOW_UNROLL_FIXED(Slots)
        for (int j = 0; j < slots(); ++j) {
            if (tokens.valid(j)) continue;
            x.logits[j] = Real(0.0);
            SOFTMAXFLOW_UNROLL_FIXED(Outputs)
            for (int k = 0; k < output_count(); ++k) x.value(k, j) = Real(0.0);
        }
    }

    /// Loads a state of another number format, kept by a team that is Solo or of the same size.
    template <class Other, class OtherTokens>
    SOFTMAXFLOW_HD void load(State& x, const Other& from, const OtherTokens& other_tokens) const {
        SOFTMAXFLOW_UNROLL_FIXED(Slots)
        for (int j = 0; j < slots(); ++j) {
            const bool valid = tokens.valid(j);
            const int place = slot_of(tokens, j, other_tokens);
            x.logits[j] = valid ? convert<Real>(from.logits[place]) : Real(0.0);
            SOFTMAXFLOW_UNROLL_FIXED(Outputs)
            for (int k = 0; k < output_count(); ++k)
                x.value(k, j) = valid ? convert<Real>(from.value(k, place)) : Real(0.0);
        }
    }
    /// Stores one into such a state.
    template <class Other, class OtherTokens>
    SOFTMAXFLOW_HD void store(Other& to, const State& x, const OtherTokens& other_tokens) const {
        SOFTMAXFLOW_UNROLL_FIXED(Slots)
        for (int j = 0; j < slots(); ++j) {
            if (!tokens.valid(j)) continue;
            const int place = slot_of(tokens, j, other_tokens);
            to.logits[place] = convert<WideOf<Real>>(x.logits[j]);
            SOFTMAXFLOW_UNROLL_FIXED(Outputs)
            for (int k = 0; k < output_count(); ++k)
                to.value(k, place) = convert<WideOf<Real>>(x.value(k, j));
        }
    }

    /// s, z and q at a state.
    SOFTMAXFLOW_HD void evaluate(const State& x, Evaluation& e) const {
        evaluate_weights(x, e);
        evaluate_outputs(x, e);
    }
    /// z and q, given s.
    SOFTMAXFLOW_HD void evaluate_outputs(const State& x, Evaluation& e) const {
        SOFTMAXFLOW_UNROLL_FIXED(M)
        for (int k = 0; k < output_count(); ++k) {
            const Real total = sum(tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE {
                return x.value(k, j) * e.numerators[j];
            });
            e.output[k] = total * e.scales.weight;
        }
        visit(loss, [&](auto item) SOFTMAXFLOW_INLINE {
            item.residual(objective, outputs, e.output, e.residual, e.output_scratch);
        });
    }

    /// The largest share; not by a call, for the loop of steps.
    SOFTMAXFLOW_COLD Real largest_share(Evaluation& e) const { return largest_share_inlined(e); }
    SOFTMAXFLOW_HD Real largest_share_inlined(Evaluation& e) const {
        Real top(0.0);
        visit(map, [&](auto item) SOFTMAXFLOW_INLINE {
            top = item.signed_weights
                      ? largest(tokens, e.token_scratch,
                                [&](int j) SOFTMAXFLOW_INLINE { return e.share(j); })
                      : e.scales.share *
                            largest(tokens, e.token_scratch,
                                    [&](int j) SOFTMAXFLOW_INLINE { return e.numerators[j]; });
        });
        return top;
    }
    /// The token of the largest share, the first on ties.
    SOFTMAXFLOW_COLD Real leading_token(Evaluation& e) const {
        const Real most =
            largest(tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE { return e.share(j); });
        return smallest(tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE {
            return select(e.share(j) == most, Real(tokens.index(j)), Real(tokens.count()));
        });
    }
    /// entry(j) of a token, 0 added, so -0 becomes 0.
    template <class Entry>
    SOFTMAXFLOW_HD Real at_token(Real token, Evaluation& e, Entry entry) const {
        return sum(tokens, e.token_scratch, [&](int j) SOFTMAXFLOW_INLINE {
            return select(token == Real(tokens.index(j)), entry(j), Real(0.0));
        });
    }
    /// How fast the share of a token changes, where its value is `share`; `scratch` is used up.
    SOFTMAXFLOW_COLD Real share_rate(Real token, const State& x, const State& derivative,
                                     const Evaluation& e, Real share, Evaluation& scratch) const {
        Real result(0.0);
        visit(map, [&](auto item) {
            const auto change = [&](int j) {
                return e.scales.share * item.slope(x.logits[j], e.numerators[j]) *
                       derivative.logits[j];
            };
            result = at_token(token, scratch, change) -
                     share * sum(tokens, scratch.token_scratch, change);
        });
        return result;
    }
    /// q at the outputs of an evaluated state, whatever clock it was evaluated for.
    template <class Array>
    SOFTMAXFLOW_COLD void residual_of(Evaluation& e, Array& q) const {
        visit(loss,
              [&](auto item) { item.residual(objective, outputs, e.output, q, e.output_scratch); });
    }

    /// <u, G dz> / |q|, how fast |q| = speed falls where z changes at `rate` and q = speed u; G is
    /// the Hessian of g.
    template <class Array>
    SOFTMAXFLOW_COLD Real residual_decay(Evaluation& e, const Array& unit, const Array& rate,
                                         Real speed) const {
        Real decay(0.0);
        visit(loss, [&](auto item) {
            auto& g = e.output_scratch;
            item.curvature(objective, outputs, e.output, unit, speed, g);
            Real mean(0.0);
            for (int k = 0; item.simplex && k < output_count(); ++k)
                mean = fma(g[k] * speed, rate[k], mean);
            for (int k = 0; k < output_count(); ++k)
                decay = fma(unit[k], g[k] * (rate[k] - mean), decay);
        });
        return decay;
    }

    /// w_j = (Z^T q)_j.
    SOFTMAXFLOW_HD Real projected_value(const State& x, const Evaluation& e, int slot) const {
        Real w = x.value(0, slot) * e.residual[0];
        SOFTMAXFLOW_UNROLL_FIXED(M)
        for (int k = 1; k < output_count(); ++k) w = fma(x.value(k, slot), e.residual[k], w);
        return w;
    }
    /// The same for the slots from `slot` on.
    template <int Count>
    SOFTMAXFLOW_HD void projected_values(const State& x, const Evaluation& e, int slot,
                                         Real (&w)[Count]) const {
        for (int i = 0; i < Count; ++i) w[i] = x.value(0, slot + i) * e.residual[0];
        SOFTMAXFLOW_UNROLL_FIXED(M)
        for (int k = 1; k < output_count(); ++k)
            for (int i = 0; i < Count; ++i) w[i] = fma(x.value(k, slot + i), e.residual[k], w[i]);
    }
    /// <s, w> = <z, q>.
    SOFTMAXFLOW_HD Real mean_projected_value(const Evaluation& e) const {
        Real mean = e.output[0] * e.residual[0];
        SOFTMAXFLOW_UNROLL_FIXED(M)
        for (int k = 1; k < output_count(); ++k) mean = fma(e.output[k], e.residual[k], mean);
        return mean;
    }

    /// (J(a)^T w)_j = logit force * slope_j * centred_j: calls f(j, slope_j, centred_j) for every
    /// slot. With one output q is common to all tokens and belongs to logit force; centred is then
    /// Z - z.
    template <class F>
    SOFTMAXFLOW_HD void for_each_drive(const State& x, const Evaluation& e, F f) const {
        visit(map, [&](auto item) SOFTMAXFLOW_INLINE {
            const bool single = output_count() == 1;
            Real mean(0.0);
            if (item.normalised) mean = single ? e.output[0] : mean_projected_value(e);
            const auto slope = [&](int j) SOFTMAXFLOW_INLINE {
                return item.slope(x.logits[j], e.numerators[j]);
            };
            if (single) {
                for (int j = 0; j < slots(); ++j) f(j, slope(j), x.value(0, j) - mean);
                return;
            }
            in_blocks<Slots>(slots(), [&](int first, auto count) SOFTMAXFLOW_INLINE {
                Real w[count.value];
                projected_values(x, e, first, w);
                for (int i = 0; i < count.value; ++i) f(first + i, slope(first + i), w[i] - mean);
            });
        });
    }
    SOFTMAXFLOW_HD Real logit_force_scale(const Evaluation& e) const {
        return output_count() == 1 ? e.scales.weight * e.residual[0] : e.scales.weight;
    }

    /// (K q)_k; row k of dZ/dt is this times s^T.
    SOFTMAXFLOW_HD Real value_drive(const Evaluation& e, int output) const {
        return objective.metric_times(e.residual, output, output_count());
    }

    /// |q|, the speed of the arc clock.
    SOFTMAXFLOW_HD Real residual_norm(const Evaluation& e) const {
        if (output_count() == 1) return abs(e.residual[0]);
        Real total = e.residual[0] * e.residual[0];
        SOFTMAXFLOW_UNROLL_FIXED(M)
        for (int k = 1; k < output_count(); ++k) total = fma(e.residual[k], e.residual[k], total);
        return sqrt(total);
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
