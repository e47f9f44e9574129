"""Tests of reference.py by itself: how its methods move, against rules written a second time.

usage: test_methods.py

Exits 77, which the test driver shows as skipped, where NumPy is missing.
"""

import math
import sys
from itertools import product

from harness import needs, run_all, tests_of

needs("numpy")

import numpy as np
import reference as ref
from starts import Sizes, random_objective, random_parameters

SIZES = Sizes(tokens=5, dim=4, samples=6, labels=3)
MEMORY = {"momentum": {"momentum": 0.8}, "adam": {"adam_beta1": 0.7, "adam_beta2": 0.95,
                                                  "adam_epsilon": 1e-3}}


def random_start(loss, seed):
    rng = np.random.RandomState(seed)
    objective = random_objective(loss, rng, SIZES)
    return objective, *random_parameters(rng, SIZES, 0.5, 0.4, logit_mean=1.0)


def descend(start, steps=100, every=25, **options):
    return ref.simulate(*start, iterations=steps, checkpoints=range(0, steps + 1, every),
                        **{"learning_rate": 0.01, **options})


def test_momentum_zero_is_gradient_descent():
    start = random_start("regression", 6)
    plain = descend(start)
    heavy, half = (descend(start, method="momentum", momentum=mu) for mu in (0.0, 0.5))
    assert (plain.Z == heavy.Z).all() and (plain.a == heavy.a).all()
    assert np.abs(plain.a - half.a).max() > 1e-3


def test_momentum_is_the_heavy_ball():
    """x(k+1) = x(k) - eta grad + mu (x(k) - x(k-1)), written without a velocity."""
    objective, V, a = random_start("cross_entropy", 7)
    run = descend((objective, V, a), 30, 30, learning_rate=0.1, method="momentum", momentum=0.8)
    before = (V, a)
    for _ in range(30):
        f = ref.fields(objective, V, a)
        after = V + 0.1 * f.dV + 0.8 * (V - before[0]), a + 0.1 * f.da + 0.8 * (a - before[1])
        before, (V, a) = (V, a), after
    assert np.allclose(run.Z[:, 1], np.matmul(objective.W, V), rtol=1e-12)
    assert np.allclose(run.a[:, 1], a, rtol=1e-12)
    velocity = (before[1] - a) / 0.1
    assert np.allclose(run.memory["velocity_logits"][:, 1], velocity, rtol=1e-9, atol=1e-13)


def test_adam_of_two_numbers_by_hand():
    """Two equal tokens, sigmoid, exponential loss: z = 2 (1.3 V) s, in plain Python numbers.

    The gradients are -q s of G, where 1.3 V = Z = Z(0) + 1.3^2 G, and -rho s (1-s) Z q of a."""
    eta, b1, b2, eps, rho, decay, K = 0.05, 0.8, 0.9, 1e-3, 0.6, 0.02, 1.3 * 1.3
    Z, a = 1.3 * 0.4, -0.2
    m, v = [0.0, 0.0], [0.0, 0.0]
    for t in range(1, 61):
        s = 1 / (1 + math.exp(-a))
        q = math.exp(-2 * Z * s)
        gradients = -q * s, -rho * s * (1 - s) * Z * q + decay * a
        moves = []
        for i, g in enumerate(gradients):
            m[i] = b1 * m[i] + (1 - b1) * g
            v[i] = b2 * v[i] + (1 - b2) * g * g
            moves.append(eta * m[i] / (1 - b1**t) / (math.sqrt(v[i] / (1 - b2**t)) + eps))
        Z, a = Z - K * moves[0], a - moves[1]
    start = ref.Objective("exponential", np.array([[[1.3]]])), [[[0.4, 0.4]]], [[-0.2, -0.2]]
    run = ref.simulate(*start, iterations=60, checkpoints=(60,), method="adam", map="sigmoid",
                       learning_rate=eta, logit_rate=rho, logit_decay=decay, adam_beta1=b1,
                       adam_beta2=b2, adam_epsilon=eps)
    found = [x.ravel() for x in (run.Z, run.a, *run.memory.values())]
    expected = [[x, x] for x in (Z, a, m[0], v[0], m[1], v[1])]
    assert np.allclose(found, expected, rtol=1e-13, atol=0)
    assert abs(a + 0.2) > 0.5 and abs(Z - 0.52) > 0.5


def test_first_step_of_adam_is_eta():
    """Whatever the scale of the gradient: bias correction."""
    for loss in ref.LOSSES:
        run = descend(random_start(loss, 8), 1, 1, method="adam", learning_rate=0.125,
                      adam_epsilon=1e-30)
        assert np.allclose(np.abs(np.diff(run.a, axis=1)), 0.125, rtol=1e-9), loss


