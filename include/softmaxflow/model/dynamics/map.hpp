#pragma once
/// Attention maps. All but one are ratios s_i = f(a_i) / (sum_j f(a_j) + e), so that
///
///     (J(a)^T g)_i = f'(a_i) (g_i - <s, g>) / (sum_j f(a_j) + e);
///
/// sigmoid is s_i = f(a_i) without the division, and its J^T g lacks <s, g>.
///
/// A map offers
///   weights(tokens, a, f, scratch)    fills f[slot] = f(a_i); returns the two scales below
///   slope(a_i, f_i)                   f'(a_i)
///   second_derivative(a_i, f_i)       f''(a_i)
///   normalised                        whether s is divided by its sum
///   sums_to_one                       whether the weights add up to 1 but for rounding
///   signed_weights                    whether a numerator may be negative, and the sum vanish
/// for observables, log_share(a_i, p_i): log p_i up to a constant common to all tokens; and for the
/// host (traits.hpp)
///   exponential                       whether f = exp: what most claims are about
///   fast_numerics                     whether its numerators can be carried along
///                                     (carried_exponentials.hpp)
///   start_logits                      which logits have weights at the start
///   why_no_flow                       why its flow is not offered; null where it is

#include "softmaxflow/model/numerics/arena.hpp"
#include "softmaxflow/model/numerics/team.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// What turns numerators into weights s_i = weight f_i and shares p_i = s_i / sum s = share f_i.
template <class Real>
struct Scales {
    Real weight, share;
};

template <class M>
concept HasMapTraits = requires {
    { M::name } -> Same<const char* const&>;
    { M::normalised } -> Same<const bool&>;
    { M::sums_to_one } -> Same<const bool&>;
    { M::signed_weights } -> Same<const bool&>;
};
template <class M, class Numbers = Storage<double, 0>>
concept HasWeights = requires(const Tokens<Solo, 0>& tokens, const Numbers& logits, Numbers& f) {
    { M::weights(tokens, logits, f, f) } -> Same<Scales<double>>;
};
template <class M>
concept HasSlopes = requires(double logit, double numerator) {
    { M::slope(logit, numerator) } -> Same<double>;
    { M::second_derivative(logit, numerator) } -> Same<double>;
};
template <class M>
concept HasLogShare = requires(double logit, double share) {
    { M::log_share(logit, share) } -> Same<double>;
};
template <class M>
concept Map = HasMapTraits<M> && HasWeights<M> && HasSlopes<M> && HasLogShare<M>;

template <class M>
struct CheckMap {
    static_assert(HasMapTraits<M>,
                  "a map needs a name and the bools normalised, sums_to_one and signed_weights: "
                  "see map.hpp");
    static_assert(HasWeights<M>,
                  "a map needs weights(tokens, logits, numerators, scratch): see map.hpp");
    static_assert(HasSlopes<M>,
                  "a map needs slope(logit, numerator) and second_derivative(logit, numerator): "
                  "see map.hpp");
    static_assert(HasLogShare<M>, "a map needs log_share(logit, share): see map.hpp");
    static constexpr bool kept = Map<M>;
};
/// Where a map has weights: for all logits, where one of them is not 0, or where one is positive.
enum class StartLogits { any, nonzero, positive };

/// f = exp, e = 0.
struct Softmax {
    static constexpr const char* name = "softmax";
    static constexpr bool normalised = true, sums_to_one = true, signed_weights = false;
    static constexpr bool exponential = true, fast_numerics = true;
    static constexpr StartLogits start_logits = StartLogits::any;
    static constexpr const char* why_no_flow = nullptr;

    /// Whether a sum of exponentials lost nothing that counts.
    template <class Real>
    SOFTMAXFLOW_HD static auto usable(Real total) {
        return between(total, Real(FormatOf<Real>::least_sum), Real(FormatOf<Real>::most_sum));
    }

    /// No running maximum: exp(a_i) is summed as it stands, and only a replica with an |a_i| of 708
    /// or more (f32: 87), or whose sum leaves [2^-500, 2^1000) ([2^-60, 2^64)), is summed again
    /// relative to its largest logit. The test depends on a alone, so the bits depend on nothing
    /// else. A NaN makes the sum one, and so does whatever LargestMagnitude may not see.
    template <class Team, int N, class Logits, class Numerators>
    SOFTMAXFLOW_HD static auto weights(const Tokens<Team, N>& tokens, const Logits& a,
                                       Numerators& f, Numerators& scratch) {
        using Real = typename Numerators::Element;
        LargestMagnitude<Real> reach;
        SOFTMAXFLOW_UNROLL_FIXED((N + Team::size - 1) / Team::size)
        for (int k = 0; k < tokens.slots(); ++k) {
            f[k] = exp_in_range(a[k]);
            reach.add(a[k]);
        }
        const auto reached = reach.below(Real(FormatOf<Real>::exp_range));
        // Out of range is then the sum, for all lanes of a team.
        if constexpr (!exp_saturates<Real> && Team::size > 1)
            f[0] = select(reached, f[0], Real(infinity()));
        Real total = sum(tokens, scratch, [&](int k) SOFTMAXFLOW_INLINE { return f[k]; });
        auto in_range = usable(total);
        if constexpr (!exp_saturates<Real> && Team::size == 1) in_range = in_range & reached;
        if (any(!in_range)) {
            // On copies: handing out their addresses would keep the arrays out of registers.
            const Logits logits = a;
            Numerators numerators = f, workspace = scratch;
            total = relative_weights(tokens, logits, numerators, workspace, in_range, total);
            f = numerators;
        }
        SOFTMAXFLOW_UNROLL_FIXED((N + Team::size - 1) / Team::size)
        for (int k = 0; k < tokens.slots(); ++k)
            if (!tokens.valid(k)) f[k] = Real(0.0);
        const Real scale = reciprocal(total);
        return Scales<Real>{scale, scale};
    }

