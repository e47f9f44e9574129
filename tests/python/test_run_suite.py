"""scripts/run-suite without a GPU: what it says where there is none, that its cases cover the
catalogue and are configs, and that it finds a device whose bits differ.

usage: test_run_suite.py PROGRAM SCRIPT
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import run_all


def load(script):
    loader = importlib.machinery.SourceFileLoader("run_suite", str(script))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_suite", loader))
    loader.exec_module(module)
    return module


class Pack:
    """A pack in which `--backend cuda` means the CPU, with what `on_device` adds to the call."""

    def __init__(self, binary, script, folder, on_device="", probe="exit 0"):
        self.folder = Path(folder)
        (self.folder / "bin").mkdir(parents=True)
        (self.folder / "empty.toml").write_text("# all by --set\n")
        shutil.copy(script, self.folder / "run-suite")
        self.script("softmaxflow", f'''for word; do
            shift
            if [ "$word" = cuda ]; then set -- "$@" cpu {on_device}; else set -- "$@" "$word"; fi
        done
        exec {binary} "$@"''')
        self.script("gpu_rates", probe)
        self.suite = load(self.folder / "run-suite")

    def script(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, *arguments):
        """Exit status, what was said, report.json."""
        sys.argv = ["run-suite", str(self.folder / "out"), *arguments]
        with contextlib.redirect_stdout(io.StringIO()), \
                contextlib.redirect_stderr(io.StringIO()) as said:
            status = self.suite.main()
        file = self.folder / "out/report.json"
        return status, said.getvalue(), json.loads(file.read_text()) if file.exists() else None


def test_no_device(case):
    with tempfile.TemporaryDirectory() as folder:
        pack = Pack(*case, folder, probe="echo 'no driver here' >&2; exit 7")
        status, said, report = pack.run()
    assert status == 7 and report is None
    assert "no usable CUDA device" in said and "no driver here" in said, said


def test_cases_cover_the_catalogue(case):
    binary, script = case
    suite = load(script)
    cases = suite.equality_cases()
    keys = json.loads(subprocess.run([binary, "config", "keys", "--json"], capture_output=True,
                                     text=True, check=True).stdout)
    for entry in keys:
        if entry["key"] not in ("model.map", "objective.loss", "dynamics.method",
                                "dynamics.clock", "backend.precision"):
            continue
        default = entry["default"].strip('"')
        used = {settings.get(entry["key"], default) for settings in cases.values()}
        assert entry["choices"], entry
        assert set(entry["choices"]) <= used, f"{entry['key']}: {entry['choices']}, used {used}"
    assert {settings.get("dynamics.order", 5) for settings in cases.values()} == {3, 5, 8}


def test_cases_are_configs(case):
    binary, script = case
    suite = load(script)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "empty.toml"
        config.write_text("# all by --set\n")
        for name, settings in suite.equality_cases().items():
            done = subprocess.run([binary, "run", config, "--dry-run", "--quiet",
                                   *suite.options_of(settings)],
                                  capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{name}: {done.stderr}"


def two_cases(pack):
    cases = pack.suite.equality_cases()
    pack.suite.equality_cases = lambda: {name: cases[name] for name in
                                         ("f64 logistic gradient_descent", "f64 square flow arc")}


def test_equal_bits_pass(case):
    with tempfile.TemporaryDirectory() as folder:
        pack = Pack(*case, folder)
        two_cases(pack)
        status, _, report = pack.run("--only", "equality")
    assert status == 0 and report["stages"]["equality"]["result"]["cases"] == 2, report


def test_other_bits_fail(case):
    with tempfile.TemporaryDirectory() as folder:
        pack = Pack(*case, folder, on_device="--seed 6")
        two_cases(pack)
        status, _, report = pack.run("--only", "equality")
        text = (pack.folder / "out/report.md").read_text()
    assert status == 1, report
    stage = report["stages"]["equality"]
    assert stage["outcome"] == "FAILED" and "f64 square flow arc" in stage["error"], stage
    assert "**FAILED**" in text, text


def test_claims_of_two_backends_are_compared(case):
    with tempfile.TemporaryDirectory() as folder:
        pack = Pack(*case, folder)
        pack.suite.FEW = pack.suite.MANY = 100
        status, _, report = pack.run("--only", "claims")
        assert status == 0 and report["stages"]["claims"]["result"]["equal"] == 3, report
        pack = Pack(*case, Path(folder) / "other", on_device="--set init.logit_scale=0.4")
        pack.suite.FEW = 100
        status, _, report = pack.run("--only", "claims")
    assert status == 1 and "cpu and cuda differ" in report["stages"]["claims"]["error"], report


def test_a_stage_that_fails_leaves_the_others(case):
    with tempfile.TemporaryDirectory() as folder:
        pack = Pack(*case, folder, probe='[ "$1" = --probe ] || exit 3')
        two_cases(pack)
        status, _, report = pack.run("--only", "rates,equality")
    outcomes = {name: stage["outcome"] for name, stage in report["stages"].items()}
    assert status == 1 and outcomes == {"rates": "FAILED", "equality": "passed"}, outcomes


def test_budget(case):
    with tempfile.TemporaryDirectory() as folder:
        pack = Pack(*case, folder)
        _, _, report = pack.run("--only", "equality", "--budget", "1")
    assert "budget" in report["stages"]["equality"]["outcome"], report


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    binary, script = (str(Path(x).resolve()) for x in sys.argv[1:3])
    run_all([f for name, f in globals().items() if name.startswith("test_")], (binary, script))