def test_adam_without_memory_is_sign_descent():
    for loss, map_name in product(ref.LOSSES, ref.MAPS):
        start, options = random_start(loss, 9), {"map": map_name, "learning_rate": 2.0**-10}
        signs = descend(start, method="sign_descent", **options)
        adam = descend(start, method="adam", adam_beta1=0.0, adam_beta2=0.0, adam_epsilon=1e-200,
                       **options)
        assert np.allclose(signs.a, adam.a, rtol=1e-13, atol=0), (loss, map_name)
        assert np.allclose(signs.Z, adam.Z, rtol=1e-12, atol=1e-14), (loss, map_name)


def test_signs_make_equal_steps():
    """a on a lattice of width eta, exactly; Z = Z(0) + K G with G on one. sign(0) = 0."""
    objective, V, a = random_start("classification", 10)
    a = np.round(a * 2**20) / 2**20
    a[:, 0] = -1.0
    run = descend((objective, V, a), 200, 50, map="relu", method="sign_descent",
                  learning_rate=2.0**-10)
    steps = (run.a - run.a[:, :1]) * 2**10
    assert (steps == np.round(steps)).all() and np.abs(steps).max() > 50
    assert (steps[:, :, 0] == 0).all()  # no weight: neither its logit nor its values move
    K = np.matmul(objective.W, ref.transposed(objective.W))[:, None]
    G = np.linalg.solve(K, run.Z - run.Z[:, :1]) * 2**10
    assert np.allclose(G, np.round(G), atol=1e-9) and (np.abs(G[..., 0]) < 1e-9).all()


def entrywise(rule, V, a, objective, steps):
    """rule(gradient, memory) on the entries of V and a."""
    memory_V, memory_a = {}, {}
    for _ in range(steps):
        f = ref.fields(objective, V, a)
        V, a = V - rule(-f.dV, memory_V), a - rule(-f.da, memory_a)
    return V, a


def adam_rule(g, memory):
    """With the constants of MEMORY and eta = 0.01."""
    memory["t"] = t = memory.get("t", 0) + 1
    memory["m"] = 0.7 * memory.get("m", 0) + 0.3 * g
    memory["v"] = 0.95 * memory.get("v", 0) + 0.05 * g * g
    return 0.01 * (memory["m"] / (1 - 0.7**t)) / (np.sqrt(memory["v"] / (1 - 0.95**t)) + 1e-3)


def test_entries_are_those_of_V_where_W_is_the_identity():
    rules = {"adam": adam_rule, "sign_descent": lambda g, _: 0.01 * np.sign(g)}
    assert tuple(rules) == ref.ENTRYWISE
    for method, rule in rules.items():
        objective, V, a = random_start("cross_entropy", 11)
        run = descend((objective, V, a), 50, 50, method=method, **MEMORY.get(method, {}))
        V, a = entrywise(rule, V, a, objective, 50)
        assert np.allclose(run.Z[:, 1], V, rtol=1e-12, atol=1e-13), method
        assert np.allclose(run.a[:, 1], a, rtol=1e-12, atol=1e-13), method


def test_only_entrywise_methods_see_the_basis():
    """A rotation of the outputs changes nothing for those that follow the gradient."""
    objective, V, a = random_start("regression", 12)
    plain = ref.Objective("regression", objective.W, objective.response, objective.factor)
    for method in ref.METHODS:
        rotated, straight = (descend((o, V, a), method=method) for o in (objective, plain))
        apart = np.abs(rotated.a - straight.a).max()
        assert apart > 1e-4 if method in ref.ENTRYWISE else apart < 1e-14, (method, apart)
        Z = np.matmul(objective.basis, straight.Z)
        assert method in ref.ENTRYWISE or np.allclose(rotated.Z, Z, rtol=1e-12, atol=1e-14)


def canonical(objective, V, a, map_name, method, steps, decays):
    """The closed system in Z = W V and a, with K = W W^T: what the program computes."""
    basis, W = objective.basis, np.matmul(objective.basis, objective.W)
    K, Z = np.matmul(W, ref.transposed(W)), np.matmul(W, V)
    constants = {"learning_rate": 0.01, **MEMORY.get(method, {})}
    of_Z, of_a = ref.Rule(method, **constants), ref.Rule(method, **constants)
    for t in range(1, steps + 1):
        s = ref.weights(map_name, a)
        z = np.matmul(Z, s[..., None])[..., 0] @ basis  # in the coordinates of the response
        q = np.matmul(basis, objective.residual(z)[..., None])
        w = np.matmul(ref.transposed(Z), q)[..., 0]
        gradient_G = -q * s[:, None]
        if method in ref.ENTRYWISE:
            Z = Z - np.matmul(K, of_Z.step(gradient_G, t))
        else:
            Z = Z - of_Z.step(np.matmul(K, gradient_G) + decays[0] * Z, t)
        a = a - of_a.step(-0.7 * ref.pull_back(map_name, a, w) + decays[1] * a, t)
    return Z, a


