#include "model/numerics/pack_functions.hpp"

#include "softmaxflow/model/numerics/math.hpp"
#include "softmaxflow/model/numerics/pack.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {
namespace {

template <class Real>
void evaluate(const double* x, const double* p, FunctionValues* results) {
    Real a, b;
    for (int i = 0; i < width_of<Real>; ++i) {
        set_lane(a, i, x[i]);
        set_lane(b, i, p[i]);
    }
    const Real values[] = {exp(a),
                           exp_clamped(a),
                           clamp(a, Real(708.0)),
                           log(a),
                           sigmoid(a),
                           softplus(a),
                           sixteenth_power(to_bits(a)),
                           larger_magnitude(a, Real(500.0)),
                           normal_quantile(b)};
    for (int i = 0; i < width_of<Real>; ++i)
        results[i] = {lane(values[0], i), lane(values[1], i), lane(values[2], i),
                      lane(values[3], i), lane(values[4], i), lane(values[5], i),
                      lane(values[6], i), lane(values[7], i), lane(values[8], i)};
}

/// Widths 2, 4, 8 and 2 x 8 or 3 x 4 in turn, so that every one meets every part of the data.
void evaluate_all(const double* x, const double* p, int count, FunctionValues* results) {
    for (int i = 0; i < count; i += 48) {
        const auto at = [&](auto real, int first) {
            evaluate<decltype(real)>(x + i + first, p + i + first, results + i + first);
        };
        at(Pack<8, 2>{}, 0);
        at(Pack<4, 3>{}, 16);
        at(Pack<8, 1>{}, 28);
        at(Pack<4, 1>{}, 36);
        at(Pack<2, 2>{}, 40);
        at(Pack<2, 1>{}, 44);
        at(Pack<1, 2>{}, 46);
    }
}

template <class Real>
void evaluate(const float* x, FloatFunctionValues* results) {
    Real a;
    for (int i = 0; i < width_of<Real>; ++i) set_lane(a, i, x[i]);
    const Real values[] = {exp(a),      exp_clamped(a), clamp(a, Real(87.0F)), log(a), sigmoid(a),
                           softplus(a), sqrt(a)};
    for (int i = 0; i < width_of<Real>; ++i)
        results[i] = {lane(values[0], i), lane(values[1], i), lane(values[2], i),
                      lane(values[3], i), lane(values[4], i), lane(values[5], i),
                      lane(values[6], i)};
}

/// Widths 16, 8, 4 and 2 x 8, 2 x 2 in turn.
void evaluate_all(const float* x, int count, FloatFunctionValues* results) {
    for (int i = 0; i < count; i += 48) {
        const auto at = [&](auto real, int first) {
            evaluate<decltype(real)>(x + i + first, results + i + first);
        };
        at(Pack<16, 1, float>{}, 0);
        at(Pack<8, 2, float>{}, 16);
        at(Pack<8, 1, float>{}, 32);
        at(Pack<4, 1, float>{}, 40);
        at(Pack<2, 2, float>{}, 44);
    }
}

}  // namespace
}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET

#define SOFTMAXFLOW_JOIN(a, b) a##b
#define SOFTMAXFLOW_NAMED(target, what) SOFTMAXFLOW_JOIN(target, what)

void SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _pack_functions)(const double* x, const double* p,
                                                            int count, FunctionValues* results) {
    softmaxflow::model::evaluate_all(x, p, count, results);
}
void SOFTMAXFLOW_NAMED(SOFTMAXFLOW_TARGET, _float_pack_functions)(const float* x, int count,
                                                                  FloatFunctionValues* results) {
    softmaxflow::model::evaluate_all(x, count, results);
}
