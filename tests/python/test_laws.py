"""The laws of the starts that the program draws: tests over 4000 starts, and what holds exactly.

usage: test_laws.py PROGRAM

Exits 77, which the test driver shows as skipped, where a library is missing.
"""

import math
import sys
import tempfile
from functools import partial
from pathlib import Path

from harness import needs, run_all, tests_of

needs("netCDF4", "numpy")

import numpy as np
import program
import reference as ref
from laws import (check_fair, check_isotropic, check_law, check_mean, check_rank_one, chi_square_4,
                  half_normal, normal, student, uniform)

TOKENS, DIM, COUNT = 6, 4, 4000
START = {"model.tokens": TOKENS, "model.dim": DIM, "init.value_scale": 0.3,
         "init.logit_scale": 0.2, "init.logit_mean": 0.5, "ensemble.seed": 7,
         "dynamics.iterations": 1, "record.thresholds": [], "record.bins": 8}


def sample(binary, folder, loss, count=COUNT, **settings):
    """states.nc of many replicas, "Z" being Z(0). Keys with __ for the dot."""
    output = Path(tempfile.mkdtemp(dir=folder))
    keys = {key.replace("__", "."): value for key, value in settings.items()}
    files = program.run(binary, program.empty_config(output), output / "run",
                        {**START, "objective.loss": loss, "record.states": count,
                         "ensemble.replicas": count, **keys})
    states = files["states"]
    return {**states, "Z": states["projected_values"][:, 0], "a": states["logits"][:, 0]}


def diagonal(K):
    assert (K == np.einsum("rkk->rk", K)[:, :, None] * np.eye(K.shape[-1])).all()
    return np.einsum("rkk->rk", K)


def whitened(Z, K):
    """L^-1 Z with K = L L^T."""
    return np.linalg.solve(np.linalg.cholesky(K), Z)


def test_normal_values_and_targets(draw):
    """Given the target, Z(0) = target^T V is normal with variance K scale^2."""
    for target in ("random_unit", "random_normal", "basis"):
        states = draw("logistic", objective__target=target)
        K, W = states["metric"][:, 0], states["target"]
        check_law(f"Z, {target}", states["Z"][:, 0] / np.sqrt(K) / 0.3, normal)
        check_law(f"a, {target}", (states["a"] - 0.5) / 0.2, normal)
        assert np.allclose(K[:, 0], (W**2).sum(axis=-1), rtol=1e-14)
        if target == "random_normal":
            check_law("target", W, normal)
            check_law("K", K, chi_square_4)
        elif target == "random_unit":
            assert np.allclose(K, 1, rtol=1e-14)
            check_isotropic("target", W)
        else:
            assert (W == np.eye(DIM)[0]).all()


def test_rank_one(draw):
    """V = e w^T with normal w; e = target / |target|, or uniform on the sphere."""
    for target in ("random_unit", "random_normal", "basis"):
        states = draw("square" if target == "basis" else "exponential",
                      objective__target=target, init__value_law="rank_one")
        check_law(target, states["Z"][:, 0] / np.sqrt(states["metric"][:, 0]) / 0.3, normal)
    check_common_direction(draw("cross_entropy", init__value_law="rank_one")["Z"])
    states = draw("regression", objective__samples=4, objective__condition_number=3.0,
                  init__value_law="rank_one")
    check_common_direction(whitened(states["Z"], states["metric"]))
    states = draw("classification", objective__samples=3, init__value_law="rank_one")
    check_rank_one("classification", states["Z"])
    # E |Z_j|^2 = E |X e|^2 scale^2 = 3/4 scale^2, with |X e|^2 = chi^2_3 / 4.
    check_mean("classification", (states["Z"][:, :, 0] ** 2).sum(axis=1) / 0.3**2, 0.75,
               3 * 15 / 16 - 0.75**2)
    states = draw("regression", objective__samples=2, init__value_law="rank_one")
    V = whitened(states["Z"], states["metric"])
    check_rank_one("two of four", V)
    angle = np.arctan2(V[:, 1, 0], V[:, 0, 0])
    check_law("two of four, angle", 0.5 + angle / (2 * np.pi), uniform)
    check_mean("two of four", (V[:, :, 0] ** 2).sum(axis=1) / 0.3**2, 0.5, 1 - 0.5**2)


def check_common_direction(V):
    """e w^T, seen as |w_0| and sign(w_0) e, then the other w_j times that sign."""
    check_rank_one("V", V)
    length = ref.norm(V[:, :, 0])
    direction = V[:, :, 0] / length[:, None]
    check_law("|w_0|", length / 0.3, half_normal)
    check_isotropic("e", direction)
    check_law("w", np.einsum("rk,rkt->rt", direction, V)[:, 1:] / 0.3, normal)


