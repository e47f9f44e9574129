"""Distribution functions, and tests that draws follow them: Kolmogorov-Smirnov, and correlations.

With fixed seeds each passes or fails for good: thresholds are such that right draws fail one with a
chance of about one in a million.
"""

import math

import numpy as np


def uniform(x):
    return np.clip(x, 0, 1)


def normal(x):
    return 0.5 * np.vectorize(math.erfc)(-np.asarray(x) / math.sqrt(2))


def half_normal(x):
    return 2 * normal(x) - 1


def chi_square_4(x):
    return 1 - np.exp(-x / 2) * (1 + x / 2)


def sphere_4(x):
    """One coordinate of a uniform unit vector in four dimensions."""
    return 0.5 + (x * np.sqrt(1 - x**2) + np.arcsin(x)) / np.pi


def student(dof, x):
    """x = sqrt(dof) tan(angle), the angle of density cos^(dof - 1)."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 200_001)
    density = np.cos(angle) ** (dof - 1)
    area = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    return np.interp(np.arctan(x / np.sqrt(dof)), angle, area / area[-1])


def largest_deviation(u):
    """Of the empirical distribution of u from uniform."""
    u, n = np.sort(u.ravel()), u.size
    return max(np.abs(u - np.arange(n) / n).max(), np.abs(u - np.arange(1, n + 1) / n).max())


def check_law(name, x, distribution):
    """Entries of x (sample, ...) are independent draws of a distribution: all together have its
    distribution function, and no two entries are correlated in rank or in distance to the median.
    """
    u = distribution(x.reshape(len(x), -1))
    assert len(np.unique(x)) == x.size, f"{name}: repeated values"
    deviation = largest_deviation(u) * math.sqrt(x.size)
    assert deviation < 2.7, f"{name}: {deviation:.2f}"  # P = 2 exp(-2 2.7^2) = 1e-6
    for y in (u, np.abs(u - 0.5)):
        if y.shape[1] > 1:
            correlation = np.abs(np.corrcoef(y, rowvar=False) - np.eye(y.shape[1])).max()
            assert correlation < 5.5 / math.sqrt(len(y)), f"{name}: correlated, {correlation:.3f}"


def check_fair(name, x):
    """Independent draws +-1."""
    x = x.reshape(len(x), -1)
    assert (np.abs(x) == 1).all(), name
    assert abs(x.mean()) < 5 / math.sqrt(x.size), (name, x.mean())
    if x.shape[1] > 1:
        correlation = np.abs(np.corrcoef(x, rowvar=False) - np.eye(x.shape[1])).max()
        assert correlation < 5.5 / math.sqrt(len(x)), f"{name}: correlated, {correlation:.3f}"


def check_mean(name, x, mean, variance):
    assert abs(x.mean() - mean) < 5 * math.sqrt(variance / x.size), (name, x.mean(), mean)


def check_rank_one(name, Z):
    singular = np.linalg.svd(Z, compute_uv=False)
    assert (singular[:, 1] < 1e-14 * singular[:, 0]).all(), (name, singular.max(axis=0))


def check_isotropic(name, x, rounding=1e-13):
    """x (sample, 4) are uniform unit vectors: every coordinate has the law of one, along the axes
    and along others; signs are independent."""
    assert np.allclose((x**2).sum(axis=-1), 1, rtol=rounding), name
    rotation = np.linalg.qr(np.random.RandomState(1).normal(size=(4, 4)))[0]
    for y in (x, x @ rotation):
        for k in range(4):
            check_law(f"{name}, coordinate {k}", y[:, k], sphere_4)
        check_fair(f"{name}, signs", np.sign(y))
