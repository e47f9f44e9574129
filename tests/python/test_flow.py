"""Gradient flow against SciPy's DOP853 at a tolerance of 1e-13: every map and loss, both clocks,
every order, stiff methods and events, from the starts that the program drew. Also the exact results
of docs/model.md: invariants, and the long run on the arc clock.

usage: test_flow.py PROGRAM [TEST...]

Exits 77, which the test driver shows as skipped, where NumPy, SciPy or netCDF4 is missing.
"""

import sys
import tempfile
from pathlib import Path

from harness import needs, run_all

needs("numpy", "netCDF4", "scipy")

import numpy as np
import program
from scipy.integrate import solve_ivp

MAPS = ("softmax", "sigmoid", "sum", "l2", "relu")
LOSSES = ("logistic", "exponential", "square", "regression", "classification", "cross_entropy")
SCALAR = ("logistic", "exponential", "square")


def weights(name, a):
    """s and a function g -> J^T g."""
    if name == "softmax":
        s = np.exp(a - a.max())
        s /= s.sum()
        return s, lambda g: s * (g - s @ g)
    if name == "sigmoid":
        s = 1 / (1 + np.exp(-a))
        return s, lambda g: s * (1 - s) * g
    f, slope = {"sum": (a, np.ones_like(a)), "l2": (a * a, 2 * a),
                "relu": (np.maximum(a, 0), (a > 0).astype(float))}[name]
    total = f.sum() + 1e-10
    s = f / total
    return s, lambda g: slope * (g - s @ g) / total


def residual(loss, z, y, factor=0.5):
    if loss == "logistic":
        return 1 / (1 + np.exp(z))
    if loss == "exponential":
        return np.exp(-z)
    if loss == "square":
        return y - z
    if loss == "regression":
        return 2 * factor * (y - z)
    if loss == "classification":
        return y / (1 + np.exp(y * z)) / len(z)
    p = np.exp(z - z.max())
    return y - p / p.sum()


def follow(settings, K, y, Z, a, clock, tolerance=1e-13):
    """(Z, a, arc or time) at the values of the clock."""
    m, n = Z.shape
    arc = settings.get("dynamics.clock") == '"arc"'
    rho = settings.get("dynamics.logit_rate", 1.0)
    name, loss = (settings[key].strip('"') for key in ("model.map", "objective.loss"))

    def field(_, x):
        Z, a = x[:m * n].reshape(m, n), x[m * n:m * n + n]
        s, pull = weights(name, a)
        q = residual(loss, Z @ s, y)
        size = np.sqrt(q @ q)
        dx = np.concatenate([np.outer(K @ q, s).ravel(), rho * pull(Z.T @ q), [size]])
        if arc:
            dx /= size
            dx[-1] = 1 / size
        return dx

    out = solve_ivp(field, (0, clock[-1]), np.concatenate([Z.ravel(), a, [0.0]]), method="DOP853",
                    rtol=tolerance, atol=1e-14, t_eval=clock)
    assert out.success, out.message
    x = out.y.T
    return x[:, :m * n].reshape(-1, m, n), x[:, m * n:-1], x[:, -1]


class Case:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.count = binary, Path(folder), 0
        self.config = program.empty_config(folder)

    def run(self, settings):
        self.count += 1
        return program.run(self.binary, self.config, self.folder / f"run{self.count}",
                           {"dynamics.method": '"flow"', "ensemble.seed": 5, **settings})


def shape(loss, name="softmax"):
    return {"model.map": f'"{name}"', "objective.loss": f'"{loss}"', "model.tokens": 5,
            "model.dim": 4, "init.value_scale": 0.7, "init.logit_mean": 1.0,
            "init.logit_scale": 0.3, **({"objective.samples": 4} if loss in
                                        ("regression", "classification") else {})}


