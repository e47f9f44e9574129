"""Attention maps s = f(a), what their Jacobians do, and the losses' softmax. Tokens are last.

All but softmax and sigmoid are s_i = f(a_i) / (sum_j f(a_j) + e).
"""

import numpy as np

MAPS = ("softmax", "sigmoid", "sum", "l1", "l2", "relu")
E = 1e-10


def log_sum_exp(x):
    """Of -inf alone: -inf."""
    top = x.max(axis=-1, keepdims=True)
    top[np.isneginf(top)] = 0
    return top[..., 0] + np.log(np.exp(x - top).sum(axis=-1))


def softmax(x):
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def shape(name, a):
    """f(a) and its derivative, of the maps that divide by a sum."""
    if name == "sum":
        return a, np.ones_like(a)
    if name == "l1":
        return np.abs(a), np.sign(a)
    if name == "l2":
        return a**2, 2 * a
    return np.maximum(a, 0), (a > 0).astype(a.dtype)  # relu


def weights(name, a):
    """s"""
    if name == "softmax":
        return softmax(a)
    if name == "sigmoid":
        return np.exp(-np.logaddexp(0, -a))
    f, _ = shape(name, a)
    return f / (f.sum(axis=-1, keepdims=True) + E)


def pull_back(name, a, g):
    """J(a)^T g, with J_ij = ds_i / da_j."""
    s = weights(name, a)
    if name == "sigmoid":
        return s * (1 - s) * g
    from_mean = g - (s * g).sum(axis=-1, keepdims=True)
    if name == "softmax":
        return s * from_mean
    f, slope = shape(name, a)
    return slope * from_mean / (f.sum(axis=-1, keepdims=True) + E)


def log_weights(name, a):
    """log s up to a constant, finite where s underflows; NaN where s < 0."""
    if name == "softmax":
        return a
    if name == "sigmoid":
        return -np.logaddexp(0, -a)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(weights(name, a))


def singular(a):
    """Where the map `sum` divides by next to nothing: (replica)."""
    return np.abs(a.sum(axis=-1) + E) <= E
