"""Tests of reference.py by itself, so that it may be trusted as a judge of the program.

usage: test_formulas.py

Exits 77, which the test driver shows as skipped, where NumPy is missing.
"""

import sys

SKIPPED = 77

try:
    import numpy as np
except ImportError as error:
    print(f"skipped: {error} (Debian: apt-get install python3-numpy)")
    sys.exit(SKIPPED)

import reference as ref

REPLICAS, TOKENS, DIM, SAMPLES = 3, 5, 4, 6


def random_objective(loss, rng, dtype=np.float64):
    """An objective of shape DIM, and a start (V, a) away from anything special."""
    V = rng.normal(size=(REPLICAS, DIM, TOKENS))
    a = rng.normal(size=(REPLICAS, TOKENS))
    response = None
    W = rng.normal(size=(REPLICAS, 1, DIM))
    if loss == "square":
        response = np.array(2.0)
    if loss == "regression":
        W = rng.normal(size=(1, SAMPLES, DIM))
        response = rng.normal(size=(1, SAMPLES))
    if loss == "cross_entropy":
        W = np.eye(DIM)[None]
        response = rng.dirichlet(np.ones(DIM))[None]
    return ref.Objective(loss, W, response).to(dtype), V.astype(dtype), a.astype(dtype)


def loss_at(objective, V, a):
    beta = np.matmul(V, ref.softmax(a)[..., None])
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
    step = np.longdouble(2) ** -12  # error step^4 ~ 4e-15, times fifth derivatives of order ten
    for loss in ref.LOSSES:
        objective, V, a = random_objective(loss, np.random.RandomState(1), np.longdouble)
        f = ref.fields(objective, V, a)
        for index in np.ndindex(DIM, TOKENS):
            slope = difference(lambda x: loss_at(objective, x, a), V, index, step)
            assert np.allclose(-slope, f.dV[(slice(None), *index)], rtol=1e-11, atol=1e-11), loss
        for j in range(TOKENS):
            slope = difference(lambda x: loss_at(objective, V, x), a, (j,), step)
            assert np.allclose(-slope, f.da[:, j], rtol=1e-11, atol=1e-11), loss


def test_logit_rate_scales_the_logits_alone():
    objective, V, a = random_objective("regression", np.random.RandomState(2))
    one, three = ref.fields(objective, V, a), ref.fields(objective, V, a, 3.0)
    assert np.allclose(three.da, 3 * one.da, rtol=1e-15)
    assert (three.dV == one.dV).all()


def descend(loss, rng, **options):
    objective, V, a = random_objective(loss, rng)
    settings = {"learning_rate": 0.01, "iterations": 400, "checkpoints": range(0, 401, 50)}
    return objective, ref.simulate(objective, V, a, **{**settings, **options})


def test_the_sum_of_logits_is_conserved():
    for loss in ref.LOSSES:
        for method in ref.METHODS:
            _, run = descend(loss, np.random.RandomState(3), method=method)
            assert not np.allclose(run.a, run.a[:, :1], atol=1e-3)
            assert np.allclose(run.a.sum(-1), run.a.sum(-1)[:, :1], atol=1e-13), (loss, method)


def test_values_outside_the_rows_of_W_stay():
    """The premise of the canonical form: V(t) - V(0) = W^T G(t)."""
    objective, V, a = random_objective("logistic", np.random.RandomState(4))
    away = np.eye(DIM) - ref.RowSpace(objective.W).rows
    for _ in range(100):
        f = ref.fields(objective, V, a)
        assert np.abs(np.matmul(away, f.dV)).max() < 1e-15
        V, a = V + 0.1 * f.dV, a + 0.1 * f.da


def test_the_sum_of_projected_values_grows_by_metric_times_arc():
    """One output, q > 0, no momentum: exact step by step."""
    for loss in ("logistic", "exponential"):
        objective, run = descend(loss, np.random.RandomState(5))
        metric = ref.norm(objective.W[:, 0]) ** 2
        growth = (run.Z - run.Z[:, :1]).sum((-1, -2))
        assert growth[:, -1].min() > 0.1
        assert np.allclose(growth, metric[:, None] * run.observables["arc"], rtol=1e-12)


def leader_start(tokens):
    """One leader above equal losers, along one target of length 1.3: Z and a of equal losers."""
    W = np.zeros((1, 1, DIM))
    W[0, 0, 0] = 1.3
    V, a = np.zeros((1, DIM, tokens)), np.zeros((1, tokens))
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


