"""Random objectives and starts for the tests, every size different so that no transposed array
goes unnoticed."""

from dataclasses import dataclass

import numpy as np

from losses import SCALAR_LOSSES, Objective


@dataclass
class Sizes:
    replicas: int = 3
    tokens: int = 7
    dim: int = 5
    samples: int = 9  # regression
    labels: int = 4  # classification: no more than dim


def singular_basis(X):
    """(output, sample): left singular vectors of X, each with the sign that the program promises,
    which makes the largest entry of the right one positive."""
    U, _, R = np.linalg.svd(X, full_matrices=False)
    largest = np.take_along_axis(R, np.abs(R).argmax(axis=1)[:, None], 1)[:, 0]
    return (U * np.sign(largest)).T


def random_objective(loss, rng, sizes, factor=0.8):
    if loss in SCALAR_LOSSES:
        W = rng.normal(size=(sizes.replicas, 1, sizes.dim))
        return Objective(loss, W, np.array(2.5) if loss == "square" else None)
    if loss == "regression":
        W = rng.normal(size=(1, sizes.samples, sizes.dim))
        response = rng.normal(size=(1, sizes.samples))
        return Objective(loss, W, response, factor, singular_basis(W[0]))
    if loss == "classification":
        W = rng.normal(size=(1, sizes.labels, sizes.dim))
        return Objective(loss, W, rng.choice([-1.0, 1.0], size=(1, sizes.labels)))
    return Objective(loss, np.eye(sizes.dim)[None], rng.dirichlet(np.ones(sizes.dim))[None])


def random_parameters(rng, sizes, value_scale=1.0, logit_scale=1.0, logit_mean=0.0):
    """V and a"""
    V = value_scale * rng.normal(size=(sizes.replicas, sizes.dim, sizes.tokens))
    return V, logit_mean + logit_scale * rng.normal(size=(sizes.replicas, sizes.tokens))
