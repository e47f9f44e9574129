"""The program against reference.py: every number it writes about a trajectory.

usage: test_reference.py PROGRAM [--long]

Starts are drawn here and handed over as files. The default is 3 starts and 1000 iterations; --long
is 20 starts and 10 000. compare.py says how far apart the two may be.

Exits 77, which the test driver shows as skipped, where a library is missing.
"""

import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

SKIPPED = 77

try:
    import netCDF4  # noqa: F401
    import numpy as np
except ImportError as error:
    print(f"skipped: {error} (Debian: apt-get install python3-numpy python3-netcdf4)")
    sys.exit(SKIPPED)

import program
import reference as ref
from compare import Judge, Size, check_states, check_statistics, check_table
from compare import record_settings, simulate_twice


@dataclass
class Case:
    """An objective with starts, and the keys that tell the program the same."""

    objective: ref.Objective
    V: np.ndarray
    a: np.ndarray
    settings: dict
    dynamics: dict = field(default_factory=dict)  # keyword arguments of ref.simulate
    target: np.ndarray | None = None  # (replica, dim): as the program gets it
    basis: np.ndarray | None = None  # (output, sample): regression, from samples to outputs


def check_case(label, case, size, binary, folder):
    """Hands the starts to the program and compares all that it writes. Returns a summary."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    objective = case.objective
    settings = {**case.settings, **record_settings(size), "init.file": folder / "starts.nc"}
    if objective.loss == "regression":
        program.write_netcdf(folder / "objective.nc",
                             design=(("sample", "dim"), objective.W[0]),
                             response=(("sample",), objective.response[0]))
    if objective.loss == "cross_entropy":
        program.write_netcdf(folder / "objective.nc",
                             distribution=(("class",), objective.response[0]))
    if objective.loss not in ref.SCALAR_LOSSES:
        settings["objective.file"] = folder / "objective.nc"
    program.write_starts(folder / "starts.nc", case.V, case.a, case.target)
    (folder / "case.toml").write_text("# all by --set\n")
    files = program.run(binary, folder / "case.toml", folder / "run", settings)
    exact, rough = simulate_twice(case.objective, case.V, case.a, size, **case.dynamics)
    judge = Judge(label)
    check_states(judge, files["states"], exact, rough, case.basis)
    check_table(judge, files["replicas"], exact, rough)
    check_statistics(judge, files["results"], exact, rough)
    assert (files["replicas"]["steps"] == size.iterations).all()
    return judge.summary()


def random_case(loss, rng, replicas, tokens=7, dim=5, samples=9):
    """Shapes are all different, so that no transposed array goes unnoticed."""
    settings = {"model.tokens": tokens, "model.dim": dim, "objective.loss": loss}
    V = 0.3 * rng.normal(size=(replicas, dim, tokens))
    a = 0.2 * rng.normal(size=(replicas, tokens))
    target = rng.normal(size=(replicas, dim)) if loss in ref.SCALAR_LOSSES else None
    W, response, basis, factor = target, None, None, 0.5
    if target is not None:
        W = target[:, None, :]
    if loss == "square":
        settings["objective.radius"] = response = 2.5
    if loss == "regression":
        factor = 0.8
        W, response = rng.normal(size=(1, samples, dim)), rng.normal(size=(1, samples))
        settings |= {"objective.samples": samples, "objective.loss_factor": factor}
        U, _, R = np.linalg.svd(W[0], full_matrices=False)
        largest = np.take_along_axis(R, np.abs(R).argmax(axis=1)[:, None], 1)[:, 0]
        basis = (U * np.sign(largest)).T  # the sign that the program promises
    if loss == "cross_entropy":
        W, response = np.eye(dim)[None], rng.dirichlet(np.ones(dim))[None]
    objective = ref.Objective(loss, W, response, factor)
    return Case(objective, V, a, settings, target=target, basis=basis)


def with_dynamics(case, method, learning_rate, momentum=0.9, logit_rate=1.0):
    case.dynamics = {"method": method, "learning_rate": learning_rate, "logit_rate": logit_rate}
    case.settings |= {f"dynamics.{key}": value for key, value in case.dynamics.items()}
    if method == "momentum":
        case.dynamics["momentum"] = case.settings["dynamics.momentum"] = momentum
    return case


def check_loss(loss, size, binary, folder):
    """Every method, and for regression more, as many and fewer samples than dimensions."""
    shapes = ({"samples": 9}, {"samples": 5}, {"samples": 3}) if loss == "regression" else ({},)
    rate = {"regression": 0.01, "exponential": 0.05}.get(loss, 0.1)
    done = []
    for shape in shapes:
        for method in ref.METHODS:
            for logit_rate in (1.0, 0.4):
                rng = np.random.RandomState(len(done) + 100 * ref.LOSSES.index(loss))
                case = random_case(loss, rng, size.replicas, **shape)
                case = with_dynamics(case, method, rate, logit_rate=logit_rate)
                label = f"{method} rho={logit_rate} {shape or ''}".strip()
                done.append(check_case(label, case, size, binary, folder))
    return "\n     " + "\n     ".join(done)


def named(name, function):
    function.__name__ = name
    return function


def test_frozen_attention(size, binary, folder):
    """rho = 0: the logits never move."""
    case = random_case("logistic", np.random.RandomState(1), size.replicas)
    return check_case("", with_dynamics(case, "gradient_descent", 0.1, logit_rate=0.0), size,
                      binary, folder)


def test_two_tokens_and_one_dimension(size, binary, folder):
    """The smallest shapes."""
    done = []
    for loss in ("logistic", "square"):
        case = random_case(loss, np.random.RandomState(2), size.replicas, tokens=2, dim=1)
        done.append(check_case(loss, with_dynamics(case, "momentum", 0.1), size, binary, folder))
    return "; ".join(done)


def test_wide_and_many_tokens(size, binary, folder):
    size = Size(size.replicas, size.iterations // 5)
    case = random_case("exponential", np.random.RandomState(3), size.replicas, tokens=37, dim=150)
    case.V *= 0.1
    return check_case("", with_dynamics(case, "gradient_descent", 1e-3), size, binary, folder)


def test_extreme_logits(size, binary, folder):
    """Weights down to e^-600: each keeps its digits."""
    case = random_case("logistic", np.random.RandomState(4), size.replicas)
    case.a = case.a + np.array([0.0, -1, 5, -600, 3, -40, -200])
    return check_case("", with_dynamics(case, "gradient_descent", 0.1), size, binary, folder)


def main():
    binary = Path(sys.argv[1]).resolve()
    long = sys.argv[2:] == ["--long"]
    size = Size(20, 10_000) if long else Size(3, 1000)
    tests = [named(f"test_{loss}", partial(check_loss, loss)) for loss in ref.LOSSES]
    tests += [test for name, test in globals().items() if name.startswith("test_")]
    with tempfile.TemporaryDirectory() as folder:
        program.run_all(tests, size, binary, folder)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main()
