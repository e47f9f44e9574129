"""numbalsoda: DOP853 and LSODA compiled, the field and the loop over starts by numba, all cores."""

import time

import numba
import numpy as np
from numbalsoda import dop853, lsoda, lsoda_sig

from flow_workload import HORIZON, TOKENS

VERSION = f"numbalsoda 0.3.4, numba {numba.__version__}"


@numba.cfunc(lsoda_sig)
def rhs(t, x_, dx_, p):
    x = numba.carray(x_, (2 * TOKENS,))
    dx = numba.carray(dx_, (2 * TOKENS,))
    top = x[TOKENS]
    for j in range(1, TOKENS):
        top = max(top, x[TOKENS + j])
    total, mean = 0.0, 0.0
    for j in range(TOKENS):
        dx[j] = np.exp(x[TOKENS + j] - top)
        total += dx[j]
    for j in range(TOKENS):
        dx[j] /= total
        mean += dx[j] * x[j]
    for j in range(TOKENS):
        dx[TOKENS + j] = dx[j] * (x[j] - mean)


ADDRESS = rhs.address


@numba.njit(parallel=True)
def with_dop853(address, starts, end, rtol, atol, out):
    for i in numba.prange(len(starts)):
        times = np.array([0.0, end])
        found, ok = dop853(address, starts[i], times, rtol=rtol, atol=atol)
        for j in range(out.shape[1]):
            out[i, j] = found[1, j] if ok else np.nan


@numba.njit(parallel=True)
def with_lsoda(address, starts, end, rtol, atol, out):
    for i in numba.prange(len(starts)):
        times = np.array([0.0, end])
        found, ok = lsoda(address, starts[i], times, rtol=rtol, atol=atol)
        for j in range(out.shape[1]):
            out[i, j] = found[1, j] if ok else np.nan


class Peer:
    level = "hand kernel"

    def __init__(self, starts, threads, method="dop853"):
        self.label = f"numbalsoda {method}, prange"
        self.starts, self.loop = starts, {"dop853": with_dop853, "lsoda": with_lsoda}[method]
        numba.set_num_threads(threads)
        begin = time.perf_counter()
        self.loop(ADDRESS, starts[:2], 1e-3, 1e-6, 1e-9, np.empty((2, 2 * TOKENS)))
        self.compile_seconds = time.perf_counter() - begin

    def right_hand_side(self, states):
        out = np.empty_like(states)
        for x, dx in zip(states, out):
            rhs.ctypes(0.0, x.ctypes.data_as(rhs.ctypes.argtypes[1]),
                       dx.ctypes.data_as(rhs.ctypes.argtypes[2]), None)
        return out

    def run(self, tolerance):
        out = np.empty_like(self.starts)
        self.loop(ADDRESS, self.starts, HORIZON, tolerance, 1e-3 * tolerance, out)
        return out
