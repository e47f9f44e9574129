"""Opens the data files of a run with xarray and with h5py, as a user would: nothing to convert.

usage: open_results.py RUN_DIRECTORY

Exits 77, which the test driver shows as skipped, where a library is missing.
"""

import json
import sys
import warnings
from pathlib import Path

SKIPPED = 77

try:
    import h5py
    import netCDF4  # what xarray reads with; imported here for its harmless warnings
    import numpy as np
    import xarray as xr
except ImportError as error:
    print(f"skipped: {error} (Debian: apt-get install python3-xarray python3-h5py python3-netcdf4)")
    sys.exit(SKIPPED)

warnings.simplefilter("error")


def check_variable(name, variable, stored, scales):
    """One variable as xarray presents it (variable) against what the file holds (stored)."""
    where = f"{stored.file.filename}: {name}"
    assert variable.dtype == stored.dtype, f"{where}: {stored.dtype} became {variable.dtype}"
    assert variable.dtype in (np.float64, np.int64, np.int32, np.int8), f"{where}: {variable.dtype}"
    kept = np.array_equal(variable.values, stored[()], equal_nan=variable.dtype.kind == "f")
    assert kept, f"{where}: values were changed on opening"
    if variable.dtype.kind == "f":
        assert np.isnan(stored.attrs["_FillValue"]).all(), f"{where}: fill value is not NaN"
    else:
        assert "_FillValue" not in stored.attrs, f"{where}: an integer with a fill value"
    for attribute in ("units", "long_name"):
        assert variable.attrs.get(attribute), f"{where}: no {attribute}"
    names = tuple(scales[axis] for axis in range(stored.ndim))
    assert names == variable.dims, f"{where}: h5py sees {names}, xarray {variable.dims}"
    if stored.ndim:
        assert stored.shuffle and stored.fletcher32 and stored.compression == "gzip", where


def axis_names(stored):
    """Names of the dimension scales of a dataset, which may be one itself."""
    if h5py.h5ds.is_scale(stored.id):
        return [stored.name.lstrip("/")]
    return [stored.dims[axis][0].name.lstrip("/") for axis in range(stored.ndim)]


def check_file(path):
    """Checks all that holds of every file; returns it loaded."""
    with xr.open_dataset(path) as dataset:
        dataset.load()
    with h5py.File(path) as file:
        assert len(dataset.variables) > 5
        for name, variable in dataset.variables.items():
            check_variable(name, variable, file[name], axis_names(file[name]))
    assert not [d for d in dataset.dims if d.startswith("phony")], f"{path}: unnamed dimension"
    for attribute in ("title", "source", "config", "numerics", "precision"):
        assert dataset.attrs[attribute], f"{path}: no {attribute}"
    assert dataset.attrs["schema"] == 1
    assert dataset.attrs["numerics_version"] >= 1
    assert len(dataset.attrs["payload_hash"]) == 32
    return dataset


def check_results(results):
    assert {"checkpoint", "quantile", "bin", "bin_edge"} <= set(results.dims)
    assert {"iteration", "time", "quantile"} <= set(results.coords)
    assert results.n_total.item() == results.n_ok.item() + results.n_failed.item()
    observables = [name[: -len("_count")] for name, v in results.items() if "bin" in v.dims]
    assert "max_probability" in observables and len(observables) >= 18
    for x in observables:
        counted = results[f"{x}_count"].sum("bin") + results[f"{x}_undefined"]
        assert counted.dtype == np.int64
        assert (counted == results.n_ok).all(), f"{x}: counts do not add up to n_ok"
        assert results[f"{x}_mean"].dims == ("checkpoint",)
        assert results[f"{x}_quantile"].sel(quantile=0.5).dims == ("checkpoint",)
        assert results[f"{x}_edge"].size == results.sizes["bin"] + 1
    return observables


def check_replicas(replicas, results, observables):
    assert replicas.sizes["replica"] == results.n_total.item()
    flags = dict(zip(replicas.status.flag_values, replicas.status.flag_meanings.split()))
    ended_well = [flag for flag, name in flags.items() if name in ("ok", "converged", "stopped_early")]
    assert replicas.status.isin(ended_well).sum() == results.n_ok
    for x in observables:
        assert replicas[x].dims == ("replica",)
    if "threshold" in results.dims:
        assert replicas.first_passage.dims == ("replica", "threshold")
        assert (replicas.threshold == results.threshold).all()


def check_states(states):
    assert states.logits.dims == ("state", "checkpoint", "token")
    assert states.projected_values.dims == ("state", "checkpoint", "output", "token")
    assert states.metric.dims == ("state", "output", "output_b")
    assert states.sizes["output"] == states.sizes["output_b"]
    assert np.isnan(states.log_time.isel(checkpoint=0)).all()


def main(run):
    manifest = json.loads((run / "manifest.json").read_text())
    files = {name: check_file(run / name) for name in manifest["payload_hash"]}
    for name, dataset in files.items():
        assert dataset.attrs["payload_hash"] == manifest["payload_hash"][name], name
    results = files["results.nc"]
    observables = check_results(results)
    if "replicas.nc" in files:
        check_replicas(files["replicas.nc"], results, observables)
    if "states.nc" in files:
        check_states(files["states.nc"])
    print(f"{run}: {', '.join(files)} open in xarray, netCDF4 and h5py")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
