#pragma once
/// Where the entries of V(0) and of the target come from: files, or the counter-based generator.
///
/// Entry V_ij is draw i mod 2 of counter (i / 2) n + j: a pair of rows of one token, so that every
/// lane draws its own tokens and nobody else's.

#include "softmaxflow/model/loss.hpp"
#include "softmaxflow/model/parameters.hpp"
#include "softmaxflow/model/rng.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The entries of V(0) and of the target of replicas [replica, replica + width), from the files or
/// from the generator.
template <class Real>
struct Source {
    const Parameters& p;
    Draws<Real> draws;
    Bits last;  // lanes past this replica repeat it; their results are not recorded

    SOFTMAXFLOW_HD Source(const Parameters& parameters, Bits replica, Bits last_replica)
        : p(parameters), draws{parameters.random_key, replica}, last(last_replica) {}

    /// Row (replica) of a file's array, one value per replica of the Real.
    SOFTMAXFLOW_COLD Real from_file(const double* array, Int row_length, Int offset) const {
        Real x;
        for (int i = 0; i < width_of<Real>; ++i) {
            const Bits replica = draws.replica + Bits(i) < last ? draws.replica + Bits(i) : last;
            set_lane(x, i, array[Int(replica) * row_length + offset]);
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
        if (p.value_law == ValueLaw::zero) return {Real(0.0), Real(0.0)};
        const Pair<Real> g =
            draws.normals(Purpose::values, Word(i / 2) * Word(p.tokens) + Word(token));
        return {Real(p.value_scale) * g.first, Real(p.value_scale) * g.second};
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