def test_every_method_closes_in_the_projected_values():
    """The full system in V against the closed one. Regression with samples <= dim: the part of the
    residual outside the columns of X, which K does not see, would otherwise be missing in z."""
    for method, map_name, loss in product(ref.METHODS, ref.MAPS, ref.LOSSES):
        rng = np.random.RandomState(13)
        sizes = Sizes(tokens=5, dim=4, samples=3, labels=3)
        objective = random_objective(loss, rng, sizes)
        V, a = random_parameters(rng, sizes, 0.5, 0.4, logit_mean=1.0)
        decays = (0.0 if method in ref.ENTRYWISE else 0.2, 0.3)
        run = descend((objective, V, a), 40, 40, method=method, map=map_name, logit_rate=0.7,
                      value_decay=decays[0], logit_decay=decays[1], **MEMORY.get(method, {}))
        Z, a = canonical(objective, V, a, map_name, method, 40, decays)
        assert np.allclose(run.Z[:, 1], Z, rtol=1e-11, atol=1e-12), (method, map_name, loss)
        assert np.allclose(run.a[:, 1], a, rtol=1e-11, atol=1e-12), (method, map_name, loss)


def test_decay_alone():
    """No target, no gradient: each step leaves 1 - eta decay of V and of a; rho has no part in it.
    With momentum each is a linear recursion; signs go straight to zero."""
    V, a = np.full((1, 2, 3), 2.0), np.array([[1.0, -2.0, 0.5]])
    still = ref.Objective("logistic", np.zeros((1, 1, 2)))
    plain = ref.Descent(still, V, a, (0.5, 0.25), "gradient_descent", {"learning_rate": 0.1})
    heavy = ref.Descent(still, V, a, (0.5, 0.25), "momentum",
                        {"learning_rate": 0.1, "momentum": 0.9})
    for t in range(1, 31):
        for walk in (plain, heavy):
            walk.step(ref.fields(still, walk.V, walk.a, rho=0.0), t)
    assert np.allclose(plain.V, V * 0.95**30, rtol=1e-14)
    assert np.allclose(plain.a, a * 0.975**30, rtol=1e-14)
    for decay, found, start in ((0.5, heavy.V, V), (0.25, heavy.a, a)):
        once = np.array([[1 - 0.1 * decay, -0.1 * 0.9], [decay, 0.9]])  # of (x, velocity)
        factor = np.linalg.matrix_power(once, 30)[0, 0]
        assert np.allclose(found, factor * start, rtol=1e-12)
    signs = ref.simulate(still, V, a, iterations=25, checkpoints=range(26), method="sign_descent",
                         logit_decay=0.25, logit_rate=0.0, learning_rate=0.125)
    path = np.array([[max(x - 0.125 * k, 0) for x in (1, 2, 0.5)] for k in range(26)])
    assert (signs.a[0] == path * [1, -1, 1]).all()


def test_decay_of_values_spares_the_methods_on_G():
    """V(0) is no part of G: the value decay of those methods would have no meaning."""
    start = random_start("logistic", 14)
    for method in ref.ENTRYWISE:
        try:
            descend(start, method=method, value_decay=0.1)
        except ValueError:
            continue
        raise AssertionError(f"{method} took a value decay")


def test_decay_is_the_gradient_of_a_penalty():
    """Of value_decay |V|^2 / 2 + logit_decay |a|^2 / 2: a plain descent on the sum of both."""
    for loss, map_name in product(ref.LOSSES, ref.MAPS):
        objective, V, a = random_start(loss, 15)
        run = descend((objective, V, a), 20, 20, map=map_name, value_decay=0.3, logit_decay=0.2)
        for _ in range(20):
            f = ref.fields(objective, V, a, map_name)
            V, a = V + 0.01 * (f.dV - 0.3 * V), a + 0.01 * (f.da - 0.2 * a)
        Z = np.matmul(np.matmul(objective.basis, objective.W), V)
        assert np.allclose(run.Z[:, 1], Z, rtol=1e-12, atol=1e-14), (loss, map_name)
        assert np.allclose(run.a[:, 1], a, rtol=1e-12), (loss, map_name)


def main():
    run_all(tests_of(globals()))


if __name__ == "__main__":
    main()
