"""Compares what the program wrote about a trajectory with reference.py.

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
over other terms (Z, not V). Tokens of one array share one scale, its largest entry.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

import reference as ref

RELATIVE, FACTOR = 1e-10, 30.0
THRESHOLDS = (0.3, 0.5, 0.9)


@dataclass
class Size:
    replicas: int
    iterations: int

    @property
    def checkpoints(self):
        """0, 1 and a few more, to the end."""
        return sorted({0, *(round(self.iterations ** (i / 9)) for i in range(10))})


class Judge:
    """Compares; remembers the largest relative difference, and what needed the second term."""

    def __init__(self, label):
        self.label, self.worst, self.vanishing = label, 0.0, set()

    def close(self, name, found, exact, rough, scale_axes=(), largest=None, statistic=""):
        """Arrays (replica, checkpoint, ...); scale_axes share one scale. largest: what rounding
        errors are compared with; by default the largest value on the trajectory of each start."""
        where = f"{self.label} {name} {statistic}"
        found, exact, rough = (np.asarray(x, np.longdouble) for x in (found, exact, rough))
        assert found.shape == exact.shape, f"{where}: {found.shape}, expected {exact.shape}"
        assert np.isfinite(found).all() and np.isfinite(exact).all(), where
        size, spread = np.abs(exact), np.abs(rough - exact)
        if scale_axes:
            size, spread = (x.max(axis=scale_axes, keepdims=True) for x in (size, spread))
        if largest is None:
            largest = size.max(axis=1, keepdims=True)
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
        self.worst = max(self.worst, relative[relative <= RELATIVE].max())
        if (relative > RELATIVE).any():
            self.vanishing.add(name)

    def summary(self):
        bound = f"; beside its bound: {', '.join(sorted(self.vanishing))}" if self.vanishing else ""
        return f"{self.label} within {float(self.worst):.0e}{bound}".strip()


def simulate_twice(objective, V, a, size, **dynamics):
    """In extended and in double precision."""
    options = {"iterations": size.iterations, "checkpoints": size.checkpoints,
               "thresholds": THRESHOLDS, **dynamics}
    return [ref.simulate(objective, V, a, dtype=dtype, **options)
            for dtype in (np.longdouble, np.float64)]


def record_settings(size):
    inner = [k for k in size.checkpoints if k not in (0, size.iterations)]
    return {"dynamics.iterations": size.iterations, "record.checkpoints": inner,
            "record.thresholds": list(THRESHOLDS), "record.states": size.replicas,
            "ensemble.replicas": size.replicas}


def check_states(judge, states, exact, rough, basis=None):
    """Z, a and s of every replica at every checkpoint."""
    project = (lambda Z: Z) if basis is None else partial(np.matmul, basis)
    judge.close("Z", states["projected_values"], project(exact.Z), project(rough.Z), (-1, -2))
    judge.close("a", states["logits"], exact.a, rough.a, (-1,))
    judge.close("s", states["probability"], exact.s, rough.s)  # every weight to its own digits
    judge.close("arc", states["arc"], exact.observables["arc"], rough.observables["arc"])


def check_statistics(judge, results, exact, rough):
    """Moments, extremes and histograms over the replicas, of every observable and checkpoint."""
    for name, values in exact.observables.items():
        if np.isnan(values[:, 0]).all():  # log_time at the start
            assert (results[f"{name}_undefined"][0] == len(values)).all()
            values, rest = values[:, 1:], slice(1, None)
        else:
            rest = slice(None)
        double = rough.observables[name][:, rest]
        for statistic, of in (("mean", np.mean), ("min", np.min), ("max", np.max)):
            exactly = of(values, axis=0)[None]
            judge.close(name, results[f"{name}_{statistic}"][None, rest], exactly,
                        exactly + np.abs(double - values).max(axis=0),
                        largest=np.abs(values).max(), statistic=statistic)
        check_histogram(name, results, values, np.abs(double - values), rest)


def check_histogram(name, results, values, spread, rest):
    """Counts below each edge, where values may lie on either side of an edge by their error."""
    edges, below = results[f"{name}_edge"][1:-1], results[f"{name}_count"][rest].cumsum(axis=-1)
    error = 2 * RELATIVE * np.abs(values) + 2 * FACTOR * spread.max(axis=0)
    for k in range(values.shape[1]):
        low, high = values[:, k] - error[:, k], values[:, k] + error[:, k]
        surely = (high[:, None] < edges).sum(axis=0)
        perhaps = (low[:, None] <= edges).sum(axis=0)
        assert (surely <= below[k, :-1]).all() and (below[k, :-1] <= perhaps).all(), name
        assert below[k, -1] == len(values), name


def check_table(judge, replicas, exact, rough):
    """replicas.nc: the end of every replica."""
    assert (replicas["status"] == 0).all()
    assert (replicas["steps"] == replicas["steps"][0]).all()
    assert (replicas["initial_leader"] == exact.leader).all()
    assert (replicas["winner"] == exact.s[:, -1].argmax(axis=-1)).all()
    assert np.array_equal(replicas["first_passage"], exact.passage, equal_nan=True)
    for name, values in exact.observables.items():
        all_but_end = values[:, 1:-1]  # for the scale of the trajectory
        judge.close(name, np.column_stack([all_but_end, replicas[name]]), values[:, 1:],
                    rough.observables[name][:, 1:], largest=np.abs(values[:, 1:]).max(),
                    statistic="in replicas.nc")
