"""Objectives l(beta) = g(W beta) of an output beta, as functions of z = W beta."""

from dataclasses import dataclass

import numpy as np

from maps import log_sum_exp, softmax

SCALAR_LOSSES = ("logistic", "exponential", "square")
LOSSES = (*SCALAR_LOSSES, "regression", "classification", "cross_entropy")


def norm(x, axes=-1):
    return np.sqrt((x * x).sum(axis=axes))


@dataclass
class Objective:
    """g, as a function of z = W beta.

    W: (replica or 1, output, dim). Scalar losses: the target as a row, of length 1 for square.
    response: regression y and classification labels +-1 (replica or 1, sample); cross_entropy p;
    square the radius B.
    basis: (output, sample) with orthonormal rows, by default the identity: the coordinates of z in
    which states are recorded and methods that act entry by entry do so. For regression the
    singular basis of X.
    """

    loss: str
    W: np.ndarray
    response: np.ndarray | None = None
    factor: float = 0.5  # regression: c
    basis: np.ndarray | None = None

    def __post_init__(self):
        if self.loss == "square":
            self.W = self.W / norm(self.W)[..., None]
        if self.basis is None:
            self.basis = np.eye(self.W.shape[-2])

    def to(self, dtype):
        response = None if self.response is None else np.asarray(self.response, dtype)
        return Objective(self.loss, np.asarray(self.W, dtype), response, self.factor,
                         np.asarray(self.basis, dtype))

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
        if self.loss == "classification":
            return np.logaddexp(0, -self.response * z).mean(axis=-1)
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
        if self.loss == "classification":
            y = self.response
            return y * np.exp(-np.logaddexp(0, y * z)) / z.shape[-1]
        return self.response - softmax(z)
