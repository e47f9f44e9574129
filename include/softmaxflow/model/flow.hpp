#pragma once
/// The whole idea. Gradient flow of L(V, a) = l(V map(a)), with l(beta) = g(W beta), closes in
/// Z = W V (m x n) and the logits a (n):
///
///     s = map(a)                 attention weights
///     z = Z s                    projected output
///     q = -grad g(z)             output residual
///     w = Z^T q                  projected values: what a token's value is worth to the loss
///     dZ/dt = K q s^T            K = W W^T (m x m), diagonal in the basis that draw.hpp chooses
///     da/dt = rho J(a)^T w       J = Jacobian of the map
///
/// The value dimension d has gone: a replica is (m + 1) n numbers whatever d is. The part of V that
/// is orthogonal to the rows of W never moves. The same closure holds step by step for descent.

#include "softmaxflow/model/loss.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The vector field for one Real of replicas, shared by one Team of lanes. N and M are the numbers
/// of tokens and outputs where the compiler knows them, else 0.
template <class MapType, class LossType, class RealType, class TeamType, int N, int M>
struct Flow {
    using Map = MapType;
    using Loss = LossType;
    using Real = RealType;
    using Team = TeamType;
    static constexpr int Slots = N > 0 ? (N + Team::size - 1) / Team::size : 0;

    Tokens<Team, N> tokens;
    Tokens<Solo, M> outputs;
    Objective<Real, M> objective;

    /// (Z, a), or a velocity of the same shape. A lane holds its own tokens.
    struct State {
        Storage<Real, Slots * M> values;  // Z: (output, slot)
        Storage<Real, Slots> logits;      // a: (slot)
        int slots;

        SOFTMAXFLOW_HD State(Arena& arena, int slot_count, int m)
            : values(arena, slot_count * m), logits(arena, slot_count), slots(slot_count) {}
        SOFTMAXFLOW_HD Real& value(int output, int slot) { return values[output * slots + slot]; }
        SOFTMAXFLOW_HD const Real& value(int output, int slot) const {
            return values[output * slots + slot];
        }
    };

    /// Everything the field needs at one state.
    struct Evaluation {
        Storage<Real, Slots> weights;       // s
        Storage<Real, M> output, residual;  // z, q
        Storage<Real, Slots> token_scratch;
        Storage<Real, M> output_scratch;

        SOFTMAXFLOW_HD Evaluation(Arena& arena, int slots, int m)
            : weights(arena, slots),
              output(arena, m),
              residual(arena, m),
              token_scratch(arena, slots),
              output_scratch(arena, m) {}
    };

    SOFTMAXFLOW_HD Flow(Arena& arena, Team team, int n, int m)
        : tokens(team, n), outputs(Solo{}, m), objective(arena, m) {}

    SOFTMAXFLOW_HD int slots() const { return tokens.slots(); }
    SOFTMAXFLOW_HD int output_count() const { return outputs.slots(); }

    /// s, z and q at a state.
    SOFTMAXFLOW_HD void evaluate(const State& x, Evaluation& e) const {
        Map::weights(tokens, x.logits, e.weights, e.token_scratch);
        for (int k = 0; k < output_count(); ++k) {
            for (int j = 0; j < slots(); ++j) e.token_scratch[j] = x.value(k, j) * e.weights[j];
            e.output[k] = sum(tokens, e.token_scratch);
        }
        Loss::residual(objective, outputs, e.output, e.residual, e.output_scratch);
    }

    /// w_j = (Z^T q)_j.
    SOFTMAXFLOW_HD Real projected_value(const State& x, const Evaluation& e, int slot) const {
        Real w = x.value(0, slot) * e.residual[0];
        for (int k = 1; k < output_count(); ++k) w = fma(x.value(k, slot), e.residual[k], w);
        return w;
    }
    /// <s, w> = <z, q>.
    SOFTMAXFLOW_HD Real mean_projected_value(const Evaluation& e) const {
        Real mean = e.output[0] * e.residual[0];
        for (int k = 1; k < output_count(); ++k) mean = fma(e.output[k], e.residual[k], mean);
        return mean;
    }
    /// (J(a)^T w)_j; da/dt without rho. The mean is that of the function above.
    SOFTMAXFLOW_HD Real logit_drive(const State& x, const Evaluation& e, Real mean,
                                    int slot) const {
        return Map::pull_back(e.weights[slot], projected_value(x, e, slot), mean);
    }
    /// (K q)_k; row k of dZ/dt is this times s^T.
    SOFTMAXFLOW_HD Real value_drive(const Evaluation& e, int output) const {
        return objective.metric[output] * e.residual[output];
    }

    /// |q|, the speed of the arc clock.
    SOFTMAXFLOW_HD Real residual_norm(const Evaluation& e) const {
        if constexpr (M == 1) return abs(e.residual[0]);
        Real total = e.residual[0] * e.residual[0];
        for (int k = 1; k < output_count(); ++k) total = fma(e.residual[k], e.residual[k], total);
        return sqrt(total);
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
