#!/usr/bin/env python3
"""softmaxflow against the plain NumPy loop one would write for a paper: one machine, one run.

usage: python3 bench/peers/numpy_loop.py PROGRAM [--repeats 5] [--steps 20000] [--replicas 4096]

The experiment is examples/logistic.toml: n = d = 8, logistic loss, gradient descent. The loop
follows one start with the full value matrix V; it stands for code that is correct and short, not
for the fastest that NumPy can do (levels: numpy is idiomatic, softmaxflow a hand kernel). First
both follow the same 8 starts and must agree to 1e-10, or nothing is timed.

Then A B A B ...: the loop, then the command with one thread and with two, in turn, so that whatever
else the machine does hits all alike. The command is timed from the outside, start-up and files
included; the loop without Python's start-up. NumPy keeps to one core here: matrices of 8 x 8 are
too small for it to use more. Prints a table in Markdown; rates are those of the median.

Needs python3-numpy and python3-netcdf4.
"""

import argparse
import datetime
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import netCDF4
import numpy as np

TOKENS = DIM = 8
RATE = 0.1
THREADS = (1, 2)
CONFIG = f"""
[model]
tokens = {TOKENS}
dim = {DIM}
[objective]
loss = "logistic"
[dynamics]
learning_rate = {RATE}
"""


def numpy_loop(V, a, target, steps):
    """Gradient descent on log(1 + exp(-<target, V s>)) in V and the logits a."""
    V, a = V.copy(), a.copy()
    for _ in range(steps):
        s = np.exp(a - a.max())
        s /= s.sum()
        z = target @ (V @ s)
        r = target / (1 + np.exp(z))
        w = V.T @ r
        V += RATE * np.outer(r, s)
        a += RATE * s * (w - s @ w)
    return V, a


def random_starts(count):
    random = np.random.RandomState(1)
    V = 0.1 * random.randn(count, DIM, TOKENS)
    target = random.randn(count, DIM)
    return V, np.zeros((count, TOKENS)), target / np.linalg.norm(target, axis=1)[:, None]


def write_starts(path, V, a, target):
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("replica", len(V)), ("dim", DIM), ("token", TOKENS)):
            file.createDimension(name, size)
        file.createVariable("values", "f8", ("replica", "dim", "token"))[:] = V
        file.createVariable("logits", "f8", ("replica", "token"))[:] = a
        file.createVariable("target", "f8", ("replica", "dim"))[:] = target


def command(program, folder, steps, *more):
    output = tempfile.mkdtemp(dir=folder) + "/run"
    return [program, "run", f"{folder}/peer.toml", "-o", output, "--quiet",
            "--set", f"dynamics.iterations={steps}", *more], output


def run(line):
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(line)}\nexit {done.returncode}: {done.stderr}")


def check_agreement(program, folder, steps, count=8):
    """Largest relative difference in Z and a after `steps`, over `count` common starts."""
    V, a, target = random_starts(count)
    write_starts(f"{folder}/starts.nc", V, a, target)
    line, output = command(program, folder, steps, "--set", f"record.states={count}",
                           "--set", "init.file=starts.nc")
    run(line)
    with netCDF4.Dataset(f"{output}/states.nc") as states:
        states.set_auto_mask(False)
        Z, logits = states["projected_values"][:, -1, 0], states["logits"][:, -1]
    worst = 0.0
    for i in range(count):
        V_end, a_end = numpy_loop(V[i], a[i], target[i], steps)
        for found, expected in ((Z[i], target[i] @ V_end), (logits[i], a_end)):
            worst = max(worst, np.abs(found - expected).max() / np.abs(expected).max())
    if not worst <= 1e-10:
        sys.exit(f"the two disagree by {worst:.1e} after {steps} steps: nothing was timed")
    return worst


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def time_all(program, folder, options):
    """label -> seconds of every repeat, the contestants in turn; the first round warms up."""
    V, a, target = (x[0] for x in random_starts(1))
    times = {"numpy loop": [], **{f"softmaxflow, {n} thread{'s'[:n > 1]}": [] for n in THREADS}}
    for turn in range(options.repeats + 1):
        taken = [seconds(lambda: numpy_loop(V, a, target, options.steps))]
        for threads in THREADS:
            line, _ = command(program, folder, options.steps, "--threads", str(threads), "--seed",
                              "1", "--set", f"ensemble.replicas={options.replicas}")
            taken.append(seconds(lambda line=line: run(line)))
        if turn > 0:
            for kept, new in zip(times.values(), taken):
                kept.append(new)
    return times


def cpu_model():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")


def print_table(times, options, worst):
    work = {label: options.steps * (1 if label == "numpy loop" else options.replicas)
            for label in times}
    base = statistics.median(times["numpy loop"]) / work["numpy loop"]
    print(f"{cpu_model()}, {datetime.date.today()}, NumPy {np.__version__}, {options.repeats} "
          f"repeats in turn after one to warm up.")
    print(f"`{shlex.join(['python3', *sys.argv])}`")
    print(f"\nSame start, {options.steps} steps: they agree to {worst:.1e}.\n")
    print("| | replica-steps | median s | min s | max s | replica-steps/s | against NumPy |")
    print("|---|---|---|---|---|---|---|")
    for label, taken in times.items():
        median = statistics.median(taken)
        rate = work[label] / median
        print(f"| {label} | {work[label]:.3g} | {median:.3f} | {min(taken):.3f} | {max(taken):.3f} "
              f"| {rate:.3g} | {rate * base:.0f} x |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--replicas", type=int, default=4096)
    options = parser.parse_args()
    program = str(Path(options.program).resolve())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "peer.toml").write_text(CONFIG)
        worst = check_agreement(program, folder, options.steps)
        print_table(time_all(program, folder, options), options, worst)


if __name__ == "__main__":
    main()
