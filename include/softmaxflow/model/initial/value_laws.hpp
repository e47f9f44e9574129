#pragma once
/// Where the entries of V(0) and of the target come from: files, or the counter-based generator.
///
/// Entry V_ij is draw i mod 2 of counter (i / 2) n + j: a pair of rows of one token, so that every
/// lane draws its own tokens and nobody else's.
///
/// A law of V(0) offers
///   entries(source, i, token)       V_ij and V_(i+1)j
///   token_factor(source, token)     w_j of V = e w^T, if its columns share one direction e
///   common_direction                whether they do
///   rotation_invariant              whether R V has the law of V for orthogonal R
///   square                          whether it needs n = d
///   key, text                       a config key that only it looks at, with a number, and how to
///                                   say so after "values ... of scale ..."; null without one
/// To add one, write its struct and add it to ValueLaws.

#include "softmaxflow/model/dynamics/loss.hpp"
#include "softmaxflow/model/dynamics/parameters.hpp"
#include "softmaxflow/model/numerics/philox.hpp"
#include "softmaxflow/model/numerics/type_list.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

template <class Real>
struct Source;

/// What most laws are.
struct LawDefaults {
    static constexpr bool common_direction = false, rotation_invariant = false, square = false;
    static constexpr const char *key = nullptr, *text = nullptr;
};

struct NormalLaw : LawDefaults {
    static constexpr const char* name = "normal";
    static constexpr bool rotation_invariant = true;

    template <class Real>
    SOFTMAXFLOW_HD static Pair<Real> entries(const Source<Real>& source, int i, int token) {
        const Real scale(source.p.value_scale);
        const Pair<Real> g = source.draws.normals(Purpose::values, source.entry_index(i, token));
        return {scale * g.first, scale * g.second};
    }
};

/// V = e w^T, e uniform on the sphere.
template <class Law>
struct CommonDirection : LawDefaults {
    static constexpr bool common_direction = true, rotation_invariant = true;

    template <class Real>
    SOFTMAXFLOW_HD static Pair<Real> entries(const Source<Real>& source, int i, int token) {
        const Pair<Real> e = source.direction_pair(i);
        const Real factor = source.direction_scale * Law::token_factor(source, token);
        return {e.first * factor, e.second * factor};
    }
};

struct RankOneLaw : CommonDirection<RankOneLaw> {
    static constexpr const char* name = "rank_one";

    template <class Real>
    SOFTMAXFLOW_HD static Real token_factor(const Source<Real>& source, int token) {
        return Real(source.p.value_scale) *
               source.draws.normals(Purpose::values, Word(token)).first;
    }
};

struct ZeroLaw : LawDefaults {
    static constexpr const char* name = "zero";
    static constexpr bool rotation_invariant = true;

    template <class Real>
    SOFTMAXFLOW_HD static Pair<Real> entries(const Source<Real>&, int, int) {
        return {Real(0.0), Real(0.0)};
    }
};

struct IdentityLaw : LawDefaults {
    static constexpr const char* name = "identity";
    static constexpr bool square = true;

    template <class Real>
    SOFTMAXFLOW_HD static Pair<Real> entries(const Source<Real>& source, int i, int token) {
        const double scale = source.p.value_scale;
        return {Real(i == token ? scale : 0.0), Real(i + 1 == token ? scale : 0.0)};
    }
};

struct StudentLaw : LawDefaults {
    static constexpr const char* name = "student";
    static constexpr const char* key = "init.value_dof";
    static constexpr const char* text = " ({} degrees of freedom)";

    template <class Real>
    SOFTMAXFLOW_HD static Pair<Real> entries(const Source<Real>& source, int i, int token) {
        const Word index = source.entry_index(i, token);
        const Real scale(source.p.value_scale);
        const Pair<Real> u = source.draws.uniforms(Purpose::values, index);
        return {scale * entry(source, u.first, 2 * index),
                scale * entry(source, u.second, 2 * index + 1)};
    }