def largest_difference(case, settings, replicas=10):
    files = case.run({"ensemble.replicas": replicas, "record.states": replicas,
                      "record.checkpoints": 5, **settings})
    states = files["states"]
    loss = settings["objective.loss"].strip('"')
    data = states.get("distribution", states.get("response"))
    worst = 0.0
    for r in range(replicas):
        if files["replicas"]["status"][r] != 0:
            continue
        y = data[r] if data is not None else np.zeros(1)
        Z, a, other = follow(settings, states["metric"][r], y, states["projected_values"][r, 0],
                             states["logits"][r, 0], states["clock"][r])
        arc = settings.get("dynamics.clock") == '"arc"'
        ours = np.exp(states["log_time"][r]) if arc else states["arc"][r]
        for x, expected in ((states["projected_values"][r], Z), (states["logits"][r], a)):
            worst = max(worst, np.abs(x - expected).max() / max(1, np.abs(expected).max()))
        gap = np.abs(ours[1:] / other[1:] - 1).max()
        assert gap < (1e-4 if arc else 1e-6), f"{loss}: the other clock differs by {gap:.1e}"
    return worst


def test_every_map_and_loss(case):
    worst = 0.0
    for name in MAPS:
        for loss in LOSSES:
            for clock in ("time", "arc"):
                settings = {**shape(loss, name), "dynamics.clock": f'"{clock}"',
                            "dynamics.horizon": 0.3 if clock == "arc" else 3.0,
                            "dynamics.rtol": 1e-10, "dynamics.logit_rate": 0.8}
                found = largest_difference(case, settings, 3)
                assert found < 1e-7, f"{name}, {loss}, {clock}: {found:.1e}"
                worst = max(worst, found)
    return f"{worst:.1e}"


def test_every_order_and_the_implicit_method(case):
    said = []
    for order, stiff in ((3, "off"), (5, "off"), (8, "off"), (5, "on")):
        worst = 0.0
        for loss in LOSSES:
            for clock in ("time", "arc"):
                settings = {**shape(loss), "dynamics.clock": f'"{clock}"',
                            "dynamics.horizon": 0.3 if clock == "arc" else 3.0,
                            "dynamics.rtol": 1e-9, "dynamics.order": order,
                            "dynamics.stiff": f'"{stiff}"'}
                found = largest_difference(case, settings, 3)
                assert found < 1e-6, f"order {order}, stiff {stiff}, {loss}, {clock}: {found:.1e}"
                worst = max(worst, found)
        said.append(f"{order} {stiff} {worst:.1e}")
    return ", ".join(said)


def test_invariants(case):
    """Sum of the logits constant; sum of u grows by kappa tau."""
    said = []
    for rtol in (1e-6, 1e-9, 1e-12):
        for order in (5, 8):
            states = case.run({**shape("logistic"), "model.tokens": 8, "dynamics.clock": '"arc"',
                               "objective.target": '"random_normal"', "dynamics.horizon": 1e3,
                               "dynamics.logit_rate": 0.6, "dynamics.rtol": rtol,
                               "dynamics.atol": 1e-3 * rtol, "dynamics.order": order,
                               "ensemble.replicas": 100, "record.states": 100})["states"]
            a, u, tau = states["logits"], states["projected_values"][:, :, 0], states["clock"]
            grown = u.sum(-1) - u[:, :1].sum(-1) - states["metric"][:, 0] * tau
            drift = max(np.abs(a.sum(-1) - a[:, :1].sum(-1)).max() / np.abs(a).max(),
                        np.abs(grown).max() / np.abs(u).max())
            assert drift < 100 * rtol, f"order {order}, rtol {rtol}: {drift:.1e}"
            said.append(f"{drift / rtol:.2g}")
    return "in units of rtol " + ", ".join(said)


