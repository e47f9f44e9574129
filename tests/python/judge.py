"""When two computations of a trajectory agree.

How far apart may they be? Both round differently, and the dynamics carries rounding errors on, so
reference.py runs twice, in double and in extended precision. A number agrees if
    |program - extended| <= 1e-10 |extended| + 30 |double - extended|:
1e-10 relative, unless NumPy in double precision itself is far from having so many digits. That
happens to what goes to zero near the minimum of a loss: the residual is a difference of two
numbers that agree in ever more digits, and gradients and gaps of Z^T q are multiples of it. Hence
the second term may not exceed 1e-10 of the largest value on the trajectory, or the comparison
fails: nothing is excused in bulk.

|double - extended| is the worst of all starts, each relative to its own largest value (for
observables that of all starts: a margin is a difference of weights, whatever its size). The
factor covers that a few starts are a small sample of rounding errors and that the program sums
over other terms (Z, not V). Tokens of one array share one scale, its largest entry. What is made of
the residual counts as uncertain by one rounding of its largest value at least: at a minimum NumPy
may happen to find it zero from every start.

Some trajectories lose their digits on the way: adam and sign_descent make steps that do not shrink
with the gradient, so once a gradient is all rounding, or a sign, double and extended precision part
by the learning rate; logits that l1, l2 or relu send to zero have gradients of that kind too. As
far as the rule can hold, the two precisions say themselves: meaningful() in compare.py gives that
checkpoint.

Numbers that are not finite must be so in all three, of the same kind.
"""

import numpy as np

RELATIVE, FACTOR = 1e-10, 30.0
OF_RESIDUAL = ("loss", "leader_value_gap", "residual_norm", "value_gradient_norm",
               "logit_gradient_norm", "ranked_value", "velocity_", "moment")


class Judge:
    """Compares; remembers the largest relative difference, and what needed the second term."""

    def __init__(self, label):
        self.label, self.worst, self.vanishing = label, 0.0, set()

    def close(self, name, found, exact, rough, scale_axes=(), size=None, largest=None,
              statistic=""):
        """Arrays (replica, checkpoint, ...); scale_axes share one scale. size: what the 1e-10 is
        relative to, if not the number itself. largest: what rounding errors are compared with; by
        default the largest value on the trajectory of each start."""
        where = f"{self.label} {name} {statistic}"
        found, exact, rough = (np.asarray(x, np.longdouble) for x in (found, exact, rough))
        assert found.shape == exact.shape, f"{where}: {found.shape}, expected {exact.shape}"
        found, exact, rough = finite_part(where, found, exact, rough)
        size, spread = np.abs(exact) if size is None else size, np.abs(rough - exact)
        if scale_axes:
            size, spread = (x.max(axis=scale_axes, keepdims=True) for x in (size, spread))
        if largest is None:
            largest = size.max(axis=1, keepdims=True)
        spread = at_least_a_rounding(name, spread, largest)
        lost = FACTOR * (spread / np.where(largest > 0, largest, 1)).max(axis=0, keepdims=True)
        assert (lost <= RELATIVE).all(), f"{where}: the reference itself has no digits left"
        bound = lost * largest
        error, allowed = np.abs(found - exact), RELATIVE * size + bound
        if (error > allowed).any():
            at = np.unravel_index((error - allowed).argmax(), error.shape)
            allowed = np.broadcast_to(allowed, error.shape)[at]
            raise AssertionError(f"{where} at {at} (replica, checkpoint, ...): program "
                                 f"{found[at]}, reference {exact[at]}, differ by {error[at]:.3g}, "
                                 f"allowed {allowed:.3g}")
        relative = error / np.where(size > 0, size, 1)
        self.worst = max(self.worst, relative[relative <= RELATIVE].max(initial=0))
        if (relative > RELATIVE).any():
            self.vanishing.add(name)

    def summary(self):
        bound = f"; beside its bound: {', '.join(sorted(self.vanishing))}" if self.vanishing else ""
        return f"{self.label} within {float(self.worst):.0e}{bound}".strip()


def at_least_a_rounding(name, spread, largest):
    return np.maximum(spread, largest * 2.0**-53) if name.startswith(OF_RESIDUAL) else spread


def finite_part(where, found, exact, rough):
    """With zeros for what is not finite, the same in all three."""
    undefined = ~np.isfinite(exact)
    for x in (found, rough):
        assert (np.isfinite(x) == ~undefined).all(), f"{where}: finite at other places"
        assert np.array_equal(x[undefined], exact[undefined], equal_nan=True), where
    return (np.where(undefined, 0, x) for x in (found, exact, rough))


def error_of(name, values, rough, largest):
    """Twice what Judge allows, so that a value surely lies on this side of an edge."""
    spread = at_least_a_rounding(name, np.abs(rough - values).max(axis=0), largest)
    return 2 * RELATIVE * np.abs(values) + 2 * FACTOR * spread


def has_digits(exact, rough, scale_axes=(), common_scale=False):
    """At which checkpoints Judge would compare exact and rough (replica, checkpoint, ...); False
    also where they are not finite together."""
    defined = np.isfinite(exact)
    same = (defined == np.isfinite(rough)).all(axis=(0, *range(2, exact.ndim)))
    with np.errstate(invalid="ignore"):  # of infinities
        size, spread = (np.where(defined, np.abs(x), 0) for x in (exact, rough - exact))
    if scale_axes:
        size, spread = (x.max(axis=scale_axes, keepdims=True) for x in (size, spread))
    largest = np.maximum.accumulate(size, axis=1)
    if common_scale:
        largest = largest.max(axis=0, keepdims=True)
    lost = 2 * FACTOR * spread / np.where(largest > 0, largest, 1)
    return same & (lost <= RELATIVE).all(axis=(0, *range(2, exact.ndim)))
