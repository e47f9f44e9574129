"""The workloads that every program runs: their starts, drawn once, in a file that softmaxflow reads
and, as arrays, in the canonical variables Z = W V and a that the peers integrate.

Everything here is float64. Descent with both programs is, with s = softmax(a),

    P1 logistic        W = target^T, |target| = 1:  z = <Z, s>,  q = 1 / (1 + e^z)
    P2 cross_entropy   W = I:                       z = Z s,     q = p - softmax(z)

    w = Z^T q,   a <- a + eta s (w - <s, w>),   Z <- Z + eta q s^T
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 0.1
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Workload:
    title: str
    loss: str
    tokens: int
    replicas: int

    @property
    def logistic(self):
        return self.loss == "logistic"


WORKLOADS = {
    **{f"p1-{n}": Workload(f"P1 logistic, n = d = {n}", "logistic", n, replicas)
       for n, replicas in ((4, 8192), (8, 8192), (16, 4096), (32, 2048), (64, 1024))},
    "p2": Workload("P2 cross_entropy, n = k = 10", "cross_entropy", 10, 2048),
}


@dataclass
class Starts:
    """Z: (replica, token) in P1, (replica, output, token) in P2; p, in P2: (replica, output)."""

    Z: np.ndarray
    a: np.ndarray
    p: np.ndarray | None
    V: np.ndarray
    target: np.ndarray | None

    def first(self, count):
        return Starts(*(None if x is None else x[:count] for x in vars(self).values()))


def draw(workload):
    random = np.random.RandomState(1)
    n, count = workload.tokens, workload.replicas
    V = 0.1 * random.standard_normal((count, n, n))
    a = np.zeros((count, n))
    if workload.logistic:
        target = random.standard_normal((count, n))
        target /= np.linalg.norm(target, axis=1)[:, None]
        return Starts(np.einsum("rd,rdn->rn", target, V), a, None, V, target)
    weights = np.exp(10 * random.uniform(size=n))
    return Starts(V, a, np.tile(weights / weights.sum(), (count, 1)), V, None)


def write(folder, workload, starts):
    """starts.nc, objective.nc (P2) and workload.toml, which names them, into `folder`."""
    import netCDF4  # not needed where a device race reads starts from softmaxflow's own files

    objective = ""
    with netCDF4.Dataset(folder / "starts.nc", "w") as file:
        n = workload.tokens
        for name, size in (("replica", len(starts.V)), ("dim", n), ("token", n)):
            file.createDimension(name, size)
        file.createVariable("values", "f8", ("replica", "dim", "token"))[:] = starts.V
        file.createVariable("logits", "f8", ("replica", "token"))[:] = starts.a
        if workload.logistic:
            file.createVariable("target", "f8", ("replica", "dim"))[:] = starts.target
    if not workload.logistic:
        objective = 'file = "objective.nc"'
        with netCDF4.Dataset(folder / "objective.nc", "w") as file:
            file.createDimension("class", n)
            file.createVariable("distribution", "f8", ("class",))[:] = starts.p[0]
    Path(folder, "workload.toml").write_text(f"""
[model]
tokens = {n}
dim = {n}
[objective]
loss = "{workload.loss}"
{objective}
[init]
file = "starts.nc"
[dynamics]
learning_rate = {RATE}
""")