def test_long_run(case):
    """(1 - s_1) tau^2 tends to 2 (n - 1) / n from equal logits."""
    said = []
    for n in (2, 3, 8, 20, 64):
        files = case.run({"model.tokens": n, "dynamics.clock": '"arc"', "dynamics.horizon": 1e6,
                          "dynamics.rtol": 1e-10, "dynamics.order": 8, "ensemble.replicas": 32})
        table = files["replicas"]
        assert (table["status"] == 0).all()
        ratio = 10 ** table["log10_deficit"] * 1e12 / (2 * (n - 1) / n)
        steps = (table["steps"] + table["rejected_steps"]).mean()
        allowed = 0.005 if n <= 20 else 0.01
        assert np.abs(ratio - 1).max() < allowed, f"n = {n}: {ratio.min()} .. {ratio.max()}"
        assert steps < 500, f"n = {n}: {steps} steps"
        said.append(f"n = {n}: {ratio.min():.5f} .. {ratio.max():.5f} in {steps:.0f} steps")
    return "; ".join(said)


def test_end_of_the_arc(case):
    """Square loss ends at z = B, on both clocks; orbits are those of the logistic loss."""
    for clock in ("arc", "time"):
        files = case.run({**shape("square"), "objective.radius": 2.0, "dynamics.rtol": 1e-10,
                          "dynamics.clock": f'"{clock}"', "ensemble.replicas": 50})
        assert (files["replicas"]["status"] == 1).all()
        z = files["replicas"]["output_norm"]
        assert np.abs(z - 2).max() < 1e-7, f"{clock}: {np.abs(z - 2).max():.1e}"


def test_orbits_are_universal(case):
    states = [case.run({**shape(loss), **({"objective.radius": 1e3} if loss == "square" else {}),
                        "dynamics.clock": '"arc"',
                        "dynamics.horizon": 50.0, "dynamics.rtol": 1e-11, "ensemble.replicas": 20,
                        "ensemble.common_random_numbers": True, "record.states": 20})["states"]
              for loss in SCALAR]
    worst = max(np.abs(other[name] - states[0][name]).max() / np.abs(states[0][name]).max()
                for other in states[1:] for name in ("logits", "projected_values"))
    assert worst < 1e-8, worst
    return f"{worst:.1e}"


def test_stiff(case):
    """The implicit method, asked for or found necessary, takes few steps where the explicit one is
    held up by stability, to the same end; on easy problems it takes about as many."""
    base = {"objective.loss": '"regression"', "objective.samples": 8, "dynamics.rtol": 1e-8,
            "objective.condition_number": 10.0, "objective.loss_factor": 50.0,
            "dynamics.horizon": 100.0, "ensemble.replicas": 20, "record.states": 20,
            "record.checkpoints": 3}
    runs = {stiff: case.run({**base, "dynamics.stiff": f'"{stiff}"'})
            for stiff in ("on", "off", "auto")}
    steps = {stiff: float((run["replicas"]["steps"] + run["replicas"]["rejected_steps"]).mean())
             for stiff, run in runs.items()}
    assert 3 * steps["on"] < steps["off"] and 2 * steps["auto"] < steps["off"], steps
    assert (runs["auto"]["states"]["controller"][:, -1, 1] == -1).all()
    for stiff in ("on", "auto"):
        x, y = (runs[one]["states"]["logits"][:, -1] for one in (stiff, "off"))
        assert np.abs(x - y).max() < 1e-5, f"{stiff}: {np.abs(x - y).max():.1e}"
    for loss in LOSSES:
        for clock in ("time", "arc"):
            settings = {**shape(loss), "dynamics.clock": f'"{clock}"', "dynamics.horizon": 0.3,
                        "ensemble.replicas": 20}
            easy = [case.run({**settings, "dynamics.stiff": f'"{stiff}"'})["replicas"]
                    for stiff in ("on", "off")]
            on, off = (x["steps"].mean() for x in easy)
            assert on < 2 * off + 5, f"{loss}, {clock}: {on} steps, explicit {off}"
    return steps


def test_no_absolute_tolerance(case):
    """From logits that are all 0."""
    table = [case.run({"dynamics.clock": '"arc"', "dynamics.horizon": 100.0, "dynamics.atol": atol,
                       "ensemble.replicas": 20})["replicas"] for atol in (0.0, 1e-12)]
    assert (table[0]["status"] == 0).all()
    gap = np.abs(table[0]["logit_range"] / table[1]["logit_range"] - 1).max()
    assert gap < 1e-6, gap


