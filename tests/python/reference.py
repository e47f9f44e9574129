"""The value-softmax model as on a blackboard: the full value matrix V and the logits a.

    s = softmax(a),  beta = V s,  z = W beta,  loss g(z),  q = -grad g(z),  r = W^T q
    dV/dt = r s^T,   da/dt = rho C(s) V^T r,   C(s) = diag(s) - s s^T

An independent check of the program, which evolves Z = W V instead of V. It is slow, and kept
plain on purpose: NumPy's exp and sums, no canonical form, no leader. All arrays carry a leading
axis of replicas: V (replica, dim, token), a (replica, token), W (replica or 1, output, dim).

Set dtype to np.longdouble for eleven more bits: how far the two precisions are apart says how many
digits of a float64 trajectory mean anything.
"""

from dataclasses import dataclass

import numpy as np

SCALAR_LOSSES = ("logistic", "exponential", "square")
LOSSES = (*SCALAR_LOSSES, "regression", "cross_entropy")
METHODS = ("gradient_descent", "momentum")


def norm(x, axes=-1):
    return np.sqrt((x * x).sum(axis=axes))


def log_sum_exp(x):
    top = x.max(axis=-1, keepdims=True)
    return top[..., 0] + np.log(np.exp(x - top).sum(axis=-1))


def softmax(x):
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


@dataclass
class Objective:
    """g, as a function of z = W beta.

    W: (replica or 1, output, dim). Scalar losses: the target as a row, of length 1 for square.
    response: regression y (replica or 1, sample); cross_entropy p; square the radius B.
    """

    loss: str
    W: np.ndarray
    response: np.ndarray | None = None
    factor: float = 0.5  # regression: c

    def __post_init__(self):
        if self.loss == "square":
            self.W = self.W / norm(self.W)[..., None]

    def to(self, dtype):
        response = None if self.response is None else np.asarray(self.response, dtype)
        return Objective(self.loss, np.asarray(self.W, dtype), response, self.factor)

    def value(self, z):
        """g(z): (replica)."""
        if self.loss == "logistic":
            return np.logaddexp(0, -z)[..., 0]
        if self.loss == "exponential":
            return np.exp(-z)[..., 0]
        if self.loss == "square":
            return ((self.response - z) ** 2 / 2)[..., 0]
        if self.loss == "regression":
            return self.factor * ((self.response - z) ** 2).sum(axis=-1)
        return (self.response * (log_sum_exp(z)[..., None] - z)).sum(axis=-1)

    def residual(self, z):
        """q = -grad g(z): (replica, output)."""
        if self.loss == "logistic":
            return np.exp(-np.logaddexp(0, z))
        if self.loss == "exponential":
            return np.exp(-z)
        if self.loss == "square":
            return self.response - z
        if self.loss == "regression":
            return 2 * self.factor * (self.response - z)
        return self.response - softmax(z)


@dataclass
class Fields:
    """Everything of one moment, from V and a."""

    s: np.ndarray
    z: np.ndarray
    q: np.ndarray
    w: np.ndarray  # V^T r = Z^T q
    dV: np.ndarray
    da: np.ndarray


def fields(objective, V, a, rho=1.0):
    """The vector field of gradient flow at (V, a)."""
    s = softmax(a)
    beta = np.matmul(V, s[..., None])
    z = np.matmul(objective.W, beta)[..., 0]
    q = objective.residual(z)
    r = np.matmul(np.swapaxes(objective.W, -1, -2), q[..., None])  # (replica, dim, 1)
    w = np.matmul(np.swapaxes(V, -1, -2), r)[..., 0]
    dV = r * s[:, None, :]
    da = rho * s * (w - (s * w).sum(axis=-1, keepdims=True))
    return Fields(s, z, q, w, dV, da)


class RowSpace:
    """What of V the loss can move, and what of q the parameters can reach: not all if N > d."""

    def __init__(self, W):
        inverse = np.linalg.pinv(np.asarray(W, np.float64)).astype(W.dtype)
        # One Newton step brings the pseudo-inverse to the precision of W.
        inverse = 2 * inverse - np.matmul(inverse, np.matmul(W, inverse))
        self.rows = np.matmul(inverse, W)  # projector of dim space onto the rows of W
        self.columns = np.matmul(W, inverse)  # projector of output space onto the columns of W

    def values(self, V):
        return np.matmul(self.rows, V)

    def residual(self, q):
        return np.matmul(self.columns, q[..., None])[..., 0]


