"""Tests of reference.py by itself: observables, done by hand.

usage: test_observables.py

Exits 77, which the test driver shows as skipped, where NumPy is missing.
"""

import sys

from harness import needs, run_all, tests_of

needs("numpy")

import numpy as np
import maps
import reference as ref
from observables import observe_weights
from test_formulas import random_start


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
        assert np.allclose(run.observables[x][0, 0], value, rtol=1e-14, atol=1e-15,
                           equal_nan=True), x
    assert run.leader[0] == 0 and run.passage[0, 0] == 0
    assert run.observables["log_time"][0, 1] == 0.0  # 0.5 * 2
    assert run.observables["arc"][0, 1] > 0.5 * 2.25


def shares_of(map_name, a, leader=0):
    """The observables that are made of the weights, at logits a (token)."""
    a = np.array([a])
    of = observe_weights(maps.weights(map_name, a), maps.log_weights(map_name, a),
                         np.array([leader]))
    return {name: value[0] for name, value in of.items()}


def test_observables_use_shares():
    """Weights of a sigmoid do not add up to 1: 1/2, 1/4 and 1/4 stand for the shares below."""
    of = shares_of("sigmoid", [0.0, -np.log(3), -np.log(3)])
    expected = {"entropy": 1.5 * np.log(2), "effective_tokens": 2**1.5,
                "participation_ratio": 8 / 3, "max_probability": 0.5, "margin": 0.25,
                "log10_deficit": np.log10(0.5), "leader_probability": 0.5}
    assert set(of) == set(expected)
    for name, value in expected.items():
        assert np.allclose(of[name], value, rtol=1e-14, atol=0), name
    for map_name, a in (("sum", [-2.0, -1, -1]), ("l1", [-2.0, 1, -1]), ("l2", [2**0.5, 1.0, -1])):
        found = list(shares_of(map_name, a).values())
        assert np.allclose(found, list(expected.values()), rtol=1e-14, atol=0), map_name


def test_observables_where_they_are_undefined():
    needs_positive = {"entropy", "effective_tokens", "log10_deficit"}
    signed = shares_of("sum", [1.0, -0.5, 1.5])
    assert {x for x, value in signed.items() if np.isnan(value)} == needs_positive
    assert np.isclose(signed["max_probability"], 0.75) and np.isclose(signed["margin"], 0.25)
    assert np.isclose(signed["participation_ratio"], 4 / 3.5)
    assert np.isclose(signed["leader_probability"], 0.5)
    assert np.isnan(list(shares_of("relu", [-1.0, 0.0, -2.0]).values())).all()
    alone = shares_of("relu", [-1.0, 3.0, 0.0], leader=2)
    assert alone["entropy"] == 0 and alone["max_probability"] == alone["margin"] == 1
    assert alone["leader_probability"] == 0 and np.isneginf(alone["log10_deficit"])


def test_residual_and_value_norm_leave_out_what_cannot_move():
    objective, V, a = random_start("regression", 8)
    U, S, R = np.linalg.svd(objective.W[0], full_matrices=False)
    run = ref.simulate(objective, V, a, learning_rate=0.01, iterations=1, checkpoints=(0,))
    q = ref.fields(objective, V, a).q
    assert np.allclose(run.observables["residual_norm"][:, 0], ref.norm(q @ U), rtol=1e-13)
    assert (run.observables["residual_norm"][:, 0] < 0.999 * ref.norm(q)).all()
    assert np.allclose(run.observables["value_norm"][:, 0],
                       ref.norm(R @ V, (-1, -2)), rtol=1e-13)


def test_ranks_are_those_of_the_start():
    """Tokens in decreasing w = Z^T q at the start, ties by index, at every checkpoint."""
    objective = ref.Objective("exponential", np.ones((1, 1, 1)))
    V, a = np.array([[[1.0, 3.0, 1.0, 2.0]]]), np.array([[0.1, 0.2, 0.3, 5.0]])
    run = ref.simulate(objective, V, a, learning_rate=0.1, iterations=40, checkpoints=(0, 40))
    assert run.ranks.tolist() == [[2, 0, 3, 1]] and run.leader == [1]
    for name, x in (("ranked_logit", run.a), ("ranked_probability", run.s)):
        assert (run.ranked[name] == x[:, :, [1, 3, 0, 2]]).all()
    q = np.exp(-(run.Z * run.s[:, :, None]).sum(axis=-1))
    assert np.allclose(run.ranked["ranked_value"], q * run.Z[:, :, 0, [1, 3, 0, 2]], rtol=1e-14)


def main():
    run_all(tests_of(globals()))


if __name__ == "__main__":
    main()
