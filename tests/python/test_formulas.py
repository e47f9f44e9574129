"""Tests of reference.py by itself, so that it may be trusted as a judge of the program: the vector
field and what it conserves. See also test_methods.py and test_observables.py.

usage: test_formulas.py

Exits 77, which the test driver shows as skipped, where NumPy is missing.
"""

import sys
from itertools import product

from harness import needs, run_all, tests_of

needs("numpy")

import numpy as np
import maps
import reference as ref
from starts import Sizes, random_objective, random_parameters

SIZES = Sizes(tokens=5, dim=4, samples=6, labels=3)


def random_start(loss, seed, dtype=np.float64):
    """An objective, V and logits of both signs: not near the kinks of l1 and relu, nor the pole of
    sum, within 0.1 of each logit."""
    rng = np.random.RandomState(seed)
    objective = random_objective(loss, rng, SIZES)
    V, a = random_parameters(rng, SIZES)
    for row in a:
        row[:] = rng.permutation([2.0, -0.7, 0.4, -0.3, 1.1]) + rng.uniform(-0.1, 0.1, 5)
    return objective.to(dtype), V.astype(dtype), a.astype(dtype)


def loss_at(objective, map_name, V, a):
    beta = np.matmul(V, ref.weights(map_name, a)[..., None])
    return objective.value(np.matmul(objective.W, beta)[..., 0])


def difference(function, x, index, step):
    """Fourth-order central difference along one entry of every replica."""
    total = 0
    for shift, weight in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
        moved = x.copy()
        moved[(slice(None), *index)] += shift * step
        total = total + weight * function(moved)
    return total / (12 * step)


def test_fields_are_minus_the_gradient():
    """dV/dt and da/dt against differences of the loss in extended precision."""
    step = np.longdouble(2) ** -14  # error step^4 / 30 ~ 5e-19, times fifth derivatives
    for map_name, loss in product(ref.MAPS, ref.LOSSES):
        objective, V, a = random_start(loss, 1, np.longdouble)
        f = ref.fields(objective, V, a, map_name)
        for index in np.ndindex(V.shape[1:]):
            slope = difference(lambda x: loss_at(objective, map_name, x, a), V, index, step)
            error = np.abs(slope + f.dV[(slice(None), *index)]).max()
            assert error < 1e-12 * np.abs(f.dV).max(), (map_name, loss, index, error)
        for j in range(SIZES.tokens):
            slope = difference(lambda x: loss_at(objective, map_name, V, x), a, (j,), step)
            error = np.abs(slope + f.da[:, j]).max()
            assert error < 1e-12 * np.abs(f.da).max(), (map_name, loss, j, error)


def test_weights_of_one_to_three():
    a = np.array([[1.0, -2.0, 3.0]])
    by_hand = {"softmax": np.exp([0.0, -3, 2]) / (1 + np.exp(-3) + np.exp(2)),
               "sigmoid": 1 / (1 + np.exp([-1.0, 2, -3])), "sum": np.array([0.5, -1, 1.5]),
               "l1": np.array([1, 2, 3]) / 6, "l2": np.array([1, 4, 9]) / 14,
               "relu": np.array([0.25, 0, 0.75])}
    assert tuple(by_hand) == ref.MAPS
    for map_name, s in by_hand.items():
        assert np.allclose(ref.weights(map_name, a), s, rtol=1e-9, atol=0), map_name


def test_kinks_and_poles():
    """At a_i = 0 l1 and relu have slope 0; e = 1e-10 keeps a denominator of zeros alive."""
    a, g = np.array([[0.0, -1.0, 2.0]]), np.array([[5.0, 1.0, 3.0]])
    for map_name in ("l1", "l2", "relu"):
        pulled = ref.pull_back(map_name, a, g)[0]
        assert pulled[0] == 0 and pulled[2] != 0, map_name
    for map_name in ("l1", "l2", "relu"):
        assert (ref.weights(map_name, np.zeros((1, 3))) == 0).all()
    assert (ref.weights("relu", -np.ones((1, 3))) == 0).all()
    assert ref.weights("l1", np.array([[1e-10, 0.0]]))[0, 0] == 0.5
    sums = np.array([[1.0, -1.0], [1.0, -1.0 - 1e-10], [2e-10, 0], [1.0, -1.0 - 3e-10]])
    assert (ref.singular(sums) == [True, True, False, False]).all()


