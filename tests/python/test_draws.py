"""Starts that the program draws: their laws, and their trajectories against reference.py.

usage: test_draws.py PROGRAM [--long]

states.nc holds Z(0), a(0), the metric K and the response of every drawn start. With W = K^(1/2) and
V = K^(-1/2) Z(0) that is a full start of as many dimensions as outputs, which reference.py can
follow: nothing of V beyond Z and K may matter. The default is 3 starts and 1000 iterations;
--long is 20 starts and 10 000.

Exits 77, which the test driver shows as skipped, where a library is missing.
"""

import sys
import tempfile
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

START = {"model.tokens": 6, "model.dim": 4, "init.value_scale": 0.3, "init.logit_scale": 0.2,
         "init.logit_mean": 0.5, "ensemble.seed": 7}


def run(settings, binary, folder):
    folder = Path(tempfile.mkdtemp(dir=folder))
    (folder / "case.toml").write_text("# all by --set\n")
    return program.run(binary, folder / "case.toml", folder / "run", {**START, **settings})


def canonical(states, loss, factor):
    """Objective, V, a of the starts in states.nc."""
    Z, K = states["projected_values"][:, 0], states["metric"]
    diagonal = np.einsum("rii->ri", K)
    assert (K == diagonal[:, :, None] * np.eye(K.shape[-1])).all()
    root = np.sqrt(diagonal)[:, :, None]
    if loss == "square":
        assert np.allclose(diagonal, 1, rtol=1e-15)  # the target is normalised
    response = states.get("distribution", states.get("response"))
    objective = ref.Objective(loss, root * np.eye(K.shape[-1]), response, factor)
    return objective, Z / root, states["logits"][:, 0]


def add_floor(states, results, objective, runs):
    """Regression: the part of y outside the column space, which states.nc does not hold.

    It shows in the loss at the start; from then on it must stay. Only one start can tell.
    """
    Z, s = states["projected_values"][0, 0], states["probability"][0, 0]
    floor = results["loss_mean"][0] - objective.value((Z @ s)[None])[0]
    assert floor > 0.01
    for trajectory in runs:
        trajectory.observables["loss"] = trajectory.observables["loss"] + floor


def check_draws(label, settings, size, binary, folder, dynamics):
    loss, factor = settings["objective.loss"], settings.get("objective.loss_factor", 0.5)
    keys = {f"dynamics.{key}": value for key, value in dynamics.items()}
    files = run({**settings, **keys, **record_settings(size)}, binary, folder)
    objective, V, a = canonical(files["states"], loss, factor)
    exact, rough = simulate_twice(objective, V, a, size, **dynamics)
    judge = Judge(label)
    if loss == "regression":
        if settings["objective.samples"] > START["model.dim"]:
            add_floor(files["states"], files["results"], objective, (exact, rough))
    check_states(judge, files["states"], exact, rough)
    check_table(judge, files["replicas"], exact, rough)
    check_statistics(judge, files["results"], exact, rough)
    return judge.summary()


def test_scalar_losses(size, binary, folder):
    done = []
    for loss in ref.SCALAR_LOSSES:
        for method in ref.METHODS:
            for target in ("random_unit", "random_normal", "basis"):
                settings = {"objective.loss": loss, "objective.target": target}
                dynamics = {"method": method, "learning_rate": 0.05, "logit_rate": 0.8}
                done.append(check_draws(f"{loss} {method} {target}", settings, size, binary,
                                        folder, dynamics))
    return "\n     " + "\n     ".join(done)


def test_cross_entropy(size, binary, folder):
    settings = {"objective.loss": "cross_entropy", "objective.sharpness": 5.0}
    return "; ".join(check_draws(method, settings, size, binary, folder,
                                 {"method": method, "learning_rate": 0.1})
                     for method in ref.METHODS)


def test_regression(size, binary, folder):
    """One replica at a time: the floor of the loss differs between replicas."""
    size, done = Size(1, size.iterations), []
    for samples in (7, 4, 2):
        for kappa in (1.0, 3.0):
            settings = {"objective.loss": "regression", "objective.samples": samples,
                        "objective.condition_number": kappa, "objective.loss_factor": 1.5}
            done.append(check_draws(f"N={samples} kappa={kappa}", settings, size, binary, folder,
                                    {"method": "gradient_descent", "learning_rate": 0.02}))
    return "; ".join(done)


def test_identity_design(size, binary, folder):
    settings = {"objective.loss": "regression", "objective.samples": 4,
                "objective.design": "identity", "objective.response": "unit"}
    size = Size(1, size.iterations)
    return check_draws("", settings, size, binary, folder,
                       {"method": "gradient_descent", "learning_rate": 0.1})


def sample(settings, binary, folder, count=4000):
    """Starts of many replicas."""
    return run({"dynamics.iterations": 1, "record.states": count, "ensemble.replicas": count,
                **settings}, binary, folder)


def check_normal(name, x, mean=0.0, deviation=1.0):
    """Independent draws x (sample, entry): mean, variance, kurtosis and correlations to 5 sigma.

    The seed is fixed, so this passes or fails for good.
    """
    x = (x.reshape(len(x), -1) - mean) / deviation
    count = x.size
    assert abs(x.mean()) < 5 / np.sqrt(count), (name, "mean", x.mean())
    assert abs((x**2).mean() - 1) < 5 * np.sqrt(2 / count), (name, "variance", (x**2).mean())
    assert abs((x**4).mean() - 3) < 5 * np.sqrt(96 / count), (name, "kurtosis", (x**4).mean())
    correlation = np.corrcoef(x, rowvar=False) - np.eye(x.shape[1])
    assert np.abs(correlation).max() < 5 / np.sqrt(len(x)), (name, "correlation")