def test_stop_and_passages(case):
    """A replica that stops at a probability does so at its first passage."""
    base = {"dynamics.clock": '"arc"', "dynamics.horizon": 100.0, "record.thresholds": [0.5, 0.9],
            "ensemble.replicas": 50, "dynamics.rtol": 1e-9}
    through = case.run(base)["replicas"]
    stopped = case.run({**base, "dynamics.stop_at_probability": 0.9})["replicas"]
    assert (stopped["status"] == 2).all()
    gap = np.abs(stopped["arc"] / through["first_passage"][:, 1] - 1).max()
    assert gap < 1e-3, gap
    fine = case.run({**base, "dynamics.rtol": 1e-12, "dynamics.order": 8})["replicas"]
    worst = np.abs(fine["first_passage"] / through["first_passage"] - 1).max()
    assert worst < 1e-6, worst
    return f"{worst:.1e}"


def test_restart(case):
    """The same bits as the run that was not interrupted."""
    base = {"ensemble.replicas": 20, "record.states": 20, "dynamics.clock": '"arc"'}
    whole = case.run({**base, "dynamics.horizon": 50.0, "record.checkpoints": [10.0, 20.0, 30.0]})
    first = case.run({**base, "dynamics.horizon": 20.0, "record.checkpoints": [10.0]})
    path = case.folder / f"run{case.count}" / "states.nc"
    again = case.run({"record.states": 20, "dynamics.clock": '"arc"', "dynamics.horizon": 50.0,
                      "init.file": f'"{path}"', "record.checkpoints": [30.0]})
    assert len(first["states"]["clock"]) == 20
    for name in ("logits", "projected_values", "arc", "log_time", "step_size", "controller"):
        x, y = whole["states"][name][:, -1], again["states"][name][:, -1]
        assert np.array_equal(x, y), f"{name}: {np.abs(x - y).max():.1e}"


def test_equal_bits(case):
    """Instruction sets, threads and the number of replicas leave every word as it is."""
    settings = {"dynamics.method": '"flow"', "ensemble.seed": 5, "dynamics.clock": '"arc"',
                "dynamics.horizon": 30.0, "record.checkpoints": 6, "record.states": 8}

    def words(loss, options, replicas, **more):
        case.count += 1
        output = case.folder / f"run{case.count}"
        chosen = {**settings, **shape(loss), "ensemble.replicas": replicas, **more}
        program.execute(case.binary, case.config, output, chosen, options=options)
        return {name: program.read_netcdf(output / f"{name}.nc") for name in ("replicas", "states")}

    sets = [x for x in program.instruction_sets(case.binary) if x != "generic"]
    cases = [(loss, more, sets, (77, 20)) for loss, more in
             (("logistic", {}), ("regression", {"dynamics.stiff": '"on"', "dynamics.horizon": 1.0}),
              ("cross_entropy", {"dynamics.order": 8, "dynamics.horizon": 1.0}))]
    # Without fma in hardware everything is emulated: a short run.
    cases.append(("logistic", {"dynamics.horizon": 2.0}, ["generic"], (20,)))
    for loss, more, others, counts in cases:
        golden = words(loss, ["--threads", "1"], 77, **more)
        for other in others:
            for count in counts:
                found = words(loss, ["--instruction-set", other, "--threads", "2"], count, **more)
                for file, variables in golden.items():
                    for name, x in variables.items():
                        y = found[file][name]
                        if x.shape[:1] == (77,):
                            x = x[:count]
                        assert x.tobytes() == y.tobytes(), f"{loss} {other} {count}: {name}"
    return ", ".join([*sets, "generic"])


def main():
    binary = sys.argv[1]
    wanted = sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        case = Case(binary, folder)
        tests = [f for name, f in globals().items() if name.startswith("test_")
                 and (not wanted or name in wanted)]
        run_all(tests, case)


main()
