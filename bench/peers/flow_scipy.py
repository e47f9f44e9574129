"""SciPy's DOP853, one start after the other, the field in NumPy; and the golden solution."""

import numpy as np
import scipy
from scipy.integrate import solve_ivp

from flow_workload import HORIZON, TOKENS, field

VERSION = f"SciPy {scipy.__version__}"


def one_field(_, x):
    u, a = x[:TOKENS], x[TOKENS:]
    e = np.exp(a - a.max())
    s = e / e.sum()
    dx = np.empty_like(x)
    dx[:TOKENS] = s
    dx[TOKENS:] = s * (u - s @ u)
    return dx


def solve(x, tolerance, atol):
    return solve_ivp(one_field, (0.0, HORIZON), x, method="DOP853", rtol=tolerance, atol=atol,
                     t_eval=[HORIZON]).y[:, -1]


def golden(starts, tolerance=1e-13):
    return np.array([solve(x, tolerance, 1e-15) for x in starts])


class Peer:
    label, level, compile_seconds = "SciPy DOP853, one core", "library", None

    def __init__(self, starts, threads):
        self.starts = starts

    def right_hand_side(self, states):
        return np.array([one_field(0.0, x) for x in states])

    def run(self, tolerance):
        return np.array([solve(x, tolerance, 1e-3 * tolerance) for x in self.starts])
