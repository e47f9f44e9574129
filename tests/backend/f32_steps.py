#!/usr/bin/env python3
"""usage: f32_steps.py SINGLE_OBJECT DOUBLE_OBJECT

Steps in f32 use no f64 instruction: neither arithmetic, nor conversions. The same steps in f64 must have some,
or the search finds nothing. x86-64 only: f64 instructions are those that end in pd or sd.
"""
import re
import subprocess
import sys


def instructions(path):
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True)
    return re.findall(r"^ *[0-9a-f]+:\t(\S+)", text.stdout, re.MULTILINE)


def main(single, double):
    doubles = [name for name in instructions(single) if re.search("[ps]d$", name)]
    floats = [name for name in instructions(single) if re.search("[ps]s$", name)]
    planted = [name for name in instructions(double) if re.search("[ps]d$", name)]
    print(f"f32 steps: {len(floats)} f32 and {len(doubles)} f64 instructions; f64 steps: {len(planted)} f64 instructions")
    if len(floats) < 500 or len(planted) < 500:
        print("too few instructions: this test looks at the wrong code")
        return 1
    for name in sorted(set(doubles)):
        print("  ", name)
    return 1 if doubles else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
