"""A run restarted from its states.nc goes on with the same bits.

usage: test_restart.py PROGRAM

Exits 77, which the test driver shows as skipped, where a library is missing.
"""

import sys
import tempfile
from pathlib import Path

from harness import needs, run_all, tests_of

needs("netCDF4", "numpy")

import numpy as np
import program
import reference as ref
from test_reference import LOGITS

REPLICAS, END, HALF = 20, 400, 200  # more replicas than any vector has lanes


def run(folder, binary, settings, iterations, **more):
    """Returns the folder of the run."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    program.execute(binary, program.empty_config(folder), folder / "run",
                    {**settings, "dynamics.iterations": iterations, **more})
    return folder / "run"


def restart(folder, binary, settings, iterations, source, checkpoint=-1, **more):
    """From the states.nc of the run `source`, which says how many replicas there are."""
    settings = {x: value for x, value in settings.items() if x != "ensemble.replicas"}
    return run(folder, binary, settings, iterations, **{
        "init.file": source / "states.nc", "init.checkpoint": checkpoint, **more})


def read(folder):
    """{file: {variable: (dimensions, values)}}"""
    return {file: program.read_with_dimensions(folder / f"{file}.nc")
            for file in ("results", "states", "replicas")}


def check_goes_on(label, whole, folder, replicas=REPLICAS):
    """Every variable of both runs, `whole` read already, has the same bits at every checkpoint that
    both have. Statistics are comparable if the replicas are the same ones."""
    part = read(folder)
    before, after = (x["states"]["iteration"][1] for x in (whole, part))
    common = np.intersect1d(before, after)
    assert len(common) >= 2 and common[-1] == END, (label, before, after)
    places = np.searchsorted(before, common), np.searchsorted(after, common)
    for file in ("results", "states", "replicas")[0 if replicas == REPLICAS else 1:]:
        alone = set(whole[file]) ^ set(part[file])
        assert not alone, f"{label}: {file}.nc, only one has {alone}"
        for name, (axes, x) in whole[file].items():
            if name in ("first_passage", "steps") or name.startswith("passage_"):
                continue  # of what a run saw; see below
            y = part[file][name][1]
            if "checkpoint" in axes:
                x, y = (np.take(z, place, axes.index("checkpoint"))
                        for z, place in zip((x, y), places))
            if axes and axes[0] in ("state", "replica"):
                x = x[:replicas]
            assert x.tobytes() == y.tobytes(), f"{label}: {file}.nc, {name}"
    check_passage(*(x["replicas"]["first_passage"][1][:replicas] for x in (whole, part)), after[0])


def check_passage(whole, part, start):
    """A restarted run sees what happens from its first checkpoint on."""
    later = ~(whole <= start)
    assert np.array_equal(whole[later], part[later], equal_nan=True)
    assert not (part < start).any()


def settings_of(loss, method, map_name, spacing="log", **more):
    mean, deviation = LOGITS[map_name]
    settings = {"model.tokens": 7, "model.dim": 5, "model.map": map_name, "objective.loss": loss,
                "init.value_scale": 0.3, "init.logit_mean": mean, "init.logit_scale": deviation,
                "dynamics.method": method, "dynamics.learning_rate": 0.01,
                "dynamics.logit_rate": 0.7, "dynamics.logit_decay": 0.01,
                "ensemble.replicas": REPLICAS, "ensemble.seed": 5, "record.states": REPLICAS,
                "record.ranked": True, "record.spacing": spacing,
                "record.checkpoints": 24 if spacing == "log" else 9, "record.bins": 8,
                "record.thresholds": [0.2, 0.3, 0.4]}
    if loss in ("regression", "classification"):
        settings["objective.samples"] = 4
    return {**settings, **more}


def check_case(binary, folder, label, settings, checkpoints=(-1, 4)):
    """A straight run; another to the middle, and on from some of its checkpoints."""
    whole = read(run(folder, binary, settings, END))
    first = run(folder, binary, settings, HALF)
    for checkpoint in checkpoints:
        again = restart(folder, binary, settings, END, first, checkpoint)
        check_goes_on(f"{label}, from checkpoint {checkpoint}", whole, again)
    return whole, first


def check_in_three_parts(binary, folder, label, settings):
    """Also with other threads."""
    whole, first = check_case(binary, folder, label, {**settings, "backend.threads": 2})
    second = restart(folder, binary, settings, HALF + 50, first, **{"backend.threads": 1})
    third = restart(folder, binary, settings, END, second, **{"backend.threads": 3})
    check_goes_on(f"{label}, in three parts", whole, third)


def test_every_method(binary, folder):
    """Every map and every loss with two of them."""
    maps = ("softmax", "l1", "relu", "sigmoid", "sum", "l2")
    for i, loss in enumerate(ref.LOSSES):
        for method, map_name in ((ref.METHODS[i % 4], "softmax"),
                                 (ref.METHODS[(i + 1) % 4], maps[i])):
            settings = settings_of(loss, method, map_name, ("log", "linear")[i % 2])
            if method not in ref.ENTRYWISE:
                settings["dynamics.value_decay"] = 0.02
            check = check_in_three_parts if map_name == "softmax" else check_case
            check(binary, folder, f"{method} {map_name} {loss}", settings)


def test_drawn_objectives(binary, folder):
    """Of which the file must hold all: floors, dense metrics, targets of any length, value laws."""
    laws = {"init.value_law": "student", "init.value_dof": 3.0}
    cases = {"floor": settings_of("regression", "momentum", "softmax", **{"objective.samples": 9}),
             "singular vectors": settings_of("regression", "adam", "softmax", **laws),
             "target": settings_of("exponential", "momentum", "softmax", **{
                 "objective.target": "random_normal"}),
             "radius": settings_of("square", "adam", "softmax", **{"objective.radius": 2.5}),
             "shared": settings_of("classification", "momentum", "softmax", **{
                 "objective.shared": True}),
             "equal losers": settings_of("logistic", "gradient_descent", "softmax", **{
                 "init.value_law": "equal_losers"})}
    # The kernel of what most runs are.
    plain = {"model.tokens": 8, "dynamics.logit_decay": 0}
    cases["plain"] = settings_of("logistic", "gradient_descent", "softmax", **plain)
    for label, settings in cases.items():
        check_case(binary, folder, label, settings, checkpoints=(-1,))


def test_an_objective_from_a_file(binary, folder):
    rng = np.random.RandomState(3)
    path = Path(tempfile.mkdtemp(dir=folder)) / "objective.nc"
    for loss, response in (("regression", rng.normal(size=9)),
                           ("classification", rng.choice([-1.0, 1.0], size=4))):
        program.write_netcdf(path, response=(("sample",), response),
                             design=(("sample", "dim"), rng.normal(size=(len(response), 5))))
        settings = settings_of(loss, "adam", "softmax", **{
            "objective.file": path, "objective.samples": len(response)})
        check_case(binary, folder, f"{loss} from a file", settings, checkpoints=(-1,))


def test_some_of_the_replicas(binary, folder):
    """states.nc of 6 replicas among 20: a run of 6, the same ones."""
    settings = settings_of("classification", "adam", "l2", "linear")
    whole = read(run(folder, binary, settings, END))
    few = run(folder, binary, settings, HALF, **{"record.states": 6})
    more = {"record.states": 6}
    check_goes_on("6 of 20", whole, restart(folder, binary, settings, END, few, **more), 6)


def test_restarts_that_make_no_sense(binary, folder):
    settings = settings_of("logistic", "momentum", "softmax")
    first = run(folder, binary, settings, HALF)
    for change, expected in (({"dynamics.iterations": HALF}, "200"),
                             ({"model.tokens": 6}, "7"),
                             ({"init.checkpoint": 999}, "999"),
                             ({"objective.loss": "cross_entropy"}, "5")):
        try:
            restart(folder, binary, settings, END, first, **change)
        except AssertionError as failure:
            message = str(failure)
            assert message.startswith(("exit 2", "exit 6")), message
            assert expected in message.split("\n", 1)[1] and "init." in message, message
            continue
        raise AssertionError(f"went on with {change}")


def main():
    binary = Path(sys.argv[1]).resolve()
    tests = tests_of(globals())
    with tempfile.TemporaryDirectory() as folder:
        run_all(tests, binary, folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
