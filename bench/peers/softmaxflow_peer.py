"""softmaxflow itself as a contestant: the command, run on the same starts."""

import json
import shutil
import subprocess
import sys
import time

import netCDF4
import numpy as np

BARE = ["record.checkpoints=2", "record.thresholds=[]", "record.replica_table=false"]
SUMMARY = ["record.checkpoints=64"]


class Peer:
    """`seconds` is the wall time that the run reports (draws, steps and statistics, without reading
    and writing files); `command_seconds` keeps that of the whole command, seen from outside."""

    level = "hand kernel"
    compile_seconds = None

    def __init__(self, program, folder, workload, threads, numerics="strict", summarise=False):
        self.label = "softmaxflow" + (f" {numerics}" if numerics != "strict" else "")
        self.shape = f"{threads} thread{'s'[:threads > 1]}"
        self.replicas = workload.replicas
        self.settings = [f"backend.threads={threads}", *(SUMMARY if summarise else BARE)]
        if numerics != "strict":
            self.settings.append(f'backend.numerics="{numerics}"')
        self.line = [program, "run", str(folder / "workload.toml"), "--json", "--seed", "1"]
        self.output = folder / "run"
        self.command_seconds = []

    def run(self, steps, *settings):
        shutil.rmtree(self.output, ignore_errors=True)
        line = [*self.line, "-o", str(self.output)]
        for setting in (*self.settings, f"dynamics.iterations={steps}", *settings):
            line += ["--set", setting]
        begin = time.perf_counter()
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        self.command_seconds.append(time.perf_counter() - begin)
        if done.returncode != 0:
            sys.exit(f"{' '.join(line)}\nexit {done.returncode}: {done.stderr}")
        report = json.loads(done.stdout)
        if report["n_failed"]:
            sys.exit(f"{' '.join(line)}\n{report['n_failed']} replicas failed: not a timing")
        return report

    def seconds(self, lengths):
        return self.run(int(np.sum(lengths)))["wall_seconds"]

    def states(self, steps, count):
        """Z and a of the first `count` replicas, after one step and after `steps`."""
        self.run(steps, f"record.states={count}", f"record.checkpoints=[0,1,{steps}]")
        with netCDF4.Dataset(self.output / "states.nc") as file:
            file.set_auto_mask(False)
            Z, a = file["projected_values"][:], file["logits"][:]
        if Z.shape[2] == 1:
            Z = Z[:, :, 0]
        return [(Z[:, at], a[:, at]) for at in (1, -1)]

    def summary(self, steps):
        """Checkpoints, mean entropy at each, and how often each token won."""
        self.run(steps)
        with netCDF4.Dataset(self.output / "results.nc") as file:
            file.set_auto_mask(False)
            iterations, entropy = file["iteration"][:], file["entropy_mean"][:]
        with netCDF4.Dataset(self.output / "replicas.nc") as file:
            file.set_auto_mask(False)
            winner = file["winner"][:]
        return np.asarray(iterations, np.int64), entropy, np.bincount(winner)
