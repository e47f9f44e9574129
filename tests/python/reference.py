"""The value-softmax model as on a blackboard: the full value matrix V and the logits a.

    s = map(a),  beta = V s,  z = W beta,  loss g(z),  q = -grad g(z),  r = W^T q
    dV/dt = r s^T - value_decay V,  da/dt = rho J(a)^T V^T r - logit_decay a,  J = ds/da

An independent check of the program, which evolves Z = W V instead of V. It is slow, and kept
plain on purpose: NumPy's exp and sums, no canonical form, no leader. All arrays carry a leading
axis of replicas: V (replica, dim, token), a (replica, token), W (replica or 1, output, dim).

Methods that act entry by entry (adam, sign_descent) do so on a and on the entries of G (output,
token) in V = V(0) + W^T G; for W = I that is on V itself.

Set dtype to np.longdouble for eleven more bits: how far the two precisions are apart says how many
digits of a float64 trajectory mean anything.
"""

from dataclasses import dataclass, replace

import numpy as np

from losses import LOSSES, SCALAR_LOSSES, Objective, norm  # noqa: F401
from maps import MAPS, pull_back, singular, softmax, weights  # noqa: F401
from observables import RowSpace, observe, share

METHODS = ("gradient_descent", "momentum", "adam", "sign_descent")
ENTRYWISE = ("adam", "sign_descent")


def transposed(x):
    return np.swapaxes(x, -1, -2)


@dataclass
class Fields:
    """Everything of one moment, from V and a."""

    s: np.ndarray
    z: np.ndarray
    q: np.ndarray
    w: np.ndarray  # V^T r = Z^T q
    dV: np.ndarray  # decay aside
    da: np.ndarray


def fields(objective, V, a, map="softmax", rho=1.0):
    """The vector field of gradient flow at (V, a), decay aside."""
    s = weights(map, a)
    beta = np.matmul(V, s[..., None])
    z = np.matmul(objective.W, beta)[..., 0]
    q = objective.residual(z)
    r = np.matmul(transposed(objective.W), q[..., None])  # (replica, dim, 1)
    w = np.matmul(transposed(V), r)[..., 0]
    return Fields(s, z, q, w, dV=r * s[:, None, :], da=rho * pull_back(map, a, w))


@dataclass
class Rule:
    """How a method moves one array of parameters x, given the gradient: x <- x - step."""

    method: str
    learning_rate: float  # eta
    momentum: float = 0.9
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    first: np.ndarray | float = 0.0  # what it remembers: the velocity, or the first moment
    second: np.ndarray | float = 0.0  # the second moment

    def step(self, gradient, t):
        """t = 1 at the first step."""
        if self.method == "gradient_descent":
            return self.learning_rate * gradient
        if self.method == "sign_descent":
            return self.learning_rate * np.sign(gradient)
        if self.method == "momentum":
            self.first = self.momentum * self.first + gradient
            return self.learning_rate * self.first
        one = gradient.dtype.type(1)  # so that powers are of that precision
        b1, b2 = one * self.adam_beta1, one * self.adam_beta2
        self.first = b1 * self.first + (1 - b1) * gradient
        self.second = b2 * self.second + (1 - b2) * gradient**2
        root = np.sqrt(self.second / (1 - b2**t))
        return self.learning_rate * (self.first / (1 - b1**t)) / (root + self.adam_epsilon)


class Descent:
    """V and a, and how a method moves them."""

    def __init__(self, objective, V, a, decays, method, constants):
        self.objective, self.V, self.a = objective, V, a
        self.value_decay, self.logit_decay = decays
        if method in ENTRYWISE and self.value_decay != 0:
            raise ValueError("G alone does not say what V decays to")
        self.W = np.matmul(objective.basis, objective.W)  # dZ = W dV
        self.value_rule, self.logit_rule = Rule(method, **constants), Rule(method, **constants)

    def Z(self):
        return np.matmul(self.W, self.V)

    def step(self, f, t):
        """Both from the same fields; the gradient of the loss is minus the flow."""
        if self.value_rule.method in ENTRYWISE:
            q = np.matmul(self.objective.basis, f.q[..., None])
            moved_G = self.value_rule.step(-q * f.s[:, None, :], t)
            self.V = self.V - np.matmul(transposed(self.W), moved_G)
        else:
            self.V = self.V - self.value_rule.step(-f.dV + self.value_decay * self.V, t)
        self.a = self.a - self.logit_rule.step(-f.da + self.logit_decay * self.a, t)

    def memory(self):
        """What the method remembers, under the names of states.nc."""
        of_V, of_a = self.value_rule, self.logit_rule
        rest_V, rest_a = np.zeros_like(self.V), np.zeros_like(self.a)
        if of_V.method == "momentum":
            return {"velocity_projected_values": np.matmul(self.W, of_V.first + rest_V),
                    "velocity_logits": of_a.first + rest_a}
        if of_V.method == "adam":
            rest_G = np.zeros_like(self.Z())
            return {"moment1_projected_values": of_V.first + rest_G,
                    "moment2_projected_values": of_V.second + rest_G,
                    "moment1_logits": of_a.first + rest_a,
                    "moment2_logits": of_a.second + rest_a}
        return {}