def test_logarithms_of_weights():
    """Up to a constant they are the logarithms of the weights, but do not underflow."""
    a = np.array([[0.5, -2.0, 3.0]])
    for map_name in ("softmax", "sigmoid", "l1", "l2"):
        logs = maps.log_weights(map_name, a) - np.log(ref.weights(map_name, a))
        assert np.ptp(logs) < 1e-14, map_name
    for map_name in ("softmax", "sigmoid"):
        logs = maps.log_weights(map_name, np.array([[0.0, -5000.0]]))
        assert np.isfinite(logs).all() and abs(logs[0, 0] - logs[0, 1] - 5000) < 1, map_name
    assert np.isnan(maps.log_weights("sum", a)[0, 1])
    assert np.isneginf(maps.log_weights("relu", a)[0, 1])


def test_logit_rate_scales_the_logits_alone():
    objective, V, a = random_start("regression", 2)
    one = ref.fields(objective, V, a, "l2")
    three = ref.fields(objective, V, a, "l2", rho=3.0)
    assert np.allclose(three.da, 3 * one.da, rtol=1e-15)
    assert (three.dV == one.dV).all()


def descend(loss, seed, **options):
    objective, V, a = random_start(loss, seed)
    settings = {"learning_rate": 0.01, "iterations": 400, "checkpoints": range(0, 401, 50)}
    return objective, ref.simulate(objective, V, a, **{**settings, **options})


def test_only_softmax_conserves_the_sum_of_logits():
    """And only where steps are multiples of gradients."""
    cases = product(ref.MAPS, ref.METHODS, ref.LOSSES)
    for map_name, method, loss in cases:
        options = {"map": map_name, "method": method, "iterations": 50, "checkpoints": (0, 50)}
        _, run = descend(loss, 3, learning_rate=0.003, **options)
        drift = np.abs(np.diff(run.a.sum(axis=-1))).max()
        assert np.abs(np.diff(run.a, axis=1)).max() > 1e-3
        conserved = map_name == "softmax" and method not in ref.ENTRYWISE
        assert drift < 1e-13 if conserved else drift > 1e-5, (map_name, method, loss, drift)


def growth_of_logits(loss, map_name, steps):
    """Of |a|^2 up to time 0.03."""
    _, run = descend(loss, 4, map=map_name, learning_rate=0.03 / steps, iterations=steps,
                     checkpoints=(0, steps))
    return np.diff((run.a**2).sum(axis=-1))[:, 0]


def test_logits_move_along_spheres_where_the_map_is_homogeneous():
    """f(c a) = c^k f(a) gives a . J^T g = k <s, g> e / (sum f + e), next to nothing. So |a| is
    conserved by the flow, and by descent but for |eta da|^2."""
    for map_name, loss in product(ref.MAPS, ref.LOSSES):
        objective, V, a = random_start(loss, 4, np.longdouble)
        f = ref.fields(objective, V, a, map_name)
        radial = (a * f.da).sum(axis=-1)
        if map_name in ("softmax", "sigmoid"):
            assert np.abs(radial).min() > 1e-4
            continue
        degree = 2 if map_name == "l2" else 1
        total = maps.shape(map_name, a)[0].sum(axis=-1) + maps.E
        expected = degree * (f.s * f.w).sum(axis=-1) * maps.E / total
        assert np.allclose(radial, expected, rtol=1e-5, atol=0), (map_name, loss)
        coarse, fine = (growth_of_logits(loss, map_name, steps) for steps in (100, 200))
        assert (fine > 0).all() and (fine < 0.01).all(), (map_name, loss, fine)
        assert np.allclose(coarse / fine, 2, rtol=0.05), (map_name, loss, coarse / fine)


