#!/usr/bin/env python3
"""The table of results of docs/claims.md: every proved or derived claim on many random starts, and
the two that were open. Exit status 1 if a claim of the first kind is not "not refuted".

usage: python3 bench/experiments/claims.py PROGRAM [--draws 1000000] [--only TEXT]

Prints Markdown, a line as soon as it is known. Needs nothing but Python.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WATCHED = ("logit_sum_conserved loss_decreases effective_flow order_preserved value_gaps_grow "
           "leader_gap_grows majorization leader_probability_grows entropy_decreases")
# config, claims, tests that a start gives, further settings
RUNS = [("benign", WATCHED, 1, ()),
        ("equal-losers", "equal_losers_invariant", 1, ()),
        ("two-tokens", "two_token_invariant", 1, ()),
        ("benign", "one_hot_rate losers_bounded winner_is_initial_leader", 1, ()),
        ("benign", "losers_equalise", 1, ()),
        ("benign", "orbit_universality", 3, ()),
        ("descent", "values_move_in_row_space", 1, ("dynamics.iterations=100",)),
        ("descent", "order_preserved_descent", 1, ()),
        ("vector", "entropy_decreases_vector", 1000, ("model.tokens=3", "model.dim=3",
                                                     "claims.horizon=30"))]
MAY_BE_REFUTED = {"order_preserved_descent", "entropy_decreases_vector"}


def figure(claim):
    """The one number that says how close it was."""
    if "smallest_margin" in claim:
        return f"margin >= {claim['smallest_margin']:.2g} (tolerance {claim['tolerance']:.2g})"
    figures = claim.get("measurement", {}).get("figures", [])
    return ", ".join(f"{f['name']} {f['value']:.5g} in [{f['low']:.5g}, {f['high']:.5g}]"
                     for f in figures)


def check(program, config, claims, draws, settings, folder):
    line = [program, "check", f"claims/{config}", *claims.split(), "--replicas", str(draws),
            "--quiet", "-o", str(folder)]
    for setting in settings:
        line += ["--set", setting]
    begin = time.monotonic()
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begin
    assert done.returncode in (0, 3, 4), done.stderr
    return json.loads((folder / "check.json").read_text())["claims"], seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--draws", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="claims whose name contains this")
    arguments = parser.parse_args()
    print("| config | claim | tested | confirmed | undecided | rate below (one-sided 95 %) | closest "
          "| seconds |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (config, claims, per_start, settings) in enumerate(RUNS):
            if arguments.only not in claims:
                continue
            draws = -(-arguments.draws // per_start)
            found, seconds = check(arguments.program, config, claims, draws, settings,
                                   Path(folder) / str(number))
            for claim in found:
                print(f"| {config} | {claim['id']} | {claim['n_tested']:,} | "
                      f"{claim['n_confirmed']:,} | {claim['n_undecided']:,} | "
                      f"{claim['upper_one_sided']:.2g} | {figure(claim)} | {seconds:.0f} |",
                      flush=True)
                if claim["verdict"] != "not_refuted" and claim["id"] not in MAY_BE_REFUTED:
                    bad.append(f"{claim['id']}: {claim['verdict']}")
    print("\n".join(bad), file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
