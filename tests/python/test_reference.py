"""The program against reference.py: every number it writes about a trajectory.

usage: test_reference.py PROGRAM [--long]

Starts are drawn here and handed over as files. The default is every map with every loss once, with
methods in turn so that each meets every map and every loss, on 3 starts and 300 iterations; --long
is every map, loss and method on 20 starts and 10 000 iterations. compare.py says how far apart the
two may be.

Exits 77, which the test driver shows as skipped, where a library is missing.
"""

import sys
import tempfile
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path

from harness import needs, run_all, tests_of

needs("netCDF4", "numpy")

import numpy as np
import program
import reference as ref
from compare import Judge, Size, check_run, meaningful, record_settings, simulate_twice
from starts import Sizes, random_objective, random_parameters


@dataclass
class Case:
    """A start and how it moves."""

    objective: ref.Objective
    V: np.ndarray
    a: np.ndarray
    dynamics: dict  # keyword arguments of ref.simulate
    settings: dict = field(default_factory=dict)  # keys for the program alone

    def files(self, folder):
        """Writes the start; returns the keys that tell the program all of this."""
        _, dim, tokens = self.V.shape
        objective, loss = self.objective, self.objective.loss
        keys = {**self.settings, "model.tokens": tokens, "model.dim": dim, "objective.loss": loss}
        keys |= {"model.map" if x == "map" else f"dynamics.{x}": value
                 for x, value in self.dynamics.items()}
        target = objective.W[:, 0] if loss in ref.SCALAR_LOSSES else None
        if loss == "square":
            keys["objective.radius"] = float(objective.response)
        if loss == "regression":
            keys["objective.loss_factor"] = objective.factor
        if loss in ("regression", "classification"):
            keys["objective.samples"] = objective.W.shape[1]
            arrays = {"design": (("sample", "dim"), objective.W[0]),
                      "response": (("sample",), objective.response[0])}
        if loss == "cross_entropy":
            arrays = {"distribution": (("class",), objective.response[0])}
        if target is None:
            keys["objective.file"] = folder / "objective.nc"
            program.write_netcdf(keys["objective.file"], **arrays)
        keys["init.file"] = folder / "starts.nc"
        program.write_starts(keys["init.file"], self.V, self.a, target)
        return keys


def run_case(case, size, binary, folder):
    folder = Path(tempfile.mkdtemp(dir=folder))
    return program.run(binary, program.empty_config(folder), folder / "run",
                       {**case.files(folder), **record_settings(size)})


def check_case(label, case, size, binary, folder, least=None):
    """Hands the starts to the program and compares all that it writes; of a run that loses its
    digits earlier, at least so many iterations (all, unless given). Returns a summary."""
    both = simulate_twice(case.objective, case.V, case.a, size, **case.dynamics)
    part, exact, rough = meaningful(size, *both)
    assert part.iterations >= (least or size.iterations), (label, part)
    files = run_case(case, part, binary, folder)
    judge = Judge(label)
    check_run(judge, files, exact, rough)
    assert (files["replicas"]["steps"] == part.iterations).all()
    short = "" if part.iterations == size.iterations else f" to iteration {part.iterations}"
    return judge.summary() + short


# Mean and deviation of the logits: of both signs where the map allows it.
LOGITS = {"softmax": (0.0, 0.2), "sigmoid": (0.0, 0.5), "sum": (0.8, 0.5), "l1": (0.4, 0.5),
          "l2": (0.3, 0.5), "relu": (0.6, 0.4)}
# Learning rates, times 0.1. With the map sum, outputs are not bounded by the values.
RATES = {"regression": 0.1, "exponential": 0.5, "sum": 0.2, "momentum": 0.3, "adam": 0.05,
         "sign_descent": 0.05}


def random_case(loss, method, map_name, seed, size, sizes=Sizes(), **dynamics):
    rng = np.random.RandomState(seed)
    sizes = replace(sizes, replicas=size.replicas)
    mean, deviation = LOGITS[map_name]
    objective = random_objective(loss, rng, sizes)
    V, a = random_parameters(rng, sizes, 0.3, deviation, mean)
    rate = 0.1 * RATES.get(loss, 1) * RATES.get(method, 1) * RATES.get(map_name, 1)
    return Case(objective, V, a, {"map": map_name, "method": method, "learning_rate": rate,
                                  **dynamics})


