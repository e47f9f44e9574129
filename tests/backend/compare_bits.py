#!/usr/bin/env python3
"""Run every program given and demand the same output: equal bits from every compiler and level.

Lines name loss, method, kind and bits; the scalar and the pack line of one loss and method must
carry the same bits too.
"""
import subprocess
import sys


def main(programs):
    outputs = {p: subprocess.run([p], check=True, capture_output=True, text=True).stdout for p in programs}
    reference = outputs[programs[0]].splitlines()
    bits = {tuple(line.split()[:3]): line.split()[3] for line in reference}
    failed = sum(bits[loss, method, "scalar"] != bits[loss, method, "pack"] for loss, method, _ in bits)
    for program in programs:
        lines = outputs[program].splitlines()
        unequal = sum(a != b for a, b in zip(reference, lines)) + abs(len(reference) - len(lines))
        print(f"{program}: {len(lines)} lines, {unequal} unequal")
        failed += unequal
    if len(programs) < 2 or len(reference) < 30:
        print("nothing to compare")
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
