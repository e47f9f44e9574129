#!/usr/bin/env python3
"""usage: symbols.py TARGET OBJECT...

An object compiled for one instruction set may define, for the linker to see, entry points that begin
with its name and functions of its own namespace; anything else (a template of the standard library, say) could be
merged with the same function of other objects and so run on machines that lack the instructions.
"""
import subprocess
import sys


def strangers(target, symbols):
    entry_points = f"softmaxflow::cpu::{target}_"
    for line in symbols:
        fields = line.split(maxsplit=2)
        if len(fields) < 3 or fields[1] not in "TWVuDBR":
            continue
        name = fields[2]
        if f"::{target}::" not in name and not name.startswith(entry_points):
            yield name


def main(target, objects):
    planted = ["0000 W std::vector<double>::push_back(double const&)"]
    assert list(strangers(target, planted)), "the check itself must be able to fail"
    seen = 0
    found = []
    for path in objects:
        lines = subprocess.run(["nm", "-C", path], check=True, capture_output=True, text=True).stdout.splitlines()
        seen += sum(f"::{target}::" in line for line in lines)
        found += strangers(target, lines)
    print(f"{target}: {seen} symbols of its own, {len(found)} strangers")
    for name in found:
        print("  ", name)
    return 1 if found or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