def test_identity(draw):
    """V = scale I, so Z / scale = W."""
    square = {"model__tokens": DIM, "init__value_law": "identity"}
    states = draw("cross_entropy", count=3, **square)
    assert (states["Z"] == 0.3 * np.eye(DIM)).all()
    for target in ("random_unit", "random_normal", "basis"):
        states = draw("logistic", objective__target=target, count=50, **square)
        assert np.allclose(states["Z"][:, 0], 0.3 * states["target"], rtol=1e-14, atol=0), target
    states = draw("regression", objective__samples=4, objective__design="identity", count=3,
                  **square)
    assert (states["Z"] == 0.3 * np.eye(DIM)).all()
    states = draw("classification", objective__samples=3, **square)
    X = states["Z"] / 0.3
    assert np.allclose(X @ X.transpose(0, 2, 1), states["metric"], rtol=1e-13, atol=1e-15)
    check_law("X", X * math.sqrt(DIM), normal)


def test_singular_vectors(draw):
    """Values of a law that is not rotation invariant meet Z = S R^T V with R of Haar measure."""
    square = {"model__tokens": DIM, "init__value_law": "identity",
              "objective__condition_number": 3.0}
    for samples in (7, 4, 2):
        states = draw("regression", objective__samples=samples, **square)
        S = np.linspace(1, 1 / 3, min(samples, DIM))
        assert np.allclose(diagonal(states["metric"]), S**2, rtol=1e-14)
        R = states["Z"] / 0.3 / S[:, None]
        assert np.allclose(R @ R.transpose(0, 2, 1), np.eye(len(S)), atol=1e-12), samples
        for k in range(len(S)):
            check_isotropic(f"singular vector {k} of {samples} samples", R[:, k], 1e-12)
        if len(S) == DIM:
            check_fair("orientation", np.sign(np.linalg.det(R)))
    check_rotated_student(draw)


def check_rotated_student(draw):
    """Lengths of the columns of V survive the rotation; their directions become uniform."""
    states = draw("regression", objective__samples=4, init__value_law="student",
                  init__value_dof=3.5)
    V = whitened(states["Z"], states["metric"]) / 0.3
    squares = (V**2).sum(axis=1)
    for token in range(TOKENS):
        check_isotropic(f"column {token}", V[:, :, token] / np.sqrt(squares[:, token, None]))
    own = np.random.RandomState(2).standard_t(3.5, size=(400_000, DIM))
    known = np.sort((own**2).sum(axis=1))
    check_law("lengths", squares, lambda x: np.searchsorted(known, x) / len(known))


def test_student_and_log_uniform(draw):
    """cross_entropy shows V itself."""
    for dof in (1.0, 3.5, 1e6):
        Z = draw("cross_entropy", init__value_law="student", init__value_dof=dof)["Z"]
        check_law(f"t({dof:g})", Z / 0.3, partial(student, dof) if dof < 1e6 else normal)
    states = draw("logistic", objective__target="basis", init__value_law="student",
                  init__value_dof=1.0)
    check_law("t(1)", states["Z"] / 0.3, lambda x: 0.5 + np.arctan(x) / np.pi)
    for decades in (6.0, 200.0):
        Z = draw("cross_entropy", init__value_law="log_uniform", init__value_decades=decades)["Z"]
        below = -np.log10(np.abs(Z) / 0.3) / decades
        assert (below > -1e-15).all() and (below < 1 + 1e-15).all()
        check_law(f"{decades:g} decades", 0.5 + np.sign(Z) * below / 2, uniform)


def test_equal_losers(draw):
    """The largest and the smallest of two normals, in turn the sum and the distance of two."""
    for loss in ref.SCALAR_LOSSES:
        states = draw(loss, init__value_law="equal_losers", objective__target="random_unit")
        w = states["Z"][:, 0] / 0.3
        assert (w[:, 1:] == w[:, 1:2]).all() and (w[:, 0] > w[:, 1]).all()
        assert (states["initial_leader"] == 0).all()
        check_law("leader", w[:, 0], lambda x: normal(x) ** 2)
        check_law("losers", w[:, 1], lambda x: 1 - normal(-x) ** 2)
        check_law("sum", (w[:, 0] + w[:, 1]) / math.sqrt(2), normal)
        check_law("distance", (w[:, 0] - w[:, 1]) / math.sqrt(2), half_normal)
    check_rank_one("V", draw("cross_entropy", init__value_law="equal_losers")["Z"])


def test_tie_gap(draw):
    """With the same draws: the second largest goes to the gap below the largest, the others there
    at most; what lies lower stays."""
    for gap in (0.01, 0.5):
        for loss in ref.SCALAR_LOSSES:
            free, apart = (draw(loss, init__tie_gap=x, ensemble__common_random_numbers=True,
                                count=500)["Z"][:, 0] for x in (0.0, gap))
            order = free.argsort(axis=-1)
            expected, first, second = free.copy(), order[:, -1:], order[:, -2:-1]
            limit = np.take_along_axis(free, first, 1) - gap
            lowered = np.minimum(expected, limit)
            np.put_along_axis(lowered, second, limit, 1)
            np.put_along_axis(lowered, first, np.take_along_axis(free, first, 1), 1)
            assert (apart == lowered).all() and (apart != free).any(axis=-1).all(), (loss, gap)


