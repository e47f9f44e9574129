"""Gradient flow against SciPy's DOP853 at a tolerance of 1e-13: every map and loss, both clocks,
every order, stiff methods and events, from the starts that the program drew. The exact results of
docs/model.md are in test_flow_laws.py.

usage: test_flow.py PROGRAM [--long] [TEST...]

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
    """s and a function g -> J^T g, of rows of logits."""
    def mean(s, g):
        return (s * g).sum(-1, keepdims=True)

    if name == "softmax":
        s = np.exp(a - a.max(-1, keepdims=True))
        s /= s.sum(-1, keepdims=True)
        return s, lambda g: s * (g - mean(s, g))
    if name == "sigmoid":
        s = 1 / (1 + np.exp(-a))
        return s, lambda g: s * (1 - s) * g
    f, slope = {"sum": (a, np.ones_like(a)), "l2": (a * a, 2 * a),
                "relu": (np.maximum(a, 0), (a > 0).astype(float))}[name]
    total = f.sum(-1, keepdims=True) + 1e-10
    s = f / total
    return s, lambda g: slope * (g - mean(s, g)) / total


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
        return y / (1 + np.exp(y * z)) / z.shape[-1]
    p = np.exp(z - z.max(-1, keepdims=True))
    return y - p / p.sum(-1, keepdims=True)


def follow(settings, K, y, Z, a, clock, tolerance=1e-13):
    """(Z, a, arc or time) of all replicas, (replica, checkpoint, ...), at the values of the clock:
    one system, with steps that suit the hardest of them."""
    count, m, n = Z.shape
    arc = settings.get("dynamics.clock") == '"arc"'
    rho = settings.get("dynamics.logit_rate", 1.0)
    name, loss = (settings[key].strip('"') for key in ("model.map", "objective.loss"))

    def field(_, x):
        x = x.reshape(count, -1)
        Z, a = x[:, :m * n].reshape(count, m, n), x[:, m * n:m * n + n]
        s, pull = weights(name, a)
        q = residual(loss, np.einsum("rmn,rn->rm", Z, s), y)
        size = np.sqrt((q * q).sum(-1, keepdims=True))
        dZ = np.einsum("rkl,rl->rk", K, q)[:, :, None] * s[:, None, :]
        dx = np.concatenate([dZ.reshape(count, -1), rho * pull(np.einsum("rmn,rm->rn", Z, q)),
                             size], 1)
        if arc:
            dx /= size
            dx[:, -1:] = 1 / size
        return dx.ravel()

    start = np.concatenate([Z.reshape(count, -1), a, np.zeros((count, 1))], 1)
    out = solve_ivp(field, (0, clock[-1]), start.ravel(), method="DOP853", rtol=tolerance,
                    atol=1e-14, t_eval=clock)
    assert out.success, out.message
    x = out.y.T.reshape(len(clock), count, -1).swapaxes(0, 1)
    return x[..., :m * n].reshape(count, -1, m, n), x[..., m * n:-1], x[..., -1]


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
    """From SciPy, over Z and a; the other clock must agree to 1e-7 in t or the arc."""
    files = case.run({"ensemble.replicas": replicas, "record.states": replicas,
                      "record.checkpoints": 5, **settings})
    states = files["states"]
    loss = settings["objective.loss"].strip('"')
    data = states.get("distribution", states.get("response", np.zeros((replicas, 1))))
    ok = files["replicas"]["status"] == 0
    assert ok.sum() >= 0.5 * replicas, f"{loss}: {ok.sum()} of {replicas} got through"
    Z, a, other = follow(settings, states["metric"][ok], data[ok],
                         states["projected_values"][ok, 0], states["logits"][ok, 0],
                         states["clock"][ok][0])
    worst = 0.0
    for x, expected in ((states["projected_values"][ok], Z), (states["logits"][ok], a)):
        gap, size = (np.abs(v).reshape(ok.sum(), -1).max(1) for v in (x - expected, expected))
        worst = max(worst, (gap / np.maximum(1, size)).max())
    arc = settings.get("dynamics.clock") == '"arc"'
    ours = np.exp(states["log_time"][ok]) if arc else states["arc"][ok]
    # Close to the end of an arc t is as good as |q| is relative to what it was at the start.
    before = files["replicas"]["residual_norm"][ok] > (0.1 if arc else 0.0)
    gap = np.abs(ours[before, 1:] / other[before, 1:] - 1).max(initial=0)
    assert gap < 3e-7, f"{settings}: the other clock differs by {gap:.1e}"
    return worst


CLOCKS = ("time", "arc")


def in_turn(i):
    """One of the clocks."""
    return (CLOCKS[i % 2],)


def test_every_map_and_loss(case, replicas=3, clocks=in_turn):
    worst = 0.0
    for i, name in enumerate(MAPS):
        for j, loss in enumerate(LOSSES):
            for clock in clocks(i + j):
                settings = {**shape(loss, name), "dynamics.clock": f'"{clock}"',
                            "dynamics.horizon": 0.3 if clock == "arc" else 3.0,
                            "dynamics.rtol": 1e-10, "dynamics.logit_rate": 0.8}
                found = largest_difference(case, settings, replicas)
                assert found < 1e-7, f"{name}, {loss}, {clock}: {found:.1e}"
                worst = max(worst, found)
    return f"{worst:.1e}"


def long_test_every_map_and_loss(case):
    return test_every_map_and_loss(case, 200, lambda i: CLOCKS)


def test_every_order_and_the_implicit_method(case, clocks=in_turn):
    said = []
    for i, (order, stiff) in enumerate(((3, "off"), (5, "off"), (8, "off"), (5, "on"))):
        worst = 0.0
        for j, loss in enumerate(LOSSES):
            for clock in clocks(i + j):
                settings = {**shape(loss), "dynamics.clock": f'"{clock}"',
                            "dynamics.horizon": 0.3 if clock == "arc" else 3.0,
                            "dynamics.rtol": 1e-9, "dynamics.order": order,
                            "dynamics.stiff": f'"{stiff}"'}
                found = largest_difference(case, settings, 3)
                assert found < 1e-6, f"order {order}, stiff {stiff}, {loss}, {clock}: {found:.1e}"
                worst = max(worst, found)
        said.append(f"{order} {stiff} {worst:.1e}")
    return ", ".join(said)


def long_test_every_order_and_the_implicit_method(case):
    return test_every_order_and_the_implicit_method(case, lambda i: CLOCKS)


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
             (("logistic", {}), ("logistic", {"model.tokens": 8}),
              ("logistic", {"model.tokens": 8, "dynamics.order": 8}), ("regression", {"dynamics.stiff": '"on"', "dynamics.horizon": 1.0}),
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
    binary, *wanted = sys.argv[1:]
    prefix = "long_test_" if "--long" in wanted else "test_"
    wanted = [name for name in wanted if name != "--long"]
    with tempfile.TemporaryDirectory() as folder:
        case = Case(binary, folder)
        tests = [f for name, f in globals().items() if name.startswith(prefix)
                 and (not wanted or name in wanted)]
        run_all(tests, case)


if __name__ == "__main__":
    main()
