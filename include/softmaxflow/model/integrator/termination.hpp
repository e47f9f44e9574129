#pragma once
/// When a replica of a flow ends before its last checkpoint.

#include "softmaxflow/model/integrator/step_control.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

template <class SystemType>
struct Termination {
    using System = SystemType;
    using Real = typename System::Real;

    const Parameters& p;
    const VectorField<System>& field;

    /// Below this, |q| is what the tolerance leaves of it, where |z| = size.
    SOFTMAXFLOW_HD Real convergence_bound(Real size) const {
        return Real(10.0) * fma(Real(p.rtol), size, Real(p.atol));
    }

    /// Status after an attempt that was rejected.
    SOFTMAXFLOW_HD Real after_failure(const StepState<Real>& c) const {
        const Real shortest = max(abs(c.clock) * Real(FormatOf<Real>::shortest_step),
                                  Real(FormatOf<Real>::least_step));
        return select(c.step <= shortest, number(Status::step_underflow), limit(c));
    }

    /// Status of accepted states.
    SOFTMAXFLOW_COLD Real at_state(const StepState<Real>& c) const {
        Real status = limit(c);
        if (p.stop_at_probability > 0.0)
            status =
                select(c.top >= Real(p.stop_at_probability), number(Status::stopped_early), status);
        if (field.system.finite_arc() && !field.decays()) {
            const Real speed = p.arc_clock ? exp_call(-c.log_inverse_speed.log) : c.speed;
            status =
                select(speed <= convergence_bound(c.output), number(Status::converged), status);
        }
        if (field.system.signed_weights())
            status = select(abs(c.scale) >= Real(1.0 / map_regulariser),
                            number(Status::map_singular), status);
        return status;
    }

private:
    SOFTMAXFLOW_HD static Real number(Status status) { return Real(double(status)); }
    SOFTMAXFLOW_HD Real limit(const StepState<Real>& c) const {
        return select(c.steps + c.rejected >= Real(p.max_steps), number(Status::step_limit),
                      number(Status::ok));
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