def test_regression(draw):
    """K = S^2 with S = linspace(1, 1/kappa), Z(0) = S G, y normal, the floor c chi-square."""
    for samples in (8, 4, 2):
        states = draw("regression", objective__samples=samples, objective__condition_number=4.0,
                      objective__loss_factor=1.5)
        S = np.linspace(1, 1 / 4, min(samples, DIM))
        assert np.allclose(diagonal(states["metric"]), S**2, rtol=1e-14)
        Z, y = states["Z"] / S[:, None] / 0.3, states["response"]
        everything = np.concatenate([Z.reshape(COUNT, -1), y, (states["a"] - 0.5) / 0.2], axis=1)
        check_law("Z, y and a", everything, normal)
        if samples > DIM:
            check_law("floor", states["loss_floor"] / 1.5, chi_square_4)
        else:
            assert (states["loss_floor"] == 0).all()


def test_solution_norm_and_unit_responses(draw):
    """|X^+ y| = |S^-1 y| as asked; unit responses have length 1 with what is outside."""
    for samples in (7, 4, 2):
        settings = {"objective__samples": samples, "objective__condition_number": 4.0}
        scaled = draw("regression", objective__solution_norm=2.5, count=50, **settings)
        S = np.sqrt(diagonal(scaled["metric"]))
        assert np.allclose(ref.norm(scaled["response"] / S), 2.5, rtol=1e-13)
        unit = draw("regression", objective__response="unit", **settings)
        y, outside = unit["response"], unit["loss_floor"] / 0.5
        assert np.allclose((y**2).sum(axis=-1) + outside, 1, rtol=1e-12)
        if samples == DIM:
            check_isotropic("unit response", y)


def test_distributions(draw):
    """p = softmax(sharpness * uniform): log p_i - log p_j is a difference of uniforms."""
    p = draw("cross_entropy", objective__sharpness=3.0)["distribution"]
    assert np.allclose(p.sum(axis=-1), 1, rtol=1e-14)
    apart = (np.log(p[:, 0::2]) - np.log(p[:, 1::2])) / 3.0  # triangular on (-1, 1)
    check_law("p", apart, lambda x: 0.5 + x - np.sign(x) * x**2 / 2)
    shared = draw("cross_entropy", objective__shared=True, count=50)["distribution"]
    assert (shared == shared[0]).all()


def test_classification(draw):
    """K = X X^T of normal X / sqrt(d): a Wishart matrix over d. Labels are fair, and none of it
    knows of the others."""
    for samples in (4, 3):
        states = draw("classification", objective__samples=samples)
        K, y = states["metric"], states["response"]
        assert (K == K.transpose(0, 2, 1)).all()
        check_law("K_ii", DIM * np.einsum("rkk->rk", K), chi_square_4)
        pairs = K[:, np.triu_indices(samples, 1)[0], np.triu_indices(samples, 1)[1]]
        check_mean("K_ij", pairs, 0, 1 / DIM)
        # E K_ij^4 = 3 d (d + 2) / d^4: inner products with a chi-square number of dimensions.
        check_mean("K_ij^2", pairs**2, 1 / DIM, (9 * (DIM + 2) / DIM**3) - 1 / DIM**2)
        check_fair("labels", y)
        L_V = whitened(states["Z"], K) / 0.3
        check_law("Z given X", L_V, normal)
        mixed = np.concatenate([np.sign(L_V[:, :, 0]), y, np.sign(pairs)], axis=1)
        check_fair("signs of Z, y and K", mixed)
    shared = draw("classification", objective__samples=3, objective__shared=True, count=50)
    for name in ("metric", "response"):
        assert (shared[name] == shared[name][0]).all(), name
    assert (shared["Z"][0] != shared["Z"][1]).any()


def test_labels_are_drawn_where_a_file_has_only_the_design(draw):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "objective.nc"
        X = np.random.RandomState(3).normal(size=(3, DIM))
        program.write_netcdf(path, design=(("sample", "dim"), X))
        states = draw("classification", objective__samples=3, objective__file=path)
    assert np.allclose(states["metric"], X @ X.T, rtol=1e-14)
    check_fair("labels", states["response"])
    check_law("Z", whitened(states["Z"], states["metric"]) / 0.3, normal)


def test_common_random_numbers(draw):
    """Starts that are the same across condition numbers, but only when asked for."""
    for common in (True, False):
        first, second = (
            draw("regression", objective__samples=4, objective__condition_number=kappa, count=50,
                 ensemble__common_random_numbers=common) for kappa in (1.0, 5.0))
        S = np.linspace(1, 1 / 5, 4)[:, None]
        assert np.allclose(first["Z"] * S, second["Z"], rtol=1e-13, atol=0) == common
        assert (first["response"] == second["response"]).all() == common
        assert (first["a"] == second["a"]).all() == common


def main():
    binary = Path(sys.argv[1]).resolve()
    tests = tests_of(globals())
    with tempfile.TemporaryDirectory() as folder:
        run_all(tests, partial(sample, binary, folder))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
