"""The shipped examples: every command in their comments runs, and shows what the comments say.

usage: test_examples.py PROGRAM EXAMPLES [--long]

Commands are run as they stand, by sh, in a copy of the examples, with the program replaced by a
script that appends --set options for fewer iterations and replicas. The paper's own starts that
paper_starts.py writes are also followed by reference.py; --long does so for 10 000 iterations.

Exits 77, which the test driver shows as skipped, where a library is missing.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import needs, run_all, tests_of

needs("netCDF4", "numpy")

import numpy as np
import program
import reference as ref
from compare import Judge, Size, check_run, record_settings, simulate_twice
from starts import singular_basis

WRAPPER = """#!/bin/sh
more="--set dynamics.iterations=500 --set record.checkpoints=9"
case "$*" in *flow*|*polarization*|*phase*) more="--set record.checkpoints=9" ;; esac
case "$*" in *ensemble.replicas=1*) ;; *) more="$more --set ensemble.replicas=64" ;; esac
exec {binary} "$@" --quiet $more
"""


def commands_of(example):
    """Indented lines in the comments that begin like a command."""
    text = example.read_text()
    return re.findall(r"^#     ((?:softmaxflow|python3|for) .*)$", text, re.MULTILINE)


def copy_of(examples, folder):
    """A tree with examples/ and a short `softmaxflow` and this Python on the PATH."""
    root = Path(tempfile.mkdtemp(dir=folder))
    keep = shutil.ignore_patterns("paper-starts", "__pycache__")
    shutil.copytree(examples, root / "examples", ignore=keep)
    (root / "bin").mkdir()
    (root / "bin" / "python3").symlink_to(sys.executable)
    return root


def test_commands_in_the_comments(size, binary, examples, folder):
    root, done = copy_of(examples, folder), 0
    (root / "bin" / "softmaxflow").write_text(WRAPPER.format(binary=binary))
    (root / "bin" / "softmaxflow").chmod(0o755)
    for example in sorted((root / "examples").glob("*.toml")):
        for command in commands_of(example):
            script = f'set -e; PATH="{root}/bin:$PATH"; {command}'
            ran = subprocess.run(["sh", "-c", script], cwd=root, capture_output=True, text=True,
                                 check=False)
            assert ran.returncode == 0, f"{example.name}: {command}\n{ran.stderr}"
            done += 1
    for results in (root / "runs").glob("*/results.nc"):
        read = program.read_netcdf(results)
        assert read["n_failed"] == 0 and read["n_ok"] == read["n_total"] > 0, results
        loss = read["loss_mean"]  # converged to rounding, it may go either way
        ended = read["n_stopped"][:-1] == read["n_ok"]  # all replicas have, so it stays
        falls = (np.diff(loss) < 0) | (loss[1:] < 1e-28) | (ended & (np.diff(loss) == 0))
        assert falls.all(), f"{results}: the loss does not decrease"
    runs = [run for run in (root / "runs").iterdir() if run.is_dir()]
    assert done >= 20 and len(runs) >= 50, (done, len(runs))
    return f"{done} commands"


def paper_start(path):
    """V, a and target, where there is one, of a file written by paper_starts.py."""
    start = program.read_netcdf(path)
    return start["values"], start["logits"], start.get("target")


def logistic(folder):
    V, a, target = paper_start(folder / "logistic.nc")
    assert abs(ref.norm(target[0]) - 1) < 1e-15 and (a == 0).all()
    assert V[0, 0, 0] == 0.1 * -1.0856306033005612  # the first draw of seed 123
    return ref.Objective("logistic", target[:, None, :]), V, a


def regression(folder, kappa):
    V, a, _ = paper_start(folder / "regression.nc")
    file = program.read_netcdf(folder / f"regression-kappa-{kappa}.nc")
    S = np.linalg.svd(file["design"], compute_uv=False)
    assert np.allclose(S, np.linspace(1, 1 / kappa, 20), rtol=1e-13)
    objective = ref.Objective("regression", file["design"][None], file["response"][None], 1.0,
                              singular_basis(file["design"]))
    return objective, V, a


def cross_entropy(folder):
    V, a, _ = paper_start(folder / "cross-entropy.nc")
    p = program.read_netcdf(folder / "cross-entropy-target.nc")["distribution"]
    assert V[0, 1, 0] == 0.1 * 0.9973454465835858  # the second draw: token 0, class 1
    return ref.Objective("cross_entropy", np.eye(10)[None], p[None]), V, a


def check_paper(name, start, settings, learning_rate, size, binary, examples, folder):
    """An example on the paper's own start, against the reference."""
    output = Path(tempfile.mkdtemp(dir=folder)) / "run"
    files = program.run(binary, examples / f"{name}.toml", output,
                        {**settings, **record_settings(size)})
    judge = Judge(name)
    check_run(judge, files, *simulate_twice(*start, size, learning_rate=learning_rate))
    return judge.summary()


def test_paper_starts(size, binary, examples, folder):
    starts = Path(tempfile.mkdtemp(dir=folder))
    subprocess.run([sys.executable, examples / "paper_starts.py", "-o", starts], check=True,
                   stdout=subprocess.DEVNULL)
    where = (size, binary, examples, folder)
    done = [check_paper("logistic", logistic(starts), {"init.file": starts / "logistic.nc"}, 0.1,
                        *where),
            check_paper("cross-entropy", cross_entropy(starts),
                        {"init.file": starts / "cross-entropy.nc",
                         "objective.file": starts / "cross-entropy-target.nc"}, 0.1, *where)]
    for kappa in (2, 5):  # 1 has equal singular values: its basis is not unique
        settings = {"init.file": starts / "regression.nc",
                    "objective.file": starts / f"regression-kappa-{kappa}.nc"}
        done.append(check_paper("regression", regression(starts, kappa), settings, 0.001, *where))
    return "; ".join(done)


def test_logistic_polarises_and_keeps_its_order(size, binary, examples, folder):
    """The first 20 000 of its steps."""
    output = Path(tempfile.mkdtemp(dir=folder)) / "run"
    files = program.run(binary, examples / "logistic.toml", output,
                        {"dynamics.iterations": 20_000, "ensemble.replicas": 256,
                         "record.states": 64})
    assert 0.9 < np.median(files["replicas"]["max_probability"]) < 0.95
    assert (files["replicas"]["winner"] == files["replicas"]["initial_leader"]).all()
    u = files["states"]["projected_values"][:, :, 0]
    order = u[:, 0].argsort(axis=-1)[:, None]
    assert (np.diff(np.take_along_axis(u, order, axis=-1), axis=-1) > 0).all()


def test_regression_spreads_logits_with_kappa(size, binary, examples, folder):
    """A third of its steps, on equal draws."""
    ranges = []
    for kappa in (1, 3, 5):
        output = Path(tempfile.mkdtemp(dir=folder)) / "run"
        files = program.run(binary, examples / "regression.toml", output,
                            {"dynamics.iterations": 100_000, "record.checkpoints": 2,
                             "ensemble.replicas": 32, "objective.condition_number": kappa})
        ranges.append(np.median(files["replicas"]["logit_range"]))
    assert ranges[0] < ranges[1] < ranges[2]
    return ", ".join(f"{x:.3f}" for x in ranges)


def main():
    binary, examples = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    size = Size(1, 10_000) if sys.argv[3:] == ["--long"] else Size(1, 1000)
    tests = tests_of(globals())
    with tempfile.TemporaryDirectory() as folder:
        run_all(tests, size, binary, examples, folder)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main()