def test_momentum_zero_is_gradient_descent():
    _, plain = descend("regression", np.random.RandomState(6))
    _, heavy = descend("regression", np.random.RandomState(6), method="momentum", momentum=0.0)
    _, half = descend("regression", np.random.RandomState(6), method="momentum", momentum=0.5)
    assert (plain.Z == heavy.Z).all() and (plain.a == heavy.a).all()
    assert np.abs(plain.a - half.a).max() > 1e-3


def test_momentum_is_the_heavy_ball():
    """x(k+1) = x(k) - eta grad + mu (x(k) - x(k-1)), written without a velocity."""
    objective, V, a = random_objective("cross_entropy", np.random.RandomState(7))
    run = ref.simulate(objective, V, a, learning_rate=0.1, iterations=30, checkpoints=(30,),
                       method="momentum", momentum=0.8)
    before = (V, a)
    for _ in range(30):
        f = ref.fields(objective, V, a)
        after = V + 0.1 * f.dV + 0.8 * (V - before[0]), a + 0.1 * f.da + 0.8 * (a - before[1])
        before, (V, a) = (V, a), after
    assert np.allclose(run.Z[:, 0], np.matmul(objective.W, V), rtol=1e-12)
    assert np.allclose(run.a[:, 0], a, rtol=1e-12)


def test_observables_of_a_start_done_by_hand():
    """Weights 1/2, 1/4, 1/4; values 3, 0, 1 along a target of length 2."""
    objective = ref.Objective("square", np.array([[[0.0, 2.0]]]), np.array(4.0))
    V = np.array([[[7.0, 7.0, 7.0], [3.0, 0.0, 1.0]]])
    a = np.log(np.array([[2.0, 1.0, 1.0]]))
    run = ref.simulate(objective, V, a, learning_rate=0.5, iterations=2, checkpoints=(0, 2),
                       logit_rate=2.0, thresholds=(0.5, 0.99))
    expected = {  # square: the target has length 1, so z = 3/2 + 1/4 and q = 4 - z
        "loss": 2.25**2 / 2, "entropy": 1.5 * np.log(2), "effective_tokens": 2**1.5,
        "participation_ratio": 8 / 3, "max_probability": 0.5, "margin": 0.25,
        "log10_deficit": np.log10(0.5), "logit_range": np.log(2), "leader_probability": 0.5,
        "leader_logit_gap": np.log(2), "leader_value_gap": 2.25 * 2, "output_norm": 1.75,
        "residual_norm": 2.25, "value_gradient_norm": 2.25 * np.sqrt(3 / 8),
        "logit_gradient_norm": 2 * 2.25 * np.sqrt((1.25**2) / 4 + (1.75**2 + 0.75**2) / 16),
        "value_norm": np.sqrt(10), "arc": 0.0, "log_time": np.nan}
    assert set(expected) == set(run.observables)
    for x, value in expected.items():
        assert np.allclose(run.observables[x][0, 0], value, rtol=1e-14, equal_nan=True), x
    assert run.leader[0] == 0 and run.passage[0, 0] == 0
    assert run.observables["log_time"][0, 1] == 0.0  # 0.5 * 2
    assert run.observables["arc"][0, 1] > 0.5 * 2.25


def test_residual_and_value_norm_leave_out_what_cannot_move():
    objective, V, a = random_objective("regression", np.random.RandomState(8))
    U, S, R = np.linalg.svd(objective.W[0], full_matrices=False)
    run = ref.simulate(objective, V, a, learning_rate=0.01, iterations=1, checkpoints=(0,))
    q = ref.fields(objective, V, a).q
    assert np.allclose(run.observables["residual_norm"][:, 0], ref.norm(q @ U), rtol=1e-13)
    assert (run.observables["residual_norm"][:, 0] < 0.999 * ref.norm(q)).all()
    assert np.allclose(run.observables["value_norm"][:, 0],
                       ref.norm(R @ V, (-1, -2)), rtol=1e-13)


def main():
    tests = {name: test for name, test in globals().items() if name.startswith("test_")}
    for name, test in tests.items():
        test()
        print(f"ok {name}")
    print(f"{len(tests)} passed")


if __name__ == "__main__":
    main()
