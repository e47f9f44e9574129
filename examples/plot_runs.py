#!/usr/bin/env python3
"""Draws one observable of several runs against the iteration, or the clock of a flow: median, and the
5 % to 95 % band.

usage: python3 examples/plot_runs.py RUN... [--observable NAME] [-o FILE]

Needs python3-xarray, python3-netcdf4 and python3-matplotlib.
"""

import argparse
from pathlib import Path

try:
    import matplotlib
    import xarray
except ImportError as error:
    raise SystemExit(f"plot_runs.py: {error} (Debian: apt-get install python3-xarray "
                     "python3-netcdf4 python3-matplotlib, then run it with "
                     "/usr/bin/python3)") from error

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="a run's directory")
    parser.add_argument("--observable", metavar="NAME", default="max_probability")
    parser.add_argument("-o", metavar="FILE", dest="file", default="runs.png")
    options = parser.parse_args()

    for run in options.runs:
        if not (run / "results.nc").is_file():
            parser.error(f"{run} has no results.nc: expected the directory of a finished run")

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for run in options.runs:
        with xarray.open_dataset(run / "results.nc") as results:
            name = f"{options.observable}_quantile"
            if name not in results:
                known = [x.removesuffix("_mean") for x in results if x.endswith("_mean")]
                parser.error(f"{run} has no {options.observable}; expected one of "
                             f"{', '.join(known)}")
            curve = results[name]
            clock = "iteration" if "iteration" in results else "clock"
            x = results[clock]
            line, = axes.plot(x, curve.sel(quantile=0.5), label=run.name)
            axes.fill_between(x, curve.sel(quantile=0.05), curve.sel(quantile=0.95),
                              color=line.get_color(), alpha=0.15, linewidth=0)
    axes.set(xscale="symlog", xlim=(0, None), xlabel=clock, ylabel=options.observable)
    axes.legend()
    figure.savefig(options.file, dpi=120)
    print(options.file)


if __name__ == "__main__":
    main()
