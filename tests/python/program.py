"""Runs the program on starts that a test made, and reads back what it wrote."""

import json
import subprocess
from pathlib import Path

import netCDF4
import numpy as np


def write_netcdf(path, **variables):
    """variables: name = (dimensions, values), values of double precision."""
    with netCDF4.Dataset(path, "w") as file:
        for name, (dimensions, values) in variables.items():
            values = np.asarray(values, np.float64)
            for dimension, size in zip(dimensions, values.shape, strict=True):
                if dimension not in file.dimensions:
                    file.createDimension(dimension, size)
            file.createVariable(name, "f8", dimensions)[:] = values


def write_starts(path, values=None, logits=None, target=None):
    """V (replica, dim, token), a (replica, token), target (replica, dim), those that are given."""
    given = {"values": (("replica", "dim", "token"), values),
             "logits": (("replica", "token"), logits),
             "target": (("replica", "dim"), target)}
    write_netcdf(path, **{name: x for name, x in given.items() if x[1] is not None})


def read_with_dimensions(path):
    """Every variable as (names of its dimensions, plain array)."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        return {name: (x.dimensions, x[...]) for name, x in file.variables.items()}


def read_netcdf(path):
    """Every variable as a plain array."""
    return {name: x for name, (_, x) in read_with_dimensions(path).items()}


def set_options(settings):
    """{"model.tokens": 4} as --set options."""
    options = []
    for key, value in settings.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        options += ["--set", f"{key}={text}"]
    return options


def empty_config(folder):
    """A config in that folder that leaves all to --set."""
    path = Path(folder) / "case.toml"
    path.write_text("# all by --set\n")
    return path


def execute(binary, config, output, settings, status=0, options=()):
    """Runs CONFIG with settings; another exit status raises with what the program said."""
    command = [str(binary), "run", str(config), "-o", str(output), *set_options(settings),
               *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != status:
        raise AssertionError(f"exit {done.returncode}: {' '.join(command)}\n{done.stderr}")


def instruction_sets(binary):
    """Those that the program was compiled for and this machine has."""
    done = subprocess.run([str(binary), "info", "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["instruction_sets"]["usable"]


def run(binary, config, output, settings, status=0):
    """The same; returns the data files as {"results": {variable: array}, ...}."""
    execute(binary, config, output, settings, status)
    files = ("results", "replicas", "states")
    return {x: read_netcdf(path) for x in files if (path := Path(output) / f"{x}.nc").exists()}
