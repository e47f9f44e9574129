"""Starts that the program draws, followed by reference.py. Their laws are tested in test_laws.py.

usage: test_draws.py PROGRAM [--long]

states.nc holds Z(0), a(0), the metric K and the response of every drawn start. With any W of
W W^T = K, as many dimensions as outputs, and V = W^-1 Z(0), that is a full start, which
reference.py can follow: nothing of V beyond Z and K may matter. The default is 3 starts and 200
iterations; --long is 20 starts and 10 000.

Exits 77, which the test driver shows as skipped, where a library is missing.
"""

import sys
import tempfile
from itertools import product
from pathlib import Path

from harness import needs, run_all, tests_of

needs("netCDF4", "numpy")

import numpy as np
import program
import reference as ref
from compare import Judge, Size, check_run, meaningful, record_settings, simulate_twice

START = {"model.tokens": 6, "model.dim": 4, "init.value_scale": 0.3, "init.logit_scale": 0.2,
         "init.logit_mean": 0.5, "ensemble.seed": 7}


def cholesky(K):
    """L of K = L L^T, (replica, output, output), in the precision of K."""
    L = np.zeros_like(K)
    for j in range(K.shape[-1]):
        rest = K[:, j:, j] - np.einsum("rkl,rl->rk", L[:, j:, :j], L[:, j, :j])
        L[:, j:, j] = rest / np.sqrt(rest[:, :1])
    return L


def solve_lower(L, Z):
    """L^-1 Z."""
    V = np.zeros_like(Z)
    for k in range(L.shape[-1]):
        V[:, k] = (Z[:, k] - np.einsum("rl,rlt->rt", L[:, k, :k], V[:, :k])) / L[:, k, k, None]
    return V


def canonical(states, loss, factor):
    """Objective, V, a of the starts in states.nc."""
    Z, K = (np.asarray(x, np.longdouble) for x in (states["projected_values"][:, 0],
                                                   states["metric"]))
    if loss != "classification":
        assert (K == np.einsum("rii->ri", K)[:, :, None] * np.eye(K.shape[-1])).all()
    if loss == "square":
        assert np.allclose(K.astype(float), 1, rtol=1e-15)  # the target is normalised
    L = cholesky(K)
    response = states.get("distribution", states.get("response"))
    return ref.Objective(loss, L, response, factor), solve_lower(L, Z), states["logits"][:, 0]


def check_draws(label, settings, size, binary, folder, **dynamics):
    """The program twice: its starts, then as far as the reference has digits."""
    loss, factor = settings["objective.loss"], settings.get("objective.loss_factor", 0.5)
    keys = {"model.map" if x == "map" else f"dynamics.{x}": y for x, y in dynamics.items()}

    def run(size):
        output = Path(tempfile.mkdtemp(dir=folder))
        return program.run(binary, program.empty_config(output), output / "run",
                           {**START, **settings, **keys, **record_settings(size)})

    states = run(Size(size.replicas, 2))["states"]
    both = simulate_twice(*canonical(states, loss, factor), size, **dynamics)
    part, exact, rough = meaningful(size, *both)
    least = 100 if size.iterations > 1000 else size.iterations
    assert part.iterations >= least, (label, part)
    for trajectory in (exact, rough):  # the part of y outside the column space
        floor = states.get("loss_floor", np.zeros(size.replicas))[:, None]
        trajectory.observables["loss"] = trajectory.observables["loss"] + floor
    judge = Judge(label)
    check_run(judge, run(part), exact, rough)
    return judge.summary()


def method_of(k):
    """In turn."""
    method = ref.METHODS[k % 4]
    slow = method in ref.ENTRYWISE
    return {"method": method, "learning_rate": 0.003 if slow else 0.05}


def summary(done):
    return "\n     " + "\n     ".join(done)


def test_scalar_losses(size, binary, folder):
    done = []
    targets = ("random_unit", "random_normal", "basis")
    for k, (loss, target) in enumerate(product(ref.SCALAR_LOSSES, targets)):
        settings = {"objective.loss": loss, "objective.target": target}
        done.append(check_draws(f"{loss} {target}", settings, size, binary, folder,
                                **method_of(k), logit_rate=0.8))
    return summary(done)


def test_cross_entropy(size, binary, folder):
    settings = {"objective.loss": "cross_entropy", "objective.sharpness": 5.0}
    return check_draws("", settings, size, binary, folder, **method_of(1))


def test_classification(size, binary, folder):
    """A dense metric; as many samples as dimensions, and fewer."""
    settings = {"objective.loss": "classification"}
    return summary(check_draws(f"N={samples} {ref.METHODS[k]}",
                               {**settings, "objective.samples": samples}, size, binary, folder,
                               **method_of(k))
                   for k, samples in ((0, 4), (1, 3), (2, 4), (3, 2)))


def test_regression(size, binary, folder):
    done = []
    for k, (samples, kappa) in enumerate(product((7, 4, 2), (1.0, 3.0))):
        settings = {"objective.loss": "regression", "objective.samples": samples,
                    "objective.condition_number": kappa, "objective.loss_factor": 1.5}
        done.append(check_draws(f"N={samples} kappa={kappa}", settings, size, binary, folder,
                                **method_of(k)))
    return summary(done)


def test_identity_design(size, binary, folder):
    settings = {"objective.loss": "regression", "objective.samples": 4,
                "objective.design": "identity", "objective.response": "unit"}
    return check_draws("", settings, size, binary, folder, **method_of(0))


def test_value_laws(size, binary, folder):
    """Each with a loss of one output and one of several, and with other maps than softmax."""
    laws = {"rank_one": {}, "identity": {"model.dim": 6}, "student": {"init.value_dof": 2.5},
            "log_uniform": {"init.value_decades": 4.0}, "equal_losers": {}, "zero": {}}
    losses = ("regression", "classification", "cross_entropy")
    maps = (x for x in ("l1", "l2", "sigmoid", "relu") * 3)
    done = []
    for k, (law, more) in enumerate(laws.items()):
        for loss in (ref.SCALAR_LOSSES[k % 3], losses[k % 3]):
            settings = {"objective.loss": loss, "init.value_law": law, **more}
            if loss in ("regression", "classification"):
                settings["objective.samples"] = 3
            map_name = next(maps)
            done.append(check_draws(f"{law} {loss} {map_name}", settings, size, binary, folder,
                                    **method_of(k), map=map_name))
    return summary(done)


def test_tie_gap(size, binary, folder):
    settings = {"objective.loss": "logistic", "init.tie_gap": 0.05}
    return check_draws("", settings, size, binary, folder, **method_of(0))


def main():
    binary = Path(sys.argv[1]).resolve()
    size = Size(20, 10_000) if sys.argv[2:] == ["--long"] else Size(3, 200)
    tests = tests_of(globals())
    with tempfile.TemporaryDirectory() as folder:
        run_all(tests, size, binary, folder)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main()
