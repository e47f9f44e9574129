"""The numba kernels as contestants: variants to try, arrays in the shape each wants, timing."""

import time
from functools import cache

import numba_kernels as kernels
import numpy as np

LABELS = {"plain": "numba plain", "library": "numba lanes", "own": "numba lanes, own exp"}
VERSION = kernels.VERSION


@cache
def kernel(kind, logistic, lanes):
    """The compiled kernel and the seconds that compiling took; it serves all numbers of tokens."""
    if kind == "plain":
        run = kernels.plain(kernels.plain_logistic_steps if logistic
                            else kernels.plain_cross_entropy_steps)
    else:
        steps = kernels.logistic_steps if logistic else kernels.cross_entropy_steps
        own = kind == "own"
        run = kernels.in_lanes(steps, lanes, kernels.own_exp if own else kernels.library_exp,
                               kernels.NO_REASSOCIATION if own else True)
    a = np.zeros((1, 2, lanes) if lanes else (1, 2))
    Z = a.copy() if logistic else np.zeros((1, *a.shape))
    begin = time.perf_counter()
    run(Z, a, a.copy(), np.zeros(1, np.int64), np.empty((1, max(lanes, 1))))
    return run, time.perf_counter() - begin


class Peer:
    level = "hand kernel"

    def __init__(self, kind, workload, starts, lanes, segments=1):
        self.label = LABELS[kind]
        self.shape = f"lanes {lanes}" if lanes else "one replica at a time"
        self.options = {"lanes": lanes}
        self.replicas = workload.replicas
        self.lanes, self.segments = lanes, segments
        self.run, self.compile_seconds = kernel(kind, workload.logistic, lanes)
        # Without p (P1) a stands in for it: numba needs an array.
        self.start = [self.blocks(x) for x in
                      (starts.Z, starts.a, starts.a if starts.p is None else starts.p)]

    def blocks(self, x):
        if not self.lanes:
            return x
        return np.ascontiguousarray(
            np.moveaxis(x.reshape(-1, self.lanes, *x.shape[1:]), 1, -1))

    def summary(self, lengths):
        """Z and a in blocks; with several segments also, of the whole ensemble, the mean entropies
        at the start and after each, and how often each token won."""
        Z, a = (x.copy() for x in self.start[:2])
        # The start has an entropy too: a first segment of no steps.
        segments = np.asarray([0, *lengths] if self.segments > 1 else lengths, np.int64)
        entropies = np.empty((len(segments), self.replicas))
        self.run(Z, a, self.start[2], segments, entropies)
        if self.segments == 1:
            return Z, a
        return Z, a, entropies.mean(1), np.bincount(a.argmax(1).ravel(), minlength=a.shape[1])

    def seconds(self, lengths):
        begin = time.perf_counter()
        self.summary(lengths)
        return time.perf_counter() - begin

    def result(self, lengths):
        """The same with Z and a replica by replica."""
        Z, a, *more = self.summary(lengths)
        if self.lanes:
            Z, a = (np.moveaxis(x, -1, 1) for x in (Z, a))
            Z, a = Z.reshape(-1, *Z.shape[2:]), a.reshape(-1, a.shape[-1])
        return Z, a, *more


def candidates(kind, _):
    """Block sizes to try."""
    return [{"lanes": 0}] if kind == "plain" else [{"lanes": n} for n in (32, 64, 128, 256)]


def refinements(_):
    return []
