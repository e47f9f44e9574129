#!/usr/bin/env python3
"""Writes the starting points of the paper's own figures, for softmaxflow to start from.

usage: python3 examples/paper_starts.py [-o DIR]

Varre, Rofin and Flammarion (arXiv 2603.06248) show one random start per experiment, drawn with
NumPy's RandomState and seed 123, or 42 where maps are compared. That generator is frozen, so the
same starts can be drawn again today. The examples run ensembles of other starts; with these files a
run follows the very line of the figure, to be laid over the ensemble:

    logistic.nc                 V (8 x 8), a = 0, target
    regression.nc               V (20 x 20), a; the same for every condition number
    regression-kappa-K.nc       K = 1 ... 5: design and response
    cross-entropy.nc            V (10 x 10), a = 0
    cross-entropy-target.nc     the distribution p
    maps-logistic.nc            V (10 x 10), a, target; the same for every map
    maps-square.nc              the same V and a
    maps-square-target.nc       the same target, as response

They go to DIR, by default the folder paper-starts beside this script. The order of the draws below
is that of the authors' notebook, draws that nothing uses included: change it and all later
numbers change. In a file V is (dim, token); where the notebook keeps tokens in rows, it is
transposed here.

Needs python3-numpy and python3-netcdf4.
"""

import argparse
from pathlib import Path

try:
    import netCDF4
    import numpy as np
except ImportError as error:
    raise SystemExit(f"paper_starts.py: {error} (Debian: apt-get install python3-numpy "
                     "python3-netcdf4, then run it with /usr/bin/python3)") from error

SEED = 123
MAPS_SEED = 42
KAPPAS = (1, 2, 3, 4, 5)


def write(path, **variables):
    """variables: name = (dimensions, values)."""
    with netCDF4.Dataset(path, "w") as file:
        for name, (dimensions, values) in variables.items():
            for dimension, size in zip(dimensions, values.shape):
                if dimension not in file.dimensions:
                    file.createDimension(dimension, size)
            file.createVariable(name, "f8", dimensions)[:] = values
    print(path)


def start(V, a, target=None):
    """One replica: V (dim, token), a (token), target (dim)."""
    variables = {"values": (("replica", "dim", "token"), V[None]),
                 "logits": (("replica", "token"), a[None])}
    if target is not None:
        variables["target"] = (("replica", "dim"), target[None])
    return variables


def logistic(n=8, d=8):
    random = np.random.RandomState(SEED)
    V = 0.1 * random.randn(d, n)
    random.randn(n)  # drawn for a, which then starts at zero
    target = random.randn(d)
    return start(V, np.zeros(n), target / np.linalg.norm(target))


def regression(kappa, n=20, d=20, samples=20):
    """Start and objective. The seed is set anew for every kappa: only singular values differ."""
    random = np.random.RandomState(SEED)
    V = 1e-5 * random.randn(d, n)
    a = 1e-3 * random.randn(n)
    U, singular, R = np.linalg.svd(random.randn(samples, d), full_matrices=False)
    X = U @ np.diag(np.linspace(1, 1 / kappa, len(singular))) @ R
    y = random.randn(samples)
    return start(V, a), {"design": (("sample", "dim"), X), "response": (("sample",), y)}


def cross_entropy(n=10, k=10):
    random = np.random.RandomState(SEED)
    V = 0.1 * random.randn(n, k)  # a row per token
    random.randn(n)  # drawn for a, which then starts at zero
    weights = np.exp(10 * random.rand(k))
    return start(V.T, np.zeros(n)), {"distribution": (("class",), weights / weights.sum())}


def maps(n=10, d=10):
    """Start of the logistic and of the square version, and the objective of the latter.

    The seed is set anew between target and V, as in the notebook, so that both begin with the same
    numbers: the first row of V is parallel to the target. It is not an independent draw.
    """
    target = np.random.RandomState(MAPS_SEED).randn(d)
    target /= np.linalg.norm(target)
    random = np.random.RandomState(MAPS_SEED)
    V = 0.1 * random.randn(d, n)
    a = 1.0 + 0.1 * random.randn(n)
    return start(V, a, target), start(V, a), {"response": (("sample",), target)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", metavar="DIR", dest="folder", type=Path,
                        default=Path(__file__).resolve().parent / "paper-starts")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)

    write(folder / "logistic.nc", **logistic())
    for kappa in KAPPAS:
        starts, objective = regression(kappa)
        write(folder / f"regression-kappa-{kappa}.nc", **objective)
    write(folder / "regression.nc", **starts)
    starts, objective = cross_entropy()
    write(folder / "cross-entropy.nc", **starts)
    write(folder / "cross-entropy-target.nc", **objective)
    starts, starts_of_square, objective = maps()
    write(folder / "maps-logistic.nc", **starts)
    write(folder / "maps-square.nc", **starts_of_square)
    write(folder / "maps-square-target.nc", **objective)


if __name__ == "__main__":
    main()