    /// Student's t with dof degrees of freedom from a uniform u and an angle (Bailey 1994):
    /// sqrt(dof (u^(-2/dof) - 1)) cos(angle). The cosine is that of a pair of normals.
    template <class Real>
    SOFTMAXFLOW_COLD static Real entry(const Source<Real>& source, Real u, Word index) {
        const Real dof(source.p.value_dof);
        const Real exponent = Real(-2.0) * log(u) / dof;
        const Pair<Real> g = source.draws.normals(Purpose::angles, index);
        const Real cosine = g.first / sqrt(fma(g.first, g.first, g.second * g.second));
        return sqrt(dof * (exp_call(exponent) - Real(1.0))) * cosine;
    }
};

struct LogUniformLaw : LawDefaults {
    static constexpr const char* name = "log_uniform";
    static constexpr const char* key = "init.value_decades";
    static constexpr const char* text = " and {} decades below";

    template <class Real>
    SOFTMAXFLOW_HD static Pair<Real> entries(const Source<Real>& source, int i, int token) {
        const Real scale(source.p.value_scale);
        const Pair<Real> u = source.draws.uniforms(Purpose::values, source.entry_index(i, token));
        return {scale * entry(source, u.first), scale * entry(source, u.second)};
    }

    /// Random sign times 10^(-decades v): u below 1/2 gives minus and v = 2u, else v = 2u - 1.
    template <class Real>
    SOFTMAXFLOW_COLD static Real entry(const Source<Real>& source, Real u) {
        const auto low = u < Real(0.5);
        const Real v = u + u - select(low, Real(0.0), Real(1.0));
        const Real size = exp_call(v * Real(-2.302585092994046 * source.p.value_decades));
        return select(low, -size, size);
    }
};

/// Token 0 has the larger of two normals, all others the smaller.
struct EqualLosersLaw : CommonDirection<EqualLosersLaw> {
    static constexpr const char* name = "equal_losers";

    template <class Real>
    SOFTMAXFLOW_HD static Real token_factor(const Source<Real>& source, int token) {
        const Pair<Real> g = source.draws.normals(Purpose::values, 0);
        return Real(source.p.value_scale) *
               (token == 0 ? max(g.first, g.second) : min(g.first, g.second));
    }
};

/// The only list of laws; Parameters::value_law is an index into it.
using ValueLaws =
    List<NormalLaw, RankOneLaw, ZeroLaw, IdentityLaw, StudentLaw, LogUniformLaw, EqualLosersLaw>;

/// What the host must know of a law.
struct ValueLawTraits {
    const char* name;
    bool square;
    const char *key, *text;

    template <class Law>
    static constexpr ValueLawTraits of() {
        return {Law::name, Law::square, Law::key, Law::text};
    }
};
inline constexpr const auto& value_law_table = ValueLaws::rows<ValueLawTraits>;

SOFTMAXFLOW_HD bool is_rotation_invariant(int law) {
    bool result = false;
    with_item(ValueLaws{}, law, [&](auto item) { result = item.rotation_invariant; });
    return result;
}

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
        Pair<Real> pair;
        with_item(ValueLaws{}, p.value_law, [&](auto law) { pair = law.entries(*this, i, token); });
        return pair;
    }
    /// The counter of entry V_ij.
    SOFTMAXFLOW_HD Word entry_index(int i, int token) const {
        return Word(i / 2) * Word(p.tokens) + Word(token);
    }

    /// w_j of V = e w^T: the laws whose columns share one direction e.
    SOFTMAXFLOW_COLD Real token_factor(int token) const {
        Real factor(0.0);
        with_item(ValueLaws{}, p.value_law, [&](auto law) {
            if constexpr (decltype(law)::common_direction) factor = law.token_factor(*this, token);
        });
        return factor;
    }
    SOFTMAXFLOW_HD bool has_common_direction() const {
        bool common = false;
        with_item(ValueLaws{}, p.value_law, [&](auto law) { common = law.common_direction; });
        return p.start_values == nullptr && common;
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
