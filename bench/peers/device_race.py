#!/usr/bin/env python3
"""softmaxflow on a GPU against JAX, and against kernels written by hand in CuPy and numba-cuda.

usage: python3 bench/peers/device_race.py PROGRAM [--replicas 65536,1048576] [--repeats 20]
                                          [--seconds 0.2] [--json FILE]

P1: logistic loss, n = d = 8, gradient descent, float64, bare steps. The starts are those of
softmaxflow (its states.nc at iteration 0), repeated where there are more replicas than starts; Z and
a of every peer must agree with softmaxflow's after 1 and 300 steps to 1e-10, or it is not timed.
All run in turn, A B A B ..., after one round to warm up; arrays are on the device before the clock
starts, and the clock stops when the device has finished. softmaxflow's time is the wall time that
it reports for draws, steps, statistics at two checkpoints and copies, but not start-up.

Needs h5py and those of jax, cupy and numba-cuda that are to take part; what is missing is named.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import h5py
import numpy as np

TOKENS, RATE, STARTS, CHECKED, TOLERANCE = 8, 0.1, 65536, 300, 1e-10

HAND_KERNEL = r"""
extern "C" __global__ void __launch_bounds__(THREADS)
steps(double* __restrict__ Z, double* __restrict__ a, long long replicas, long long count) {
    const long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    if (i >= replicas) return;
    double z[N], x[N], e[N];
    for (int j = 0; j < N; ++j) { z[j] = Z[j * replicas + i]; x[j] = a[j * replicas + i]; }
    for (long long k = 0; k < count; ++k) {
        double sum = 0, mean = 0;
        for (int j = 0; j < N; ++j) { e[j] = exp(x[j]); sum += e[j]; mean += e[j] * z[j]; }
        const double scale = 1 / sum;
        mean *= scale;
        const double rate = RATE * scale / (1 + exp(mean));
        for (int j = 0; j < N; ++j) {
            const double change = rate * e[j];
            x[j] += change * (z[j] - mean);
            z[j] += change;
        }
    }
    for (int j = 0; j < N; ++j) { Z[j * replicas + i] = z[j]; a[j * replicas + i] = x[j]; }
}
"""


class Ours:
    def __init__(self, program, replicas, numerics="strict"):
        self.label = "softmaxflow" + (f" {numerics}" if numerics != "strict" else "")
        self.program, self.replicas, self.numerics = program, replicas, numerics
        self.compile_seconds = None

    def run(self, folder, steps, *settings):
        out = Path(folder) / "run"
        shutil.rmtree(out, ignore_errors=True)
        config = Path(folder) / "p1.toml"
        config.write_text(f"""