def variant(k, method):
    """rho, decay and what else a method has, in turn."""
    dynamics = {"logit_rate": (1.0, 0.4)[k % 2]}
    if k % 3 == 1:
        dynamics["logit_decay"] = 0.05
    if k % 3 == 2 and method not in ref.ENTRYWISE:
        dynamics["value_decay"] = 0.03
    if method == "momentum":
        dynamics["momentum"] = (0.9, 0.5)[k // 2 % 2]
    if method == "adam" and k % 2 == 0:
        dynamics |= {"adam_beta1": 0.8, "adam_beta2": 0.99, "adam_epsilon": 1e-3}
    return dynamics


def label_of(case):
    values = [f"{x}={value:g}" for x, value in case.dynamics.items() if x not in ("map", "method")]
    return " ".join([case.objective.loss, case.dynamics["method"], *values])


def check_map(map_name, size, binary, folder):
    """Every loss; every method with each (--long), or in turn. Regression with more, as many and
    fewer samples than dimensions."""
    done, first = [], ref.MAPS.index(map_name)
    long = size.iterations > 1000
    least = 100 if long else None
    for j, loss in enumerate(ref.LOSSES):
        for m in range(4 if long else 1):
            method, k = ref.METHODS[(first + j + m) % 4], 6 * first + j + m
            sizes = Sizes(samples=(9, 5, 3)[k % 3])
            case = random_case(loss, method, map_name, k, size, sizes, **variant(k, method))
            done.append(check_case(label_of(case), case, size, binary, folder, least))
    return "\n     " + "\n     ".join(done)


def named(name, function):
    function.__name__ = name
    return function


def test_frozen_attention(size, binary, folder):
    """rho = 0: the logits never move."""
    case = random_case("logistic", "gradient_descent", "softmax", 1, size, logit_rate=0.0)
    return check_case("", case, size, binary, folder)


def test_small_logits(size, binary, folder):
    """The e = 1e-10 beside the sum: weights that add up to less than 1, shares that do not. Frozen,
    since the slopes are large."""
    done, size = [], Size(size.replicas, 20)
    for map_name in ("sum", "l1", "l2", "relu"):
        case = random_case("logistic", "gradient_descent", map_name, 7, size, logit_rate=0.0)
        case.a *= 1e-5 if map_name == "l2" else 1e-10
        done.append(check_case(map_name, case, size, binary, folder))
    return "; ".join(done)


def test_two_tokens_and_one_dimension(size, binary, folder):
    """The smallest shapes."""
    sizes, done = Sizes(tokens=2, dim=1, labels=1), []
    for loss in ("logistic", "square", "classification"):
        case = random_case(loss, "momentum", "softmax", 2, size, sizes)
        done.append(check_case(loss, case, size, binary, folder))
    return "; ".join(done)


# Loss and shape of kernels that the compiler made for them; softmax and gradient descent.
KERNELS = [("logistic", Sizes(tokens=n)) for n in (4, 8, 16, 32, 64)]
KERNELS += [("cross_entropy", Sizes(tokens=10, dim=10)),
            ("regression", Sizes(tokens=20, dim=20, samples=20))]


def check_kernels(kernels, size, binary, folder, numerics="strict", **dynamics):
    done, size = [], Size(size.replicas, size.iterations // 3)
    for loss, sizes in kernels:
        case = random_case(loss, "gradient_descent", "softmax", sizes.tokens, size, sizes,
                           **dynamics)
        case.settings["backend.numerics"] = numerics
        label = f"{loss} n={sizes.tokens}"
        done.append(check_case(label, case, size, binary, folder, min(size.iterations, 100)))
    return "; ".join(done)


def test_shapes_that_have_kernels_of_their_own(size, binary, folder):
    """With decay it is another path through the same kernel."""
    return (check_kernels(KERNELS, size, binary, folder) + "; with decay "
            + check_kernels([KERNELS[1], KERNELS[-1]], size, binary, folder, value_decay=0.03,
                            logit_decay=0.05))


def test_fast_numerics(size, binary, folder):
    """Exponentials that are carried along, and computed afresh every so often."""
    others = [(loss, Sizes()) for loss in ref.LOSSES]
    return check_kernels([KERNELS[1], KERNELS[3], *others], size, binary, folder, "fast")


def test_wide_and_many_tokens(size, binary, folder):
    size, done = Size(size.replicas, size.iterations // 5), []
    for loss, method in (("exponential", "gradient_descent"), ("classification", "adam"),
                         ("cross_entropy", "momentum")):
        sizes = Sizes(tokens=37, dim=50, labels=40)
        case = random_case(loss, method, "softmax", 3, size, sizes)
        case.V *= 0.1
        done.append(check_case(loss, case, size, binary, folder))
    return "; ".join(done)


def test_extreme_logits(size, binary, folder):
    """Weights down to e^-600: each keeps its digits."""
    case = random_case("logistic", "gradient_descent", "softmax", 4, size)
    case.a = case.a + np.array([0.0, -1, 5, -600, 3, -40, -200])
    return check_case("", case, size, binary, folder)


def test_weights_that_are_all_zero(size, binary, folder):
    """relu, with a decay that turns every logit's sign at every step. A replica of positive logits
    has no weights and no shares every other iteration; one with a single positive logit has a
    share of 1 and no deficit."""
    size = Size(size.replicas, 12)
    case = random_case("logistic", "gradient_descent", "relu", 5, size, logit_decay=15.0)
    case.a[0] = np.abs(case.a[0]) + 0.1
    case.a[1] = -np.abs(case.a[1]) - 0.1 + np.array([0, 3.0, 0, 0, 0, 0, 0])
    run = ref.simulate(case.objective, case.V, case.a, iterations=1, checkpoints=(0, 1),
                       **case.dynamics)
    assert np.isnan(run.observables["max_probability"][0]).tolist() == [False, True]
    assert np.isneginf(run.observables["log10_deficit"][1]).tolist() == [True, False]
    return check_case("", case, size, binary, folder)


def test_singular_sums(size, binary, folder):
    """map sum: a replica whose logits add up to nothing has failed, at the start or later, whatever
    comes after. Signs move along a lattice, so it is met exactly."""
    case = random_case("logistic", "sign_descent", "sum", 6, size)
    case.dynamics["learning_rate"] = 2.0**-7
    case.a = 1 + np.round(case.a * 2**7) / 2**7
    case.a[0, 0] -= case.a[0].sum()
    settle = partial(ref.simulate, case.objective, case.V, iterations=40, checkpoints=(0, 40),
                     **case.dynamics)
    with np.errstate(all="ignore"):  # of what comes after
        while np.isnan(settle(case.a).singular[1]):  # until the sum meets zero on its way down
            case.a[1] -= 2.0**-7
        expected = settle(case.a).singular
    assert expected[0] == 0 and expected[1] > 0 and np.isnan(expected[2:]).all(), expected
    folder = Path(tempfile.mkdtemp(dir=folder))
    files = program.run(binary, program.empty_config(folder), folder / "run",
                        {**case.files(folder), **record_settings(Size(size.replicas, 40))},
                        status=4)
    assert (files["replicas"]["status"] == np.where(np.isnan(expected), 0, 6)).all()
    assert files["results"]["n_failed"] == 2 and files["results"]["n_ok"] == size.replicas - 2
    return f"at iterations {expected[0]:g} and {expected[1]:g}"


def main():
    binary = Path(sys.argv[1]).resolve()
    size = Size(20, 10_000) if sys.argv[2:] == ["--long"] else Size(3, 300)
    tests = [named(f"test_{map_name}", partial(check_map, map_name)) for map_name in ref.MAPS]
    tests += tests_of(globals())
    with tempfile.TemporaryDirectory() as folder:
        run_all(tests, size, binary, folder)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main()