def test_values_outside_the_rows_of_W_stay():
    """The premise of the canonical form: V(t) - V(0) = W^T G(t)."""
    objective, V, a = random_start("classification", 5)
    away = np.eye(SIZES.dim) - ref.RowSpace(objective.W).rows
    for _ in range(100):
        f = ref.fields(objective, V, a)
        assert np.abs(np.matmul(away, f.dV)).max() < 1e-14
        V, a = V + 0.1 * f.dV, a + 0.1 * f.da


def test_the_sum_of_projected_values_grows_by_metric_times_arc():
    """One output, q > 0, no momentum: exact step by step."""
    for loss in ("logistic", "exponential"):
        objective, run = descend(loss, 6)
        metric = ref.norm(objective.W[:, 0]) ** 2
        growth = (run.Z - run.Z[:, :1]).sum((-1, -2))
        assert growth[:, -1].min() > 0.1
        assert np.allclose(growth, metric[:, None] * run.observables["arc"], rtol=1e-12)


def leader_start(tokens):
    """One leader above equal losers, along one target of length 1.3: Z and a of equal losers."""
    W = np.zeros((1, 1, SIZES.dim))
    W[0, 0, 0] = 1.3
    V, a = np.zeros((1, SIZES.dim, tokens)), np.zeros((1, tokens))
    V[0, 0, 0], a[0, 0] = 0.4, 0.3
    return ref.Objective("exponential", W), V, a


def drift_of_invariant(tokens, learning_rate, logit_rate=0.7):
    """Change, up to time 4, of e^A + (n-2) A + (n-1) e^-A - rho n D^2 / (2 kappa_t)."""
    objective, V, a = leader_start(tokens)
    steps = round(4 / learning_rate)
    run = ref.simulate(objective, V, a, learning_rate=learning_rate, logit_rate=logit_rate,
                       iterations=steps, checkpoints=(0, steps))
    A, D = run.a[0, :, 0] - run.a[0, :, 1], (run.Z[0, :, 0, 0] - run.Z[0, :, 0, 1])
    n, metric = tokens, 1.3**2
    value = (np.exp(A) + (n - 2) * A + (n - 1) * np.exp(-A)
             - logit_rate * n * D**2 / (2 * metric))
    assert abs(np.exp(A[1]) - np.exp(A[0])) > 0.1  # the terms move; only their sum does not
    return value[1] - value[0]


def test_invariants_of_the_flow_hold_to_first_order_in_the_step():
    """The closed forms hold for gradient flow; descent misses them by a multiple of eta."""
    for tokens in (2, 3, 8):
        coarse, fine = drift_of_invariant(tokens, 0.002), drift_of_invariant(tokens, 0.001)
        assert abs(fine) < 0.002, (tokens, fine)
        assert 1.98 < coarse / fine < 2.02, (tokens, coarse / fine)


def test_long_run_from_equal_logits():
    """rho kappa_t (1 - s_1) tau^2 approaches 2 (n-1)/n = 1 with an excess of order 1/tau."""
    excess = {}
    for radius in (60.0, 600.0):
        objective = ref.Objective("square", np.ones((1, 1, 1)), np.array(radius))
        run = ref.simulate(objective, np.array([[[0.5, 0.0]]]), np.zeros((1, 2)),
                           learning_rate=1e-3, iterations=8000, checkpoints=(8000,))
        tau = run.observables["arc"][0, 0]
        assert abs(tau / radius - 1) < 0.03
        excess[radius] = (1 - run.s[0, 0, 0]) * tau**2 - 1
    assert 0 < excess[600.0] < 0.02
    assert 8 < excess[60.0] / excess[600.0] < 13


def main():
    run_all(tests_of(globals()))


if __name__ == "__main__":
    main()