[model]
tokens = {TOKENS}
dim = {TOKENS}
[objective]
loss = "logistic"
[dynamics]
learning_rate = {RATE}
""")
        line = [self.program, "run", config, "-o", out, "--json", "--seed", "1",
                "--backend", "cuda"]
        for setting in (f"ensemble.replicas={self.replicas}", f"dynamics.iterations={steps}",
                        "record.thresholds=[]", "record.replica_table=false",
                        f'backend.numerics="{self.numerics}"', *settings):
            line += ["--set", setting]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{done.stderr}exit {done.returncode}: {' '.join(map(str, line))}")
        return out, json.loads(done.stdout)

    def seconds(self, steps):
        with tempfile.TemporaryDirectory() as folder:
            return self.run(folder, steps, "record.checkpoints=2")[1]["wall_seconds"]

    def states(self):
        """(Z, a), each (replica, token), at 0, 1 and CHECKED steps."""
        with tempfile.TemporaryDirectory() as folder:
            out, _ = self.run(folder, CHECKED, f"record.states={STARTS}",
                              f"record.checkpoints=[0,1,{CHECKED}]")
            with h5py.File(out / "states.nc") as file:
                Z, a = file["projected_values"][:, :, 0], file["logits"][:]
        return [(Z[:, at], a[:, at]) for at in (0, 1, -1)]


class Jax:
    """jax_flat.py on the device: whole-array expressions inside fori_loop, compiled by XLA."""

    def __init__(self, Z, a, layout, unroll):
        import jax
        import jax_flat
        self.label, self.replicas = f"JAX flat (replicas {layout}, unroll {unroll})", len(Z)
        self.jax, self.last = jax, layout == "last"
        if jax.default_backend() != "gpu":
            raise ImportError("JAX sees no GPU")
        self.start = [jax.device_put(np.ascontiguousarray(x.T if self.last else x)) for x in (Z, a)]
        step = partial(jax_flat.logistic_step, 0 if self.last else 1)
        run = jax.jit(lambda Z, a, count: jax_flat.advance(step, unroll, Z, a, None, count))
        begin = time.perf_counter()
        self.run = run.lower(*self.start, 1).compile()
        self.compile_seconds = time.perf_counter() - begin

    def seconds(self, steps):
        begin = time.perf_counter()
        self.jax.block_until_ready(self.run(*self.start, steps))
        return time.perf_counter() - begin

    def result(self, steps):
        found = self.run(*self.start, steps)
        return [np.asarray(x).T if self.last else np.asarray(x) for x in found]


class Cupy:
    """One replica per thread, everything in registers, exp of CUDA's library."""

    def __init__(self, Z, a, threads):
        import cupy
        self.cupy, self.threads, self.replicas = cupy, threads, len(Z)
        self.label = f"CuPy, kernel by hand ({threads} threads a block)"
        self.start = [cupy.asarray(np.ascontiguousarray(x.T)) for x in (Z, a)]
        begin = time.perf_counter()
        options = (f"-DN={TOKENS}", f"-DRATE={RATE}", f"-DTHREADS={threads}")
        self.kernel = cupy.RawKernel(HAND_KERNEL, "steps", options=options)
        self.kernel.compile()
        self.compile_seconds = time.perf_counter() - begin

    def run(self, steps):
        Z, a = (x.copy() for x in self.start)
        self.cupy.cuda.Device().synchronize()
        begin = time.perf_counter()
        self.kernel((-(-self.replicas // self.threads),), (self.threads,),
                    (Z, a, np.int64(self.replicas), np.int64(steps)))
        self.cupy.cuda.Device().synchronize()
        return time.perf_counter() - begin, Z, a

    def seconds(self, steps):
        return self.run(steps)[0]

    def result(self, steps):
        return [self.cupy.asnumpy(x).T for x in self.run(steps)[1:]]


class Numba:
    """The same in numba-cuda."""

    def __init__(self, Z, a, threads):
        from numba import cuda, float64
        import math
        n, rate_of_descent = TOKENS, RATE

        @cuda.jit(fastmath=True)
        def kernel(Z, a, count):
            i = cuda.grid(1)
            if i >= Z.shape[1]:
                return
            z = cuda.local.array(n, float64)
            x = cuda.local.array(n, float64)
            e = cuda.local.array(n, float64)
            for j in range(n):
                z[j] = Z[j, i]
                x[j] = a[j, i]
            for _ in range(count):
                total = 0.0
                mean = 0.0
                for j in range(n):
                    e[j] = math.exp(x[j])
                    total += e[j]
                    mean += e[j] * z[j]
                scale = 1.0 / total
                mean *= scale
                rate = rate_of_descent * scale / (1.0 + math.exp(mean))
                for j in range(n):
                    change = rate * e[j]
                    x[j] += change * (z[j] - mean)
                    z[j] += change
            for j in range(n):
                Z[j, i] = z[j]
                a[j, i] = x[j]

        self.cuda, self.kernel, self.threads, self.replicas = cuda, kernel, threads, len(Z)
        self.label = f"numba-cuda, kernel by hand ({threads} threads a block)"
        self.start = [cuda.to_device(np.ascontiguousarray(x.T)) for x in (Z, a)]
        begin = time.perf_counter()
        self.run(1)
        self.compile_seconds = time.perf_counter() - begin

    def run(self, steps):
        Z, a = (self.cuda.device_array_like(x) for x in self.start)
        for to, x in zip((Z, a), self.start):
            to.copy_to_device(x)
        self.cuda.synchronize()
        begin = time.perf_counter()
        self.kernel[-(-self.replicas // self.threads), self.threads](Z, a, steps)
        self.cuda.synchronize()
        return time.perf_counter() - begin, Z, a

    def seconds(self, steps):
        return self.run(steps)[0]

    def result(self, steps):
        return [x.copy_to_host().T for x in self.run(steps)[1:]]


VARIANTS = [*(partial(Jax, layout=layout, unroll=unroll)
              for layout in ("last", "first") for unroll in (1, 4, 16)),
            *(partial(Cupy, threads=threads) for threads in (64, 128, 256)),
            *(partial(Numba, threads=threads) for threads in (64, 128, 256))]


def steps_for(contestant, seconds):
    """Steps that take about so long, beside what a run costs without any."""
    fixed = min(contestant.seconds(1) for _ in range(2))
    steps = 16
    while True:
        taken = min(contestant.seconds(steps) for _ in range(2)) - fixed
        if taken >= 0.5 * seconds or steps >= 10_000_000:
            return max(1, round(steps * seconds / taken))
        steps = int(steps * min(16, max(2, 1.2 * seconds / max(taken, 1e-6))))


def difference(found, expected):
    """Largest over Z and a, relative to the largest entry."""
    worst = max(np.abs(x[:STARTS] - y).max() / np.abs(y).max() for x, y in zip(found, expected))
    return worst if np.isfinite(worst) else np.inf


def fastest(states, replicas, seconds):
    """Of each program the fastest variant that agrees; what was left out."""
    best, notes = {}, []
    Z, a = (np.resize(x, (replicas, TOKENS)) for x in states[0])
    for make in VARIANTS:
        name = make.func.__name__
        try:
            peer = make(Z, a)
        except Exception as error:  # whatever keeps a peer from running: it is left out by name
            note = f"{name} left out: {type(error).__name__}: {error}"
            if note not in notes:
                notes.append(note)
            continue
        peer.disagreement = max(difference(peer.result(steps), expected)
                                for steps, expected in zip((1, CHECKED), states[1:]))
        if not peer.disagreement <= TOLERANCE:
            notes.append(f"{peer.label} differs by {peer.disagreement:.1e}: not timed")
            continue
        peer.steps = steps_for(peer, seconds)
        rate = replicas * peer.steps / peer.seconds(peer.steps)
        print(f"  {peer.label}: {rate:.3g} replica-steps/s", file=sys.stderr, flush=True)
        if name not in best or rate > best[name][0]:
            best[name] = rate, peer
    return [peer for _, peer in best.values()], notes


def race(program, states, replicas, options):
    peers, notes = fastest(states, replicas, 0.5 * options.seconds)
    ours = Ours(program, replicas)
    ours.disagreement = None
    contestants = [ours, *peers]
    for x in contestants:
        x.steps = steps_for(x, options.seconds)
    times = [[] for _ in contestants]
    for turn in range(options.repeats + 1):
        for kept, x in zip(times, contestants):
            taken = x.seconds(x.steps)
            if turn > 0:
                kept.append(taken)
    rows = []
    for x, taken in zip(contestants, times):
        median = statistics.median(taken)
        rows.append({"row": x.label, "replicas": replicas, "steps": x.steps,
                     "compile_s": x.compile_seconds, "median_s": median, "min_s": min(taken),
                     "max_s": max(taken), "rate": replicas * x.steps / median,
                     "disagreement": x.disagreement})
    print(f"\n{replicas} replicas\n\n| | steps | compile s | median s | min s | max s "
          "| replica-steps/s | ours / theirs | differs by |\n|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        compiled = "" if row["compile_s"] is None else f"{row['compile_s']:.2f}"
        differs = "" if row["disagreement"] is None else f"{row['disagreement']:.0e}"
        print(f"| {row['row']} | {row['steps']} | {compiled} | {row['median_s']:.4f} | "
              f"{row['min_s']:.4f} | {row['max_s']:.4f} | {row['rate']:.3g} | "
              f"{rows[0]['rate'] / row['rate']:.2f} | {differs} |", flush=True)
    for note in notes:
        print(note, flush=True)
    return {"rows": rows, "left_out": notes}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--replicas", default="65536,1048576")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.2, help="about so long a run")
    parser.add_argument("--json", help="file for all that was measured")
    options = parser.parse_args()
    program = str(Path(options.program).resolve())
    report = {"command": " ".join(sys.argv), "repeats": options.repeats, "sizes": {}}
    states = Ours(program, STARTS).states()
    for replicas in map(int, options.replicas.split(",")):
        report["sizes"][replicas] = race(program, states, replicas, options)
        if options.json:
            Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
