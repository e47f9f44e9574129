#!/usr/bin/env python3
"""Writes the undamaged files of the corpora of netCDF files, in the formats that users have.

usage: seeds.py CORPUS

The sizes are those that targets.cpp asks for. The others in the corpora were found by fuzzing.
"""
import sys
from pathlib import Path

import h5py
import netCDF4
import numpy as np

SIZES = {"replica": 2, "state": 2, "checkpoint": 2, "dim": 2, "token": 3, "output": 1, "output_b": 1,
         "class": 2, "sample": 2}


def ramp(*shape):
    """Values that no check refuses: different, none zero."""
    return np.arange(1.0, 1 + np.prod(shape)).reshape(shape) / 8


STARTS = {
    "values": (("replica", "dim", "token"), ramp(2, 2, 3)),
    "logits": (("replica", "token"), ramp(2, 3)),
    "target": (("replica", "dim"), ramp(2, 2)),
}
STATES = {
    "iteration": (("checkpoint",), np.array([0, 10])),
    "replica": (("state",), np.array([0, 1])),
    "logits": (("state", "checkpoint", "token"), ramp(2, 2, 3)),
    "projected_values": (("state", "checkpoint", "output", "token"), ramp(2, 2, 1, 3)),
    "arc": (("state", "checkpoint"), ramp(2, 2)),
    "metric": (("state", "output", "output_b"), ramp(2, 1, 1)),
    "target": (("state", "dim"), ramp(2, 2)),
    "rank": (("state", "token"), np.array([[2, 1, 0], [2, 1, 0]])),
    "initial_leader": (("state",), np.array([2, 2])),
}
DESIGN = {
    "design": (("sample", "dim"), np.array([[1.0, 0.5], [0.25, -2.0]])),
    "response": (("sample",), np.array([1.0, -1.0])),
}
DISTRIBUTION = {"distribution": (("class",), np.array([0.25, 0.75]))}


def used_sizes(variables):
    used = {name for names, _ in variables.values() for name in names}
    return {name: size for name, size in SIZES.items() if name in used}


def write(path, format, variables, unlimited=None):
    with netCDF4.Dataset(path, "w", format=format) as file:
        for name, size in used_sizes(variables).items():
            file.createDimension(name, None if name == unlimited else size)
        for name, (dimensions, values) in variables.items():
            file.createVariable(name, values.dtype, dimensions)[...] = values


def write_compact(path, variables, named=True, **storage):
    """In the newest HDF5 structures, which are also the smallest."""
    with h5py.File(path, "w", libver="latest", track_order=True) as file:
        for name, size in used_sizes(variables).items() if named else []:
            file.create_dataset(name, data=np.zeros(size, ">f4")).make_scale(
                f"This is a netCDF dimension but not a netCDF variable.{size:10}")
        for name, (names, values) in variables.items():
            data = file.create_dataset(name, data=values, **storage)
            for axis in range(len(names)) if named else []:
                data.dims[axis].attach_scale(file[names[axis]])


def main(corpus):
    for folder, name, variables in [("starts", "starts", STARTS), ("starts", "states", STATES),
                                    ("objective", "design", DESIGN),
                                    ("objective", "distribution", DISTRIBUTION)]:
        write(corpus / folder / f"{name}-64-bit-data.nc", "NETCDF3_64BIT_DATA", variables)
        write_compact(corpus / folder / f"{name}-unnamed-dimensions.h5", variables, named=False)
    one = {"logits": STARTS["logits"]}
    write(corpus / "starts/logits-classic.nc", "NETCDF3_CLASSIC", one)
    write(corpus / "starts/logits-64-bit-offset.nc", "NETCDF3_64BIT_OFFSET", one, unlimited="replica")
    write(corpus / "starts/logits-netcdf4.nc", "NETCDF4", one)
    write_compact(corpus / "starts/logits-compact.h5", one)
    write_compact(corpus / "starts/logits-compact-packed.h5", one, compression="gzip", shuffle=True,
                  fletcher32=True)
    write(corpus / "objective/distribution-netcdf4.nc", "NETCDF4", DISTRIBUTION)
    write(corpus / "objective/design-netcdf4.nc", "NETCDF4", {"design": DESIGN["design"]})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
