#!/usr/bin/env python3
"""Run every program given and demand the same output: equal bits from every compiler and level.

Lines end with their kind and bits; the scalar and the pack line of one problem must carry the same
bits too.

usage: compare_bits.py LEAST_PROBLEMS PROGRAM PROGRAM...
"""
import subprocess
import sys


def main(least, programs):
    outputs = {p: subprocess.run([p], check=True, capture_output=True, text=True).stdout for p in programs}
    reference = outputs[programs[0]].splitlines()
    bits = dict(line.rsplit(maxsplit=1) for line in reference)
    scalars = [name.removesuffix(" scalar") for name in bits if name.endswith(" scalar")]
    failed = sum(bits[f"{name} scalar"] != bits[f"{name} pack"] for name in scalars)
    for program in programs:
        lines = outputs[program].splitlines()
        unequal = sum(a != b for a, b in zip(reference, lines)) + abs(len(reference) - len(lines))
        print(f"{program}: {len(lines)} lines, {unequal} unequal")
        failed += unequal
    if len(programs) < 2 or len(scalars) < least or len(bits) != len(reference):
        print("nothing to compare")
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
