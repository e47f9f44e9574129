#pragma once
/// Steps of any order by extrapolation: the modified midpoint rule with 2, 4, 6, ... substeps has
/// an error in even powers of the substep, which Aitken and Neville's scheme removes one after the
/// other (Gragg 1965, Bulirsch and Stoer 1966; Hairer, Norsett and Wanner 1993, II.9). Its
/// coefficients are whole numbers, exact in every format: for replays in high precision, where a
/// tableau of doubles would not do and order 8 would take millions of steps.

#include "softmaxflow/model/integrator/explicit_rk.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

template <class SystemType, int Columns>
class Extrapolated {
public:
    using System = SystemType;
    using Real = typename System::Real;
    using State = typename System::State;
    using Evaluation = typename System::Evaluation;
    static constexpr int error_order = 2 * Columns - 1;

    SOFTMAXFLOW_HD Extrapolated(Arena& arena, int slots, int m)
        : evaluation_(arena, slots, m),
          slope_(arena, slots, m),
          before_(arena, slots, m),
          middle_(arena, slots, m) {
        for (int k = 0; k < Columns; ++k) row_[k] = State(arena, slots, m);
    }

    /// The last column: the new state, after attempt().
    SOFTMAXFLOW_HD const State& next() const { return row_[Columns - 1]; }

    /// Tries a step of length h from x, whose derivative is given; returns its estimated error
    /// relative to the tolerance.
    SOFTMAXFLOW_COLD Real attempt(const VectorField<System>& field,
                                  const Tolerance<Real>& tolerance, const State& x,
                                  const State& derivative, const Frame<Real>& frame, Real h) {
        for (int j = 0; j < Columns; ++j) {
            midpoint(field, x, derivative, frame, h, 2 * (j + 1));
            extrapolate(field.system, j);
        }
        return root_mean(field.system, evaluation_, [&](auto at) {
            const Real change = at(row_[Columns - 1]) - at(row_[Columns - 2]);
            const Real ratio = change / tolerance(at(x), at(row_[Columns - 1]));
            return ratio * ratio;
        });
    }

private:
    /// middle_ = x(clock + h) by n substeps.
    SOFTMAXFLOW_COLD void midpoint(const VectorField<System>& field, const State& x,
                                   const State& derivative, const Frame<Real>& frame, Real h,
                                   int n) {
        const Real substep = h / Real(double(n)), two = substep + substep;
        for_each_entry(field.system, [&](auto at) {
            at(before_) = at(x);
            at(middle_) = fma(substep, at(derivative), at(x));
        });
        for (int i = 1; i < n; ++i) {
            Real speed(0.0);
            field(middle_, evaluation_, frame, slope_, speed);
            for_each_entry(field.system, [&](auto at) {
                const Real after = fma(two, at(slope_), at(before_));
                at(before_) = at(middle_);
                at(middle_) = after;
            });
        }
    }

    /// Row j of the scheme, T_jk = T_j,k-1 + (T_j,k-1 - T_j-1,k-1) / ((n_j / n_j-k)^2 - 1), takes
    /// the place of row j - 1.
    SOFTMAXFLOW_COLD void extrapolate(const System& system, int j) {
        for_each_entry(system, [&](auto at) {
            Real current = at(middle_);
            for (int k = 1; k <= j; ++k) {
                const double n = j + 1, less = j + 1 - k;
                const Real factor = Real(less * less) / Real(n * n - less * less);
                const Real above = at(row_[k - 1]);
                at(row_[k - 1]) = current;
                current = fma(current - above, factor, current);
            }
            at(row_[j]) = current;
        });
    }

    Evaluation evaluation_;
    State slope_, before_, middle_;
    State row_[Columns];
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
