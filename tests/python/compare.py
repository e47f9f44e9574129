"""Compares what the program wrote about a trajectory with reference.py; judge.py says how far apart
the two may be."""

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np

import reference as ref
from judge import RELATIVE, Judge, error_of, has_digits  # noqa: F401

THRESHOLDS = (0.3, 0.5, 0.9)
STATISTICS = {"mean": np.nanmean, "std": partial(np.nanstd, ddof=1), "min": np.nanmin,
              "max": np.nanmax}
LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass
class Size:
    replicas: int
    iterations: int

    checkpoints: list | None = None  # 0, 1 and a few more, to the end

    def __post_init__(self):
        if self.checkpoints is None:
            self.checkpoints = sorted({0, *(round(self.iterations ** (i / 9)) for i in range(10))})

    def shortened(self, count):
        kept = self.checkpoints[:count]
        return Size(self.replicas, kept[-1], kept)


def simulate_twice(objective, V, a, size, **dynamics):
    """In extended and in double precision."""
    options = {"iterations": size.iterations, "checkpoints": size.checkpoints,
               "thresholds": THRESHOLDS, **dynamics}
    with np.errstate(all="ignore"):  # of those that run away
        return [ref.simulate(objective, V, a, dtype=dtype, **options)
                for dtype in (np.longdouble, np.float64)]


def meaningful(size, exact, rough):
    """The part of both trajectories, from the start, where a comparison means something."""
    good = np.ones(len(size.checkpoints), bool)
    for _, x, of, axes in arrays_of(exact, rough):
        good &= has_digits(x, of, axes) & np.isfinite(x).all(axis=(0, *range(2, x.ndim)))
    for name, x in exact.observables.items():
        good &= has_digits(x, rough.observables[name], common_scale=True)
    for name, x in exact.ranked.items():
        good &= has_digits(x, rough.ranked[name], common_scale=True)
    size = size.shortened(len(good) if good.all() else good.argmin())
    return size, *(x.until(size.iterations, len(size.checkpoints)) for x in (exact, rough))


def record_settings(size):
    inner = [k for k in size.checkpoints if k not in (0, size.iterations)]
    return {"dynamics.iterations": size.iterations, "record.checkpoints": inner,
            "record.thresholds": list(THRESHOLDS), "record.states": size.replicas,
            "record.ranked": True, "ensemble.replicas": size.replicas}


def check_run(judge, files, exact, rough):
    """All that the program wrote about the trajectories."""
    check_states(judge, files["states"], exact, rough)
    check_table(judge, files["replicas"], exact, rough)
    check_statistics(judge, files["results"], exact, rough)


def arrays_of(exact, rough):
    """Name in states.nc, both trajectories, axes whose entries share one scale."""
    tokens, entries = (-1,), (-1, -2)
    # Every weight to its own digits, unless logits through zero make it zero.
    own = () if exact.map in ("softmax", "sigmoid") else tokens
    yield "projected_values", exact.Z, rough.Z, entries
    yield "logits", exact.a, rough.a, tokens
    yield "probability", exact.s, rough.s, own
    yield "arc", exact.observables["arc"], rough.observables["arc"], ()
    for name, x in exact.memory.items():
        yield name, x, rough.memory[name], tokens if name.endswith("logits") else entries


def check_states(judge, states, exact, rough):
    """Z, a, s and the memory of every replica at every checkpoint."""
    for name, x, of, axes in arrays_of(exact, rough):
        judge.close(name, states[name], x, of, axes)
    memory = {x for x in states if x.startswith(("velocity_", "moment"))}
    assert memory == set(exact.memory), f"{judge.label}: {memory}, expected {set(exact.memory)}"
    assert (states["initial_leader"] == exact.leader).all(), f"{judge.label} initial_leader"
    assert (states["rank"] == exact.ranks).all(), f"{judge.label} rank"


def check_statistics(judge, results, exact, rough):
    """Moments, extremes and histograms over the replicas, of every observable and checkpoint."""
    for name, values in exact.observables.items():
        undefined = (~np.isfinite(values)).sum(axis=0)
        assert (results[f"{name}_undefined"] == undefined).all(), f"{judge.label} {name} undefined"
        double = rough.observables[name]
        check_moments(judge, name, results, values, double, STATISTICS)
        check_histogram(name, results, values, double)
    for name, values in exact.ranked.items():
        check_moments(judge, name, results, values, rough.ranked[name], ("mean", "std"))
        check_quantiles(f"{judge.label} {name}", results, name, values, rough.ranked[name])


