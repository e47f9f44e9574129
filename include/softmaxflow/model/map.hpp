#pragma once
/// Attention maps s = map(a): forward, transposed Jacobian, and logarithmic weights.
///
/// A map offers
///   weights(tokens, a, s, scratch)    s = map(a)
///   pull_back(s_i, g_i, mean)         (J(a)^T g)_i, with mean = <s, g>
///   log_weight(a_i)                   log s_i up to a constant common to all tokens

#include "softmaxflow/model/team.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// s_i = exp(a_i) / sum_j exp(a_j);  J = diag(s) - s s^T.
struct Softmax {
    static constexpr const char* name = "softmax";

    /// No running maximum: exp(a_i) is summed as it stands, and only a replica whose sum leaves
    /// [2^-500, 2^1000] is summed again relative to its largest logit. The test depends on a alone,
    /// so the bits depend on nothing else. In range, a term flushed to zero is below 2^-522 of the
    /// sum.
    template <class Team, int N, class Logits, class Weights>
    SOFTMAXFLOW_HD static void weights(const Tokens<Team, N>& tokens, const Logits& a, Weights& s,
                                       Weights& scratch) {
        using Real = typename Weights::Element;
        for (int k = 0; k < tokens.slots(); ++k) scratch[k] = s[k] = exp_flushed(a[k]);
        Real total = sum(tokens, scratch);
        const auto in_range = (total > Real(0x1p-500)) & (total < Real(0x1p1000));
        if (any(!in_range)) {
            for (int k = 0; k < tokens.slots(); ++k) scratch[k] = a[k];
            const Real top = largest(tokens, scratch);
            for (int k = 0; k < tokens.slots(); ++k) {
                s[k] = select(in_range, s[k], exp_call(a[k] - top));
                scratch[k] = s[k];
            }
            total = sum(tokens, scratch);
        }
        const Real scale = Real(1.0) / total;
        for (int k = 0; k < tokens.slots(); ++k) s[k] = tokens.valid(k) ? s[k] * scale : Real(0.0);
    }

    template <class Real>
    SOFTMAXFLOW_HD static Real pull_back(Real s, Real g, Real mean) {
        return s * (g - mean);
    }

    template <class Real>
    SOFTMAXFLOW_HD static Real log_weight(Real a) {
        return a;
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