def others(x, index):
    """x without token `index` of every replica."""
    keep = np.arange(x.shape[-1]) != index[:, None]
    return x[keep].reshape(len(x), -1)


def above_others(x, index):
    return np.take_along_axis(x, index[:, None], 1)[:, 0] - others(x, index).max(axis=-1)


def observe(objective, space, V, a, rho, leader, arc, time):
    """Every observable of one moment: name -> (replica)."""
    f = fields(objective, V, a, rho)
    ordered = np.sort(f.s, axis=-1)
    positive = np.where(f.s > 0, f.s, 1)  # 0 log 0 = 0
    entropy = -(f.s * np.log(positive)).sum(axis=-1)
    top = a.argmax(axis=-1)
    log_deficit = log_sum_exp(others(a, top)) - log_sum_exp(a)
    log_time = np.full(len(a), np.log(time) if time > 0 else np.nan)
    return {
        "loss": objective.value(f.z),
        "entropy": entropy,
        "effective_tokens": np.exp(entropy),
        "participation_ratio": 1 / (f.s**2).sum(axis=-1),
        "max_probability": ordered[:, -1],
        "margin": ordered[:, -1] - ordered[:, -2],
        "log10_deficit": log_deficit / np.log(a.dtype.type(10)),
        "logit_range": a.max(axis=-1) - a.min(axis=-1),
        "leader_probability": np.take_along_axis(f.s, leader[:, None], 1)[:, 0],
        "leader_logit_gap": above_others(a, leader),
        "leader_value_gap": above_others(f.w, leader),
        "output_norm": norm(f.z),
        "residual_norm": norm(space.residual(f.q)),
        "value_gradient_norm": norm(f.dV, (-1, -2)),
        "logit_gradient_norm": norm(f.da),
        "value_norm": norm(space.values(V), (-1, -2)),
        "arc": arc.copy(),
        "log_time": log_time,
    }


@dataclass
class Trajectory:
    """At the checkpoints: Z (replica, checkpoint, output, token), a and s (replica, checkpoint,
    token), observables name -> (replica, checkpoint); once per replica: leader, passage."""

    Z: np.ndarray
    a: np.ndarray
    s: np.ndarray
    observables: dict
    leader: np.ndarray
    passage: np.ndarray  # (replica, threshold): first iteration, NaN if never


def simulate(objective, V, a, *, learning_rate, iterations, checkpoints, method="gradient_descent",
             momentum=0.9, logit_rate=1.0, thresholds=(), dtype=np.float64):
    """Descends from V, a; records at the given iterations, which may include 0."""
    objective = objective.to(dtype)
    eta, mu, rho = dtype(learning_rate), dtype(momentum), dtype(logit_rate)
    V, a = np.array(V, dtype), np.array(a, dtype)
    velocity_V, velocity_a = np.zeros_like(V), np.zeros_like(a)
    if method == "gradient_descent":
        mu = dtype(0)
    space = RowSpace(objective.W)
    leader = fields(objective, V, a, rho).w.argmax(axis=-1)
    arc = np.zeros(len(a), dtype)
    passage = np.full((len(a), len(thresholds)), np.nan)
    wanted, kept = set(map(int, checkpoints)), []
    for k in range(iterations + 1):
        f = fields(objective, V, a, rho)
        reached = f.s.max(axis=-1)[:, None] >= np.asarray(thresholds)
        passage[np.isnan(passage) & reached] = k
        if k in wanted:
            time = dtype(np.float64(learning_rate) * k)  # a rounding that both share
            now = observe(objective, space, V, a, rho, leader, arc, time)
            kept.append((np.matmul(objective.W, V), a.copy(), f.s, now))
        velocity_V = mu * velocity_V - f.dV  # the gradient of the loss is minus the flow
        velocity_a = mu * velocity_a - f.da
        V = V - eta * velocity_V
        a = a - eta * velocity_a
        arc += eta * norm(space.residual(f.q))
    Z, a, s, observed = zip(*kept)
    observables = {x: np.stack([now[x] for now in observed], axis=1) for x in observed[0]}
    return Trajectory(np.stack(Z, 1), np.stack(a, 1), np.stack(s, 1), observables, leader, passage)
