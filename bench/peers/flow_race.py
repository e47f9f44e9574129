#!/usr/bin/env python3
"""P4: the flow of softmaxflow against SciPy, numbalsoda, heyoka and diffrax, at equal achieved error.

usage: python3 bench/peers/flow_race.py PROGRAM [--repeats 20] [--errors 1e-6,1e-9] [--json FILE]

The starts are drawn once, into the file that softmaxflow reads (workloads.py, p1-8). First the fields
of all programs must agree on 1000 random states. Then each program's tolerance is lowered until
the median over the starts of its largest error, from SciPy at 1e-13, is below the error asked for; then
they run in turn, A B A B ..., after one round to warm up. Compilation is in its own column. A row
with a replica that failed is not timed. Time is per replica, since SciPy gets fewer of them.

Needs requirements.txt.
"""

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from pathlib import Path

import flow_diffrax
import flow_heyoka
import flow_numbalsoda
import flow_scipy
import flow_workload
import netCDF4
import numpy as np
import softmaxflow_peer
import workloads
from throughput import Others, machine, say

GOLDEN_STARTS, SCIPY_STARTS = 64, 8
TOLERANCES = 10.0 ** -np.arange(3, 14.5, 0.5)


class Ours:
    """The command; `seconds` is the wall time that it reports: draws, steps and statistics."""

    level, compile_seconds = "hand kernel", None

    def __init__(self, program, folder, workload, threads, order):
        self.label = f"softmaxflow, order {order}"
        self.base = softmaxflow_peer.Peer(program, folder, workload, threads)
        self.base.line += ["--set", 'dynamics.method="flow"', "--set", 'dynamics.clock="arc"',
                           "--set", f"dynamics.horizon={flow_workload.HORIZON}",
                           "--set", f"dynamics.order={order}"]
        self.starts = np.empty((workload.replicas, 0))

    def go(self, tolerance, *more):
        # iterations belong to descent: any value but the default would be an error.
        report = self.base.run(100_000, f"dynamics.rtol={tolerance}",
                               f"dynamics.atol={1e-3 * tolerance}", *more)
        return report["wall_seconds"]

    def run(self, tolerance):
        self.go(tolerance, f"record.states={GOLDEN_STARTS}")
        with netCDF4.Dataset(self.base.output / "states.nc") as file:
            file.set_auto_mask(False)
            return np.concatenate([file["projected_values"][:, -1].reshape(GOLDEN_STARTS, -1),
                                   file["logits"][:, -1]], 1)

    def time(self, tolerance):
        return self.go(tolerance) / len(self.starts)


def timed(peer, tolerance):
    if isinstance(peer, Ours):
        return peer.time(tolerance)
    begin = time.perf_counter()
    found = peer.run(tolerance)
    taken = time.perf_counter() - begin
    assert np.isfinite(found).all(), f"{peer.label}: replicas failed"
    return taken / len(peer.starts)


def lowest_cost_tolerance(peer, wanted, golden):
    """The largest tolerance of the list whose median error is below `wanted`."""
    for tolerance in TOLERANCES:
        found = peer.run(tolerance)[:len(golden)]
        median, worst = flow_workload.error(found, golden[:len(found)])
        if median <= wanted:
            return tolerance, median, worst
    return None


def race(peers, wanted, golden, repeats):
    rows, running = [], []
    for peer in peers:
        chosen = lowest_cost_tolerance(peer, wanted, golden)
        if chosen is None:
            say(f"{peer.label} does not reach {wanted}: not timed")
            continue
        say(f"{peer.label}: tolerance {chosen[0]:.0e}, error {chosen[1]:.1e}")
        running.append((peer, chosen))
    others = Others()
    times = [[] for _ in running]
    for turn in range(repeats + 1):
        for kept, (peer, (tolerance, *_)) in zip(times, running):
            taken = timed(peer, tolerance)
            if turn > 0:
                kept.append(taken)
    for taken, (peer, (tolerance, median, worst)) in zip(times, running):
        rows.append({"row": peer.label, "level": peer.level, "tolerance": tolerance,
                     "median_error": median, "largest_error": worst,
                     "compile_s": peer.compile_seconds, "replicas": len(peer.starts),
                     "median_us": statistics.median(taken) * 1e6, "min_us": min(taken) * 1e6,
                     "max_us": max(taken) * 1e6})
    return rows, others.share()


def print_table(wanted, rows, share):
    print(f"\n**Achieved error {wanted:.0e}** (other processes had {share:.0%} of the cores)\n")
    print("| | level | tolerance | error, median | largest | compile s | us/start, median | min | max "
          "| theirs / ours |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    base = min(row["median_us"] for row in rows if row["row"].startswith("softmaxflow"))
    for row in rows:
        compiled = f"{row['compile_s']:.1f}" if row["compile_s"] is not None else ""
        print(f"| {row['row']} | {row['level']} | {row['tolerance']:.0e} | {row['median_error']:.1e} "
              f"| {row['largest_error']:.1e} | {compiled} | {row['median_us']:.1f} | "
              f"{row['min_us']:.1f} | {row['max_us']:.1f} | {row['median_us'] / base:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--replicas", type=int, default=8192)
    parser.add_argument("--errors", default="1e-6,1e-9")
    parser.add_argument("--json", help="file for all that was measured")
    options = parser.parse_args()
    workload = dataclasses.replace(workloads.WORKLOADS["p1-8"], replicas=options.replicas)
    cores = workloads.CORES
    drawn = workloads.draw(workload)
    starts = np.ascontiguousarray(np.concatenate([drawn.Z, drawn.a], 1))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        workloads.write(folder, workload, drawn)
        text = (folder / "workload.toml").read_text()
        (folder / "workload.toml").write_text(text[:text.index("[dynamics]")])
        program = str(Path(options.program).resolve())
        ours = [Ours(program, folder, workload, cores, order) for order in (5, 8)]
        peers = [flow_heyoka.Peer(starts, cores), flow_numbalsoda.Peer(starts, cores),
                 flow_numbalsoda.Peer(starts, cores, "lsoda"),
                 flow_diffrax.Peer(starts, cores), flow_diffrax.Peer(starts, cores, "Tsit5"),
                 flow_scipy.Peer(starts[:SCIPY_STARTS], cores)]
        states = flow_workload.random_states()
        for peer in peers:
            gap = np.abs(peer.right_hand_side(states) - flow_workload.field(states)).max()
            assert gap < 1e-13, f"{peer.label}: another field, by {gap:.1e}"
        say("golden solutions")
        golden = flow_scipy.golden(starts[:GOLDEN_STARTS])
        about = machine()
        versions = [x.VERSION for x in (flow_heyoka, flow_numbalsoda, flow_diffrax, flow_scipy)]
        print(f"{about['cpu']}, {cores} cores, {about['date']}; {', '.join(versions)}; "
              f"{options.repeats} repeats in turn.\n`{about['command']}`")
        report = {**about, "errors": {}}
        for wanted in map(float, options.errors.split(",")):
            rows, share = race([*ours, *peers], wanted, golden, options.repeats)
            print_table(wanted, rows, share)
            report["errors"][wanted] = {"rows": rows, "share_of_others": share}
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


main()
