#!/usr/bin/env python3
"""softmaxflow against JAX and numba on the same starts, all cores: one machine, one run.

usage: python3 bench/peers/throughput.py PROGRAM [--repeats 20] [--workloads p1-8,p2]
                                         [--numerics strict,fast] [--json FILE]

For each workload (workloads.py) the starts are drawn once, into a file that softmaxflow reads. Each
peer's variants are tried in short runs; the fastest goes on. It then follows the same starts as
softmaxflow for one step (so the right-hand sides agree) and for 300, and Z and a of the first 1000
must agree to 1e-10, or it is not timed. Then all run in turn, A B A B ..., after one round to warm
up. Arrays are on the device before the clock starts, results are there when it stops.

Two tables each: the bare steps; and with the summary that softmaxflow makes anyway, of which the
peers make a part: mean entropy at up to 64 log-spaced checkpoints and how often each token won.
Compile times stand in their own column. Prints Markdown; what a row is, README.md tells.

Needs requirements.txt.
"""

import argparse
import datetime
import json
import os
import platform
import shlex
import statistics
import sys
import tempfile
import time
from pathlib import Path

import jax_flat
import numba_peer
import numpy as np
import numpy_loop
import softmaxflow_peer
import workloads

CHECKED_STATES, CHECKED_STEPS, TOLERANCE = 1000, 300, 1e-10
KINDS = [(jax_flat, "flat"), (jax_flat, "blocked"), (numba_peer, "plain"), (numba_peer, "library"),
         (numba_peer, "own")]


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