def check_moments(judge, name, results, exact, rough, statistics):
    """exact, rough (replica, checkpoint, ...). Errors of the values carry over to all of these."""
    values = np.where(np.isfinite(exact), exact, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no value at all: NaN
        spread, size = (np.nan_to_num(np.nanmax(x, axis=0))
                        for x in (np.abs(rough - values), np.abs(values)))
        computed = {x: STATISTICS[x](values, axis=0) for x in statistics}
    for statistic, exactly in computed.items():
        judge.close(name, results[f"{name}_{statistic}"][None], exactly[None],
                    (exactly + 2 * spread)[None], largest=size.max(),
                    size=size[None] if statistic == "std" else None, statistic=statistic)


def check_histogram(name, results, exact, rough):
    """Counts below each edge, where values may lie on either side of an edge by their error."""
    edges, below = results[f"{name}_edge"][1:-1], results[f"{name}_count"].cumsum(axis=-1)
    largest = np.abs(exact[np.isfinite(exact)]).max(initial=0)
    for k in range(exact.shape[1]):
        defined = np.isfinite(exact[:, k])
        assert below[k, -1] == defined.sum(), name
        if not defined.any():
            continue
        values = exact[defined, k]
        error = error_of(name, values, rough[defined, k], largest)
        surely = ((values + error)[:, None] < edges).sum(axis=0)
        perhaps = ((values - error)[:, None] <= edges).sum(axis=0)
        assert (surely <= below[k, :-1]).all() and (below[k, :-1] <= perhaps).all(), name


EDGES = {"ranked_probability": "leader_probability", "ranked_logit": "leader_logit_gap",
         "ranked_value": "leader_value_gap"}


def check_quantiles(where, results, name, exact, rough):
    """Quantiles of exact (replica, checkpoint, rank): between the ends of the bins, cut to the
    extremes, of the two order statistics they lie between. The bins are those of an observable of
    the same kind."""
    edges = results[f"{EDGES[name]}_edge"][1:-1]
    found = results[f"{name}_quantile"]
    error = error_of(name, exact, rough, np.abs(exact).max()).max(axis=0)
    ends, ordered = np.array([-np.inf, *edges, np.inf]), np.sort(exact, axis=0)

    def bin_of(x):
        return np.searchsorted(edges, np.asarray(x, np.float64), side="right")

    for i, level in enumerate(LEVELS):
        position = (len(exact) - 1) * level
        below, above = ordered[int(np.floor(position))], ordered[int(np.ceil(position))]
        low = np.maximum(ends[bin_of(below - error)], ordered[0] - error)
        high = np.minimum(ends[bin_of(above + error) + 1], ordered[-1] + error)
        assert ((low <= found[..., i]) & (found[..., i] <= high)).all(), f"{where} at {level}"


def check_table(judge, replicas, exact, rough):
    """replicas.nc: the end of every replica."""
    where = f"{judge.label} in replicas.nc:"
    assert (replicas["status"] == 0).all(), f"{where} status"
    assert (replicas["steps"] == replicas["steps"][0]).all(), f"{where} steps"
    assert (replicas["initial_leader"] == exact.leader).all(), f"{where} initial_leader"
    for s, winner in zip(exact.s[:, -1], replicas["winner"]):  # ties to 1e-10 either way
        none, close = (s == 0).all(), s[winner] >= s.max() - RELATIVE * abs(s.max())
        assert winner == -1 if none else close, f"{where} winner"
    same = np.array_equal(replicas["first_passage"], exact.passage, equal_nan=True)
    assert same, f"{where} first_passage"
    for name, values in exact.observables.items():
        all_but_end = values[:, 1:-1]  # for the scale of the trajectory
        scale = np.abs(values[:, 1:][np.isfinite(values[:, 1:])]).max(initial=0)
        judge.close(name, np.column_stack([all_but_end, replicas[name]]), values[:, 1:],
                    rough.observables[name][:, 1:], largest=scale, statistic="in replicas.nc")
