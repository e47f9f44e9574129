#pragma once
/// Counter-based draws: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011). A draw is a function of
/// (key, replica, purpose, index) and of nothing else, so it does not depend on thread, lane, batch
/// or the number of replicas.
///
/// Counter words: index, purpose, replica (low, high). Key words: the run's 64-bit random key.

#include "softmaxflow/model/numerics/math.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

using Word = unsigned int;

/// What a draw is for; draws of different purposes never share a counter.
enum class Purpose : Word {
    values,
    logits,
    objective,
    shared_objective,
    direction,  // e of V = e w^T
    angles,     // of student values
    design,     // entries of a random X, or of the normal matrix behind its singular vectors
    shared_design,
};

struct Counter {
    Word word[4];
};

SOFTMAXFLOW_HD Counter philox(Counter counter, Word key0, Word key1) {
    for (int round = 0; round < 10; ++round) {
        const Bits product0 = Bits(0xD2511F53U) * counter.word[0];
        const Bits product1 = Bits(0xCD9E8D57U) * counter.word[2];
        counter = {{Word(product1 >> 32) ^ counter.word[1] ^ key0, Word(product1),
                    Word(product0 >> 32) ^ counter.word[3] ^ key1, Word(product0)}};
        key0 += 0x9E3779B9U;
        key1 += 0xBB67AE85U;
    }
    return counter;
}

/// Uniform on the 2^52 midpoints (k + 1/2) / 2^52: never 0 or 1, symmetric about 1/2, exact.
SOFTMAXFLOW_HD double uniform(Word high, Word low) {
    const Bits bits = (Bits(high) << 32) | low;
    return from_bits(0x3ff0000000000000ULL | (bits >> 12)) - (1.0 - 0x1p-53);
}

template <class Real>
struct Pair {
    Real first, second;
};

/// The source of all draws of the replicas in one Real: replica, replica + 1, ...
template <class Real>
struct Draws {
    Bits key;
    Bits replica;

    /// Two independent uniforms; one counter makes two numbers of 52 bits.
    SOFTMAXFLOW_COLD Pair<Real> uniforms(Purpose purpose, Word index) const {
        Pair<Real> pair;
        for (int i = 0; i < width_of<Real>; ++i) {
            const bool shared =
                purpose == Purpose::shared_objective || purpose == Purpose::shared_design;
            const Bits id = shared ? 0 : replica + Bits(i);
            const Counter r = philox({{index, Word(purpose), Word(id), Word(id >> 32)}}, Word(key),
                                     Word(key >> 32));
            set_lane(pair.first, i, ScalarOf<Real>(uniform(r.word[0], r.word[1])));
            set_lane(pair.second, i, ScalarOf<Real>(uniform(r.word[2], r.word[3])));
        }
        return pair;
    }

    SOFTMAXFLOW_COLD Pair<Real> normals(Purpose purpose, Word index) const {
        const Pair<Real> u = uniforms(purpose, index);
        return {normal_quantile(u.first), normal_quantile(u.second)};
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