def check_chi_square(name, x, freedom):
    """Mean and variance of chi-square draws x (sample) to 5 sigma."""
    count = len(x)
    assert abs(x.mean() - freedom) < 5 * np.sqrt(2 * freedom / count), (name, x.mean())
    spread = np.sqrt((8 * freedom**2 + 48 * freedom) / count)
    assert abs(x.var() - 2 * freedom) < 5 * spread, (name, x.var())


def test_laws_of_scalar_starts(size, binary, folder):
    """Given the target, Z(0) = target^T V is normal with variance K scale^2."""
    for target in ("random_unit", "random_normal", "basis"):
        states = sample({"objective.target": target}, binary, folder)["states"]
        K, Z = states["metric"][:, 0, 0], states["projected_values"][:, 0, 0]
        check_normal(f"Z, {target}", Z / np.sqrt(K)[:, None], 0, 0.3)
        check_normal(f"a, {target}", states["logits"][:, 0], 0.5, 0.2)
        if target == "random_normal":
            check_chi_square("K", K, 4)
        else:
            assert np.allclose(K, 1, rtol=1e-14)


def test_laws_of_regression(size, binary, folder):
    """K = S^2 with S = linspace(1, 1/kappa), Z(0) = S G, y normal, the floor a chi-square."""
    for samples in (7, 4, 2):
        files = sample({"objective.loss": "regression", "objective.samples": samples,
                        "objective.condition_number": 4.0, "objective.loss_factor": 1.5},
                       binary, folder)
        states, outputs = files["states"], min(samples, 4)
        S = np.linspace(1, 1 / 4, outputs)
        assert np.allclose(np.einsum("rii->ri", states["metric"]), S**2, rtol=1e-14)
        check_normal("Z", states["projected_values"][:, 0] / S[:, None], 0, 0.3)
        check_normal("y", states["response"])
        z = np.einsum("rmt,rt->rm", states["projected_values"][:, -1], states["probability"][:, -1])
        floor = files["replicas"]["loss"] / 1.5 - ((states["response"] - z) ** 2).sum(axis=-1)
        if samples > 4:
            check_chi_square("floor", floor, samples - 4)
        else:
            assert np.abs(floor).max() < 1e-13
        together = np.concatenate([states["response"], states["projected_values"][:, 0, 0],
                                   states["logits"][:, 0]], axis=1)
        correlation = np.corrcoef(together, rowvar=False) - np.eye(together.shape[1])
        assert np.abs(correlation).max() < 5 / np.sqrt(len(together))


def test_solution_norm(size, binary, folder):
    """|X^+ y| = |S^-1 y| as asked, and unit responses have length 1 with the floor."""
    for samples in (7, 4, 2):
        settings = {"objective.loss": "regression", "objective.samples": samples,
                    "objective.condition_number": 4.0}
        scaled = sample({**settings, "objective.solution_norm": 2.5}, binary, folder, 50)["states"]
        S = np.sqrt(np.einsum("rii->ri", scaled["metric"]))
        assert np.allclose(ref.norm(scaled["response"] / S), 2.5, rtol=1e-13)
        files = sample({**settings, "objective.response": "unit"}, binary, folder, 50)
        states = files["states"]
        z = np.einsum("rmt,rt->rm", states["projected_values"][:, -1], states["probability"][:, -1])
        y = states["response"]
        outside = files["replicas"]["loss"] / 0.5 - ((y - z) ** 2).sum(axis=-1)
        assert np.allclose((y**2).sum(axis=-1) + outside, 1, rtol=1e-12)


def test_law_of_distributions(size, binary, folder):
    """p = softmax(sharpness * uniform): log p_i - log p_j is a difference of uniforms."""
    states = sample({"objective.loss": "cross_entropy", "objective.sharpness": 3.0}, binary,
                    folder)["states"]
    p = states["distribution"]
    assert np.allclose(p.sum(axis=-1), 1, rtol=1e-14)
    apart = (np.log(p[:, 0::2]) - np.log(p[:, 1::2])).ravel() / 3.0  # triangular on (-1, 1)
    assert np.abs(apart).max() < 1
    assert abs(apart.mean()) < 5 * np.sqrt(1 / 6 / len(apart))
    assert abs((apart**2).mean() - 1 / 6) < 5 * np.sqrt((1 / 15 - 1 / 36) / len(apart))
    shared = sample({"objective.loss": "cross_entropy", "objective.shared": True}, binary, folder,
                    50)["states"]["distribution"]
    assert (shared == shared[0]).all()


def test_common_random_numbers(size, binary, folder):
    """Starts that are the same across condition numbers, but only when asked for."""
    for common in (True, False):
        first, second = (
            sample({"objective.loss": "regression", "objective.samples": 4,
                    "objective.condition_number": kappa,
                    "ensemble.common_random_numbers": common}, binary, folder, 50)["states"]
            for kappa in (1.0, 5.0))
        S = np.linspace(1, 1 / 5, 4)[:, None]
        same = np.allclose(first["projected_values"][:, 0] * S, second["projected_values"][:, 0],
                           rtol=1e-13, atol=0)
        assert same == common
        assert (first["response"] == second["response"]).all() == common
        assert (first["logits"][:, 0] == second["logits"][:, 0]).all() == common


def main():
    binary = Path(sys.argv[1]).resolve()
    size = Size(20, 10_000) if sys.argv[2:] == ["--long"] else Size(3, 1000)
    tests = [test for name, test in globals().items() if name.startswith("test_")]
    with tempfile.TemporaryDirectory() as folder:
        program.run_all(tests, size, binary, folder)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main()
