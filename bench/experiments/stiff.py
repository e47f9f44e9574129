#!/usr/bin/env python3
"""Explicit, implicit and automatic steps of the flow at equal achieved error: regression with
condition numbers up to 1e6, and large values. For each problem and each `dynamics.stiff`, the largest
rtol of a list whose error at the end is below --error, and the time per start with it.

usage: python3 bench/experiments/stiff.py PROGRAM [--error 1e-6] [--starts 64] [--repeats 5]

Prints Markdown. Needs NumPy and netCDF4.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import netCDF4
import numpy as np

MODES = ("off", "on", "auto")
TOLERANCES = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
# condition number, value scale, horizon
PROBLEMS = [(1, 0.1, 10), (10, 0.1, 10), (10, 0.1, 100), (10, 0.1, 1e3), (10, 0.1, 1e4),
            (1e3, 0.1, 100), (1e3, 0.1, 1e4), (1e6, 0.1, 100), (1e6, 0.1, 1e4),
            (10, 1, 10), (10, 10, 10), (10, 100, 10), (10, 10, 1e3)]


class Runs:
    def __init__(self, program, folder, starts):
        self.program, self.folder, self.starts, self.count = program, Path(folder), starts, 0
        self.config = self.folder / "stiff.toml"
        self.config.write_text('[model]\ntokens = 8\ndim = 8\n[objective]\nloss = "regression"\n'
                               'samples = 8\nloss_factor = 1.0\n[init]\nlogit_scale = 1e-3\n'
                               '[dynamics]\nmethod = "flow"\n[record]\ncheckpoints = 2\n')

    def __call__(self, problem, mode, rtol):
        """Seconds per start, steps and rejected steps per start, Z and a at the end, failures."""
        kappa, scale, horizon = problem
        self.count += 1
        output = self.folder / f"run{self.count}"
        settings = {"objective.condition_number": kappa, "init.value_scale": scale,
                    "dynamics.horizon": horizon, "dynamics.stiff": f'"{mode}"',
                    "dynamics.rtol": rtol, "dynamics.atol": 1e-3 * rtol, "ensemble.seed": 1,
                    "ensemble.replicas": self.starts, "record.states": self.starts}
        line = [self.program, "run", str(self.config), "-o", str(output), "--json"]
        for key, value in settings.items():
            line += ["--set", f"{key}={value}"]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 4), done.stderr
        report = json.loads(done.stdout)
        with netCDF4.Dataset(output / "states.nc") as file:
            file.set_auto_mask(False)
            end = np.concatenate([file[x][:, -1].reshape(self.starts, -1)
                                  for x in ("logits", "projected_values")], 1)
        with netCDF4.Dataset(output / "replicas.nc") as file:
            file.set_auto_mask(False)
            steps = float((file["steps"][:] + file["rejected_steps"][:]).mean())
        return report["wall_seconds"] / self.starts, steps, end, report["n_failed"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--error", type=float, default=1e-6)
    parser.add_argument("--starts", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print("| kappa | value_scale | t | " + " | ".join(f"{mode}: us/start (steps, rtol)"
                                                      for mode in MODES) + " | auto / better |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        run = Runs(options.program, folder, options.starts)
        for problem in PROBLEMS:
            golden = run(problem, "on", 1e-12)[2]
            cells, times = [], []
            for mode in MODES:
                for rtol in TOLERANCES:
                    seconds, steps, end, failed = run(problem, mode, rtol)
                    error = np.abs(end - golden).max(1) / np.abs(golden).max(1)
                    if failed == 0 and np.median(error) <= options.error:
                        break
                else:
                    cells.append("-")
                    times.append(np.inf)
                    continue
                best = min([seconds, *(run(problem, mode, rtol)[0]
                                       for _ in range(options.repeats - 1))])
                cells.append(f"{best * 1e6:.0f} ({steps:.0f}, {rtol:.0e})")
                times.append(best)
            kappa, scale, horizon = problem
            print(f"| {kappa:g} | {scale:g} | {horizon:g} | {' | '.join(cells)} | "
                  f"{times[2] / min(times[:2]):.2f} |", flush=True)


main()