    template <class Real>
    SOFTMAXFLOW_HD static Real slope(Real, Real f) {
        return f;
    }
    template <class Real>
    SOFTMAXFLOW_HD static Real second_derivative(Real, Real f) {
        return f;
    }
    template <class Real>
    SOFTMAXFLOW_HD static Real log_share(Real a, Real) {
        return a;
    }

private:
    template <class Team, int N, class Logits, class Numerators, class Mask, class Real>
    SOFTMAXFLOW_COLD static Real relative_weights(const Tokens<Team, N>& tokens, const Logits& a,
                                                  Numerators& f, Numerators& scratch, Mask in_range,
                                                  Real total) {
        const Real top = largest(tokens, scratch, [&](int k) SOFTMAXFLOW_INLINE { return a[k]; });
        SOFTMAXFLOW_UNROLL_FIXED((N + Team::size - 1) / Team::size)
        for (int k = 0; k < tokens.slots(); ++k)
            f[k] = select(in_range, f[k], exp_call(a[k] - top));
        return select(in_range, total,
                      sum(tokens, scratch, [&](int k) SOFTMAXFLOW_INLINE { return f[k]; }));
    }
};

/// Keeps the denominator away from zero where all numerators vanish.
inline constexpr double map_regulariser = 1e-10;

template <class Map>
struct Ratio {
    static constexpr bool normalised = true, sums_to_one = false, signed_weights = false;
    static constexpr bool exponential = false, fast_numerics = false;
    static constexpr StartLogits start_logits = StartLogits::nonzero;
    static constexpr const char* why_no_flow = nullptr;

    template <class Team, int N, class Logits, class Numerators>
    SOFTMAXFLOW_HD static auto weights(const Tokens<Team, N>& tokens, const Logits& a,
                                       Numerators& f, Numerators& scratch) {
        using Real = typename Numerators::Element;
        SOFTMAXFLOW_UNROLL_FIXED((N + Team::size - 1) / Team::size)
        for (int k = 0; k < tokens.slots(); ++k)
            f[k] = tokens.valid(k) ? Map::numerator(a[k]) : Real(0.0);
        const Real total = sum(tokens, scratch, [&](int k) SOFTMAXFLOW_INLINE { return f[k]; });
        const Real weight =
            Map::normalised ? Real(1.0) / (total + Real(map_regulariser)) : Real(1.0);
        return Scales<Real>{weight, Real(1.0) / total};
    }
    /// Maps that are linear on either side of 0 have no curvature where they have any slope.
    template <class Real>
    SOFTMAXFLOW_HD static Real second_derivative(Real, Real) {
        return Real(0.0);
    }
    /// NaN where a share is negative.
    template <class Real>
    SOFTMAXFLOW_HD static Real log_share(Real, Real p) {
        return log(p);
    }
};

struct Sigmoid : Ratio<Sigmoid> {
    static constexpr const char* name = "sigmoid";
    static constexpr bool normalised = false;
    static constexpr StartLogits start_logits = StartLogits::any;
    template <class Real>
    SOFTMAXFLOW_HD static Real numerator(Real a) {
        return sigmoid(a);
    }
    template <class Real>
    SOFTMAXFLOW_HD static Real slope(Real, Real f) {
        return f * (Real(1.0) - f);
    }
    template <class Real>
    SOFTMAXFLOW_HD static Real second_derivative(Real a, Real f) {
        return slope(a, f) * (Real(1.0) - f - f);
    }
};

struct Sum : Ratio<Sum> {
    static constexpr const char* name = "sum";
    static constexpr bool signed_weights = true;
    template <class Real>
    SOFTMAXFLOW_HD static Real numerator(Real a) {
        return a;
    }
    template <class Real>
    SOFTMAXFLOW_HD static Real slope(Real, Real) {
        return Real(1.0);
    }
};

struct L1 : Ratio<L1> {
    static constexpr const char* name = "l1";
    static constexpr const char* why_no_flow =
        "its field slides along a_i = 0, where an adaptive integrator chatters";
    template <class Real>
    SOFTMAXFLOW_HD static Real numerator(Real a) {
        return abs(a);
    }
    /// The sign of a, 0 at 0.
    template <class Real>
    SOFTMAXFLOW_HD static Real slope(Real a, Real) {
        return select(a > Real(0.0), Real(1.0), select(a < Real(0.0), Real(-1.0), Real(0.0)));
    }
};

struct L2 : Ratio<L2> {
    static constexpr const char* name = "l2";
    template <class Real>
    SOFTMAXFLOW_HD static Real numerator(Real a) {
        return a * a;
    }
    template <class Real>
    SOFTMAXFLOW_HD static Real slope(Real a, Real) {
        return a + a;
    }
    template <class Real>
    SOFTMAXFLOW_HD static Real second_derivative(Real, Real) {
        return Real(2.0);
    }
};

struct Relu : Ratio<Relu> {
    static constexpr const char* name = "relu";
    static constexpr StartLogits start_logits = StartLogits::positive;
    template <class Real>
    SOFTMAXFLOW_HD static Real numerator(Real a) {
        return select(a < Real(0.0), Real(0.0), a);
    }
    template <class Real>
    SOFTMAXFLOW_HD static Real slope(Real a, Real) {
        return select(a > Real(0.0), Real(1.0), Real(0.0));
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