@dataclass
class Trajectory:
    """At the checkpoints; Z in the basis of the objective."""

    map: str
    Z: np.ndarray  # (replica, checkpoint, output, token)
    a: np.ndarray  # (replica, checkpoint, token)
    s: np.ndarray
    observables: dict  # name -> (replica, checkpoint)
    ranked: dict  # name -> (replica, checkpoint, rank): tokens ranked by w at the start
    memory: dict  # name in states.nc -> as Z, or as a
    leader: np.ndarray  # (replica): token
    ranks: np.ndarray  # (replica, token): rank of each
    passage: np.ndarray  # (replica, threshold): first iteration, NaN if never
    singular: np.ndarray  # (replica): iteration at which map sum has no denominator, NaN if never

    def until(self, iteration, count):
        """The first `count` checkpoints, of which `iteration` is the last."""
        def cut(x):
            return {name: y[:, :count] for name, y in x.items()}

        passage = np.where(self.passage <= iteration, self.passage, np.nan)
        singular = np.where(self.singular <= iteration, self.singular, np.nan)
        return replace(self, Z=self.Z[:, :count], a=self.a[:, :count], s=self.s[:, :count],
                       observables=cut(self.observables), ranked=cut(self.ranked),
                       memory=cut(self.memory), passage=passage, singular=singular)


def by_rank(f, a, order):
    curves = {"ranked_probability": f.s, "ranked_logit": a, "ranked_value": f.w}
    return {name: np.take_along_axis(x, order, 1) for name, x in curves.items()}


def together(moments):
    """Dictionaries of the checkpoints -> one, of arrays (replica, checkpoint, ...)."""
    return {name: np.stack([now[name] for now in moments], axis=1) for name in moments[0]}


def simulate(objective, V, a, *, iterations, checkpoints, map="softmax",
             method="gradient_descent", logit_rate=1.0, value_decay=0.0, logit_decay=0.0,
             thresholds=(), dtype=np.float64, **constants):
    """Descends from V, a; records at the given iterations, which may include 0.

    constants: learning_rate and what else Rule has.
    """
    objective = objective.to(dtype)
    now = Descent(objective, np.array(V, dtype), np.array(a, dtype), (value_decay, logit_decay),
                  method, constants)
    space = RowSpace(objective.W)
    start = fields(objective, now.V, now.a, map)
    leader, order = start.w.argmax(axis=-1), (-start.w).argsort(axis=-1, kind="stable")
    arc, failed = np.zeros(len(now.a), dtype), np.full(len(now.a), np.nan)
    passage = np.full((len(now.a), len(thresholds)), np.nan)
    wanted, kept = {int(k) for k in checkpoints}, []
    for k in range(iterations + 1):
        f = fields(objective, now.V, now.a, map, logit_rate)
        if map == "sum":
            failed[np.isnan(failed) & singular(now.a)] = k
        reached = share(f.s).max(axis=-1)[:, None] >= np.asarray(thresholds)
        passage[np.isnan(passage) & reached] = k
        if k in wanted:
            time = dtype(np.float64(constants["learning_rate"]) * k)  # a rounding that both share
            observed = observe(objective, space, map, f, now.V, now.a, leader, arc, time)
            kept.append(({"Z": now.Z(), "a": now.a, "s": f.s}, observed, by_rank(f, now.a, order),
                         now.memory()))
        now.step(f, k + 1)
        arc += constants["learning_rate"] * norm(space.residual(f.q))
    state, observables, ranked, memory = (together(x) for x in zip(*kept))
    return Trajectory(map, **state, observables=observables, ranked=ranked, memory=memory,
                      leader=leader, ranks=order.argsort(axis=-1), passage=passage,
                      singular=failed)
