"""heyoka: Taylor series of high order, compiled; batches of one SIMD vector, an ensemble of them over
all cores."""

import time

import heyoka as hy
import numpy as np

from flow_workload import HORIZON, TOKENS

VERSION = f"heyoka.py {hy.__version__}"


def system():
    u = [hy.make_vars(f"u{i}") for i in range(TOKENS)]
    a = [hy.make_vars(f"a{i}") for i in range(TOKENS)]
    e = [hy.exp(x - a[0]) for x in a]
    total = hy.sum(e)
    s = [x / total for x in e]
    mean = hy.sum([x * y for x, y in zip(s, u)])
    return [*zip(u, s), *((x, y * (z - mean)) for x, y, z in zip(a, s, u))]


class Peer:
    label, level = "heyoka, batch, ensemble", "generated kernel"

    def __init__(self, starts, threads):
        self.starts, self.threads = starts, threads
        self.batch = hy.recommended_simd_size()
        self.integrators = {}
        self.compile_seconds = 0.0

    def right_hand_side(self, states):
        sys = system()
        f = hy.cfunc([rhs for _, rhs in sys], [var for var, _ in sys])
        return np.asarray(f(np.ascontiguousarray(states.T))).T

    def prepare(self, tolerance):
        begin = time.perf_counter()
        self.integrators[tolerance] = hy.taylor_adaptive_batch(
            system(), np.zeros((2 * TOKENS, self.batch)), tol=tolerance, compact_mode=False)
        self.compile_seconds = time.perf_counter() - begin

    def run(self, tolerance):
        if tolerance not in self.integrators:
            self.prepare(tolerance)
        ta = self.integrators[tolerance]
        batches = self.starts.reshape(-1, self.batch, 2 * TOKENS).swapaxes(1, 2)

        def start(ta, i):
            ta.set_time(0.0)
            ta.state[:] = batches[i]
            return ta

        found = hy.ensemble_propagate_until_batch(ta, HORIZON, len(batches), start,
                                                  algorithm="thread", max_workers=self.threads)
        return np.concatenate([x[0].state.T for x in found])