class Others:
    """The share of all cores that other processes had, or other machines on this host, meanwhile:
    noise. From the kernel's counters, 1/100 s each."""

    def __init__(self):
        self.start = self.counters()

    @staticmethod
    def counters():
        user, nice, system, idle, wait, irq, softirq, steal, *_ = map(
            int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
        busy = user + nice + system + irq + softirq + steal
        return busy, busy + idle + wait, 100 * sum(os.times()[:4])

    def share(self):
        busy, total, own = (b - a for a, b in zip(self.start, self.counters()))
        return max(0.0, (busy - own) / max(total, 1))


class NumpyLoop:
    """One start with the full V, one core: numpy_loop.py."""

    label, level, shape, compile_seconds, replicas = "NumPy loop", "idiomatic", "1 thread", None, 1

    def __init__(self, starts):
        self.start = starts.V[0], starts.a[0], starts.target[0]

    def result(self, lengths):
        V, a = numpy_loop.numpy_loop(*self.start, int(np.sum(lengths)))
        return (self.start[2] @ V)[None], a[None]

    def seconds(self, lengths):
        return numpy_loop.seconds(lambda: self.result(lengths))


def rate_of(contestant, seconds):
    """Replica-steps/s from runs that grow until they take `seconds`."""
    steps = 16
    while True:
        taken = min(contestant.seconds([steps]) for _ in range(3))
        if taken >= seconds or steps >= 10_000_000:
            return contestant.replicas * steps / taken
        steps = int(steps * min(16, max(2, 1.2 * seconds / max(taken, 1e-6))))


def fastest(module, kind, workload, starts):
    """The best variant of a peer, its rate, and the log of what was tried."""
    tried = []

    def attempt(options):
        peer = module.Peer(kind, workload, starts, **options)
        rate = rate_of(peer, 0.1)
        tried.append({"row": peer.label, "variant": peer.shape, "rate": rate})
        return rate, peer

    def best_of(attempts):
        return max(attempts, key=lambda attempt: attempt[0])

    first = best_of([attempt(options) for options in module.candidates(kind, workload)])
    refined = [attempt(options) for options in module.refinements(first[1].options)]
    rate, peer = best_of([first, *refined])
    say(f"{peer.label}: {peer.shape}, {rate:.3g} replica-steps/s, best of {len(tried)}")
    return peer, rate, tried


def difference(found, expected):
    """Largest over Z and a, relative to the largest entry of each replica."""
    worst = 0.0
    for x, y in zip(found, expected):
        count = min(len(x), len(y))
        x, y = x[:count].reshape(count, -1), y[:count].reshape(count, -1)
        worst = max(worst, (np.abs(x - y).max(1) / np.abs(y).max(1)).max())
    return worst if np.isfinite(worst) else np.inf


def disagreement(contestant, golden):
    return max(difference(contestant.result([steps])[:2], expected)
               for steps, expected in zip((1, CHECKED_STEPS), golden))


def take_turns(contestants, lengths, repeats):
    """Seconds of every repeat; the first round warms up."""
    times = [[] for _ in contestants]
    for turn in range(repeats + 1):
        for kept, contestant, length in zip(times, contestants, lengths):
            taken = contestant.seconds(length)
            if turn > 0:
                kept.append(taken)
            time.sleep(0.02)  # workers that spin after a parallel loop go to sleep
    return times


def row_of(contestant, steps, taken, agreement):
    median = statistics.median(taken)
    return {"row": contestant.label, "level": contestant.level, "variant": contestant.shape,
            "replicas": contestant.replicas, "steps": int(steps),
            "compile_s": contestant.compile_seconds, "median_s": median, "min_s": min(taken),
            "max_s": max(taken), "rate": contestant.replicas * steps / median,
            "disagreement": agreement}


def rows_of(contestants, steps, times, agreements):
    rows = []
    for contestant, count, taken, agreement in zip(contestants, steps, times, agreements):
        rows.append(row_of(contestant, count, taken, agreement))
        if isinstance(contestant, softmaxflow_peer.Peer):
            whole = row_of(contestant, count, contestant.command_seconds[-len(taken):], agreement)
            rows.append({**whole, "variant": whole["variant"] + ", whole command"})
    return rows


def bare_steps(ours, golden, peers, options):
    """Every contestant with its own best sizes, for about --seconds a run."""
    rates = [rate_of(x, 0.2) for x in ours] + [rate for _, rate in peers]
    contestants = [*ours, *(peer for peer, _ in peers)]
    agreements = [None] * len(ours) + [disagreement(peer, golden) for peer, _ in peers]
    kept = [i for i, x in enumerate(agreements) if x is None or x <= TOLERANCE]
    for i in set(range(len(contestants))) - set(kept):
        say(f"{contestants[i].label} misses ours by {agreements[i]:.1e}: not timed")
    contestants, rates, agreements = ([x[i] for i in kept]
                                      for x in (contestants, rates, agreements))
    steps = [max(1000, round(rate * options.seconds / x.replicas, -2))
             for x, rate in zip(contestants, rates)]
    times = take_turns(contestants, [np.array([int(n)]) for n in steps], options.repeats)
    return rows_of(contestants, [int(n) for n in steps], times, agreements)


def with_summary(ours, workload, starts, variants, steps, options):
    """Equal replicas and steps for all; the summaries must agree as well."""
    iterations, entropy, winners = ours.summary(steps)
    lengths = np.diff(iterations)
    contestants, agreements = [ours], [None]
    for module, kind, settings in variants:
        peer = module.Peer(kind, workload, starts, **settings, segments=len(lengths))
        _, _, found, won = peer.result(lengths)
        worst = np.abs(found - entropy).max()
        won_differently = np.abs(won - np.bincount(np.repeat(np.arange(len(winners)), winners),
                                                   minlength=len(won))).sum() // 2
        if worst <= TOLERANCE and won_differently == 0:
            contestants.append(peer)
            agreements.append(worst)
        else:
            say(f"{peer.label} misses our summary: entropy by {worst:.1e}, {won_differently} "
                "winners: not timed")
    times = take_turns(contestants, [lengths] * len(contestants), options.repeats)
    return rows_of(contestants, [steps] * len(contestants), times, agreements)


def print_table(title, rows, others):
    print(f"\n**{title}** (other processes had {others:.0%} of the cores)\n")
    print("| | level | variant | replicas x steps | compile s | median s | min s | max s "
          "| replica-steps/s | ours / theirs | differs by |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    base = rows[0]["rate"]
    for row in rows:
        compiled = f"{row['compile_s']:.2f}" if row["compile_s"] is not None else ""
        differs = f"{row['disagreement']:.0e}" if row["disagreement"] is not None else ""
        print(f"| {row['row']} | {row['level']} | {row['variant']} | {row['replicas']} x "
              f"{row['steps']} | {compiled} | {row['median_s']:.3f} | {row['min_s']:.3f} | "
              f"{row['max_s']:.3f} | {row['rate']:.3g} | {base / row['rate']:.2f} | {differs} |")
    sys.stdout.flush()


def run_workload(workload, program, options, folder):
    """Both tables of one workload."""
    say(f"{workload.title}: drawing")
    starts = workloads.draw(workload)
    workloads.write(folder, workload, starts)

    def ours(threads=workloads.CORES, numerics="strict", **more):
        return softmaxflow_peer.Peer(program, folder, workload, threads, numerics, **more)

    golden = ours().states(CHECKED_STEPS, CHECKED_STATES)
    peers, variants, tried = [], [], []
    for module, kind in KINDS:
        best, rate, log = fastest(module, kind, workload, starts)
        peers.append((best, rate))
        tried += log
        # The flat row's own best size is no choice where all have the same replicas.
        settings = dict(best.options)
        if kind == "flat":
            settings["block"] = workload.replicas
        variants.append((module, kind, settings))

    us = [ours(numerics=numerics) for numerics in options.numerics.split(",")]
    if workload is workloads.WORKLOADS["p1-8"]:
        us.append(ours(threads=1))
        loop = NumpyLoop(starts)
        peers.append((loop, rate_of(loop, 0.1)))
    say("bare steps")
    others = Others()
    bare = bare_steps(us, golden, peers, options)
    noise = [others.share()]
    print_table(f"{workload.title}: bare steps", bare, noise[0])
    say("with the summary")
    others = Others()
    full = with_summary(ours(summarise=True), workload, starts, variants, bare[0]["steps"], options)
    noise.append(others.share())
    print_table(f"{workload.title}: with the summary at 64 checkpoints", full, noise[1])
    return {"title": workload.title, "bare": bare, "summary": full, "share_of_others": noise,
            "tried": tried}


def machine():
    return {"cpu": numpy_loop.cpu_model(), "cores": workloads.CORES,
            "date": str(datetime.date.today()), "command": shlex.join(["python3", *sys.argv]),
            "versions": [jax_flat.VERSION, numba_peer.VERSION, f"NumPy {np.__version__}",
                         f"Python {platform.python_version()}"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.6, help="about so long a run")
    parser.add_argument("--workloads", default=",".join(workloads.WORKLOADS))
    parser.add_argument("--numerics", default="strict", help="strict, fast or both")
    parser.add_argument("--json", help="file for all that was measured")
    options = parser.parse_args()
    chosen = options.workloads.split(",")
    if unknown := set(chosen) - set(workloads.WORKLOADS):
        parser.error(f"unknown {', '.join(unknown)}; there are {', '.join(workloads.WORKLOADS)}")
    program = str(Path(options.program).resolve())

    report = {**machine(), "repeats": options.repeats, "workloads": {}}
    print(f"{report['cpu']}, {report['cores']} cores, {report['date']}; "
          f"{', '.join(report['versions'])}; {options.repeats} repeats in turn after one to warm "
          f"up.\n`{report['command']}`")
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            report["workloads"][name] = run_workload(workloads.WORKLOADS[name], program, options,
                                                     Path(folder))
        if options.json:
            Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
