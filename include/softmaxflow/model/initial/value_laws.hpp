#pragma once
/// Where the entries of V(0) and of the target come from: files, or the counter-based generator.
///
/// Entry V_ij is draw i mod 2 of counter (i / 2) n + j: a pair of rows of one token, so that every
/// lane draws its own tokens and nobody else's.

#include "softmaxflow/model/dynamics/loss.hpp"
#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/model/numerics/philox.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The entries of V(0) and of the target of replicas [replica, replica + width), from the files or
/// from the generator.
template <class Real>
struct Source {
    const Parameters& p;
    Draws<Real> draws;
    Bits last;  // lanes past this replica repeat it; their results are not recorded
    Real direction_scale{0.0};

    SOFTMAXFLOW_HD Source(const Parameters& parameters, Bits replica, Bits last_replica)
        : p(parameters), draws{parameters.random_key, replica}, last(last_replica) {}

    /// Row (replica) of a file's array, one value per replica of the Real.
    SOFTMAXFLOW_COLD Real from_file(const double* array, Int row_length, Int offset) const {
        Real x;
        for (int i = 0; i < width_of<Real>; ++i) {
            const Bits replica = draws.replica + Bits(i) < last ? draws.replica + Bits(i) : last;
            set_lane(x, i, ScalarOf<Real>(array[Int(replica) * row_length + offset]));
        }
        return x;
    }

    /// V_ij and V_(i+1)j.
    SOFTMAXFLOW_COLD Pair<Real> value_pair(int i, int token) const {
        if (p.start_values != nullptr) {
            const Int n = p.tokens, size = Int(p.dim) * n;
            const int next = i + 1 < p.dim ? i + 1 : i;
            return {from_file(p.start_values, size, i * n + token),
                    from_file(p.start_values, size, next * n + token)};
        }
        const Word index = Word(i / 2) * Word(p.tokens) + Word(token);
        const Real scale(p.value_scale);
        switch (p.value_law) {
            case ValueLaw::zero:
                return {Real(0.0), Real(0.0)};
            case ValueLaw::rank_one:
            case ValueLaw::equal_losers: {
                const Pair<Real> e = direction_pair(i);
                const Real factor = direction_scale * token_factor(token);
                return {e.first * factor, e.second * factor};
            }
            case ValueLaw::identity:
                return {Real(i == token ? p.value_scale : 0.0),
                        Real(i + 1 == token ? p.value_scale : 0.0)};
            case ValueLaw::student: {
                const Pair<Real> u = draws.uniforms(Purpose::values, index);
                return {scale * student(u.first, 2 * index),
                        scale * student(u.second, 2 * index + 1)};
            }
            case ValueLaw::log_uniform: {
                const Pair<Real> u = draws.uniforms(Purpose::values, index);
                return {scale * log_uniform(u.first), scale * log_uniform(u.second)};
            }
            case ValueLaw::normal:
                break;
        }
        const Pair<Real> g = draws.normals(Purpose::values, index);
        return {scale * g.first, scale * g.second};
    }

    /// w_j of V = e w^T: the laws whose columns share one direction e.
    SOFTMAXFLOW_COLD Real token_factor(int token) const {
        if (p.value_law == ValueLaw::rank_one)
            return Real(p.value_scale) * draws.normals(Purpose::values, Word(token)).first;
        const Pair<Real> g = draws.normals(Purpose::values, 0);
        return Real(p.value_scale) * (token == 0 ? max(g.first, g.second) : min(g.first, g.second));
    }
    SOFTMAXFLOW_HD bool has_common_direction() const {
        return p.start_values == nullptr &&
               (p.value_law == ValueLaw::rank_one || p.value_law == ValueLaw::equal_losers);
    }
    /// Entries i and i + 1 of a normal vector; times direction_scale it is e, uniform on the
    /// sphere. (Losses with one output take e = target / |target| instead.)
    SOFTMAXFLOW_COLD Pair<Real> direction_pair(int i) const {
        return draws.normals(Purpose::direction, Word(i / 2));
    }
    SOFTMAXFLOW_COLD void draw_direction_scale() {
        if (!has_common_direction()) return;
        Real square(0.0);
        for (int i = 0; i < p.dim; i += 2) {
            const Pair<Real> e = direction_pair(i);
            square = fma(e.first, e.first, square);
            if (i + 1 < p.dim) square = fma(e.second, e.second, square);
        }
        direction_scale = Real(1.0) / sqrt(square);
    }

    /// Student's t with dof degrees of freedom from a uniform u and an angle (Bailey 1994):
    /// sqrt(dof (u^(-2/dof) - 1)) cos(angle). The cosine is that of a pair of normals.
    SOFTMAXFLOW_COLD Real student(Real u, Word index) const {
        const Real dof(p.value_dof);
        const Real exponent = Real(-2.0) * log(u) / dof;
        const Pair<Real> g = draws.normals(Purpose::angles, index);
        const Real cosine = g.first / sqrt(fma(g.first, g.first, g.second * g.second));
        return sqrt(dof * (exp_call(exponent) - Real(1.0))) * cosine;
    }

    /// Random sign times 10^(-decades v): u below 1/2 gives minus and v = 2u, else v = 2u - 1.
    SOFTMAXFLOW_COLD Real log_uniform(Real u) const {
        const auto low = u < Real(0.5);
        const Real v = u + u - select(low, Real(0.0), Real(1.0));
        const Real size = exp_call(v * Real(-2.302585092994046 * p.value_decades));
        return select(low, -size, size);
    }

    SOFTMAXFLOW_HD Purpose objective_purpose() const {
        return p.shared_objective ? Purpose::shared_objective : Purpose::objective;
    }

    /// Entries i and i + 1 of the target, before normalisation.
    SOFTMAXFLOW_COLD Pair<Real> target_pair(int i) const {
        if (p.start_target != nullptr) {
            const int next = i + 1 < p.dim ? i + 1 : i;
            return {from_file(p.start_target, p.dim, i), from_file(p.start_target, p.dim, next)};
        }
        if (p.target == Target::basis) return {Real(i == 0 ? 1.0 : 0.0), Real(0.0)};
        return draws.normals(objective_purpose(), Word(i / 2));
    }

    /// A random_unit target, and that of a unit_direction loss, has length 1.
    SOFTMAXFLOW_HD bool normalises(ObjectiveKind kind) const {
        return kind == ObjectiveKind::unit_direction ||
               (p.start_target == nullptr && p.target == Target::random_unit);
    }
};

/// W^T of replica `replica`: target[dim], as draw_direction below uses it.
inline void draw_target(const Parameters& p, ObjectiveKind kind, Bits replica, double* target) {
    const Source<double> source(p, replica, replica);
    double square = 0.0;
    for (int i = 0; i < p.dim; ++i) {
        const Pair<double> t = source.target_pair(i - i % 2);
        target[i] = i % 2 == 0 ? t.first : t.second;
        square = fma(target[i], target[i], square);
    }
    if (!source.normalises(kind)) return;
    for (int i = 0; i < p.dim; ++i) target[i] = target[i] / sqrt(square);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
