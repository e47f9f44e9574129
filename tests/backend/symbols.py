#!/usr/bin/env python3
"""usage: symbols.py TARGET OBJECT...

An object compiled for one instruction set may define, for the linker to see, entry points that begin
with its name and functions of its own namespace; anything else (a template of the standard library, say) could be
merged with the same function of other objects and so run on machines that lack the instructions.
"""
import re
import subprocess
import sys


def own(target):
    """A name of the namespaces model::TARGET and cpu::TARGET, or an entry point, TARGET_*. Names stay
    mangled: demanglers give up on the longest."""
    return re.compile(rf"(5model|3cpu){len(target)}{target}|_ZN11softmaxflow3cpu\d+{target}_").search


def strangers(target, symbols):
    is_own = own(target)
    for line in symbols:
        fields = line.split(maxsplit=2)
        if len(fields) == 3 and fields[1] in "TWVuDBR" and not is_own(fields[2]):
            yield fields[2]


def main(target, objects):
    planted = ["0000 W _ZNSt6vectorIdSaIdEE9push_backERKd"]
    assert list(strangers(target, planted)), "the check itself must be able to fail"
    seen = 0
    found = []
    for path in objects:
        lines = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout.splitlines()
        seen += sum(own(target)(line) is not None for line in lines)
        found += strangers(target, lines)
    print(f"{target}: {seen} symbols of its own, {len(found)} strangers")
    for name in found:
        print("  ", name)
    return 1 if found or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
