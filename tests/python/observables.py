"""What is observed of one moment of a trajectory, straight from the definitions.

What is made of the weights is made of p = s / sum(s). Undefined, NaN or infinite, are: entropy,
effective_tokens and log10_deficit where some p < 0; all that is made of p where s = 0; the deficit
where a single p is not 0. Gradients are those of the loss, decay aside.
"""

import numpy as np

from losses import norm
from maps import log_sum_exp, log_weights


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


def of_token(x, index):
    return np.take_along_axis(x, index[:, None], 1)[:, 0]


def others(x, index):
    """x without token `index` of every replica."""
    keep = np.arange(x.shape[-1]) != index[:, None]
    return x[keep].reshape(len(x), -1)


def above_others(x, index):
    return of_token(x, index) - others(x, index).max(axis=-1)


def share(s):
    """p = s / sum(s)."""
    with np.errstate(invalid="ignore"):
        return s / s.sum(axis=-1, keepdims=True)


def entropy(p):
    """-sum p log p, with 0 log 0 = 0, and the largest p from the others: it may be closer to 1 than
    a number can tell."""
    rest = others(p, p.argmax(axis=-1))
    largest_term = -of_token(p, p.argmax(axis=-1)) * np.log1p(-rest.sum(axis=-1))
    total = largest_term - (rest * np.log(np.where(rest > 0, rest, 1))).sum(axis=-1)
    total[(p < 0).any(axis=-1)] = np.nan
    return total


def observe_weights(s, log_s, leader):
    """s (replica, token) with its logarithm, known up to a constant."""
    p = share(s)
    ordered = np.sort(p, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_deficit = log_sum_exp(others(log_s, log_s.argmax(axis=-1))) - log_sum_exp(log_s)
    return {
        "entropy": entropy(p),
        "effective_tokens": np.exp(entropy(p)),
        "participation_ratio": 1 / (p**2).sum(axis=-1),
        "max_probability": ordered[:, -1],
        "margin": ordered[:, -1] - ordered[:, -2],
        "log10_deficit": log_deficit / np.log(s.dtype.type(10)),
        "leader_probability": of_token(p, leader),
    }


def observe(objective, space, map_name, f, V, a, leader, arc, time):
    """Every observable at (V, a) with fields f: name -> (replica)."""
    return {
        "loss": objective.value(f.z),
        **observe_weights(f.s, log_weights(map_name, a), leader),
        "logit_range": a.max(axis=-1) - a.min(axis=-1),
        "leader_logit_gap": above_others(a, leader),
        "leader_value_gap": above_others(f.w, leader),
        "output_norm": norm(f.z),
        "residual_norm": norm(space.residual(f.q)),
        "value_gradient_norm": norm(f.dV, (-1, -2)),
        "logit_gradient_norm": norm(f.da),
        "value_norm": norm(space.values(V), (-1, -2)),
        "arc": arc.copy(),
        "log_time": np.full(len(a), np.log(time) if time > 0 else np.nan),
    }
