"""Hand-written kernels in numba: @njit(parallel=True, fastmath), prange over replicas.

Three rows. "plain" is one replica per trip, its tokens in inner loops. "lanes" works on blocks of
replicas, replica innermost, so that LLVM turns every inner loop into vector code; exp is the
library's, in vector form where Intel's SVML is found. "lanes, own exp" replaces it by a polynomial
of degree 11 that vectorises like any other arithmetic. exp is not shifted by the largest logit.
"""

import ctypes
import os
import sys
from pathlib import Path

from workloads import RATE

# pip puts SVML where the loader does not look; numba takes it if it is loaded already.
for library in ("libintlc.so.5", "libsvml.so"):
    if Path(sys.prefix, "lib", library).exists():
        ctypes.CDLL(str(Path(sys.prefix, "lib", library)), ctypes.RTLD_GLOBAL)
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # idle workers must not disturb the others

import numba  # noqa: E402 (looks for SVML)
import numpy as np  # noqa: E402
from numba import njit, prange, types  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

SVML = numba.config.USING_SVML
VERSION = f"numba {numba.__version__} (SVML {'active' if SVML else 'not active'})"

# The own exp rounds by adding a large number, which reassociation would undo.
NO_REASSOCIATION = {"nnan", "ninf", "nsz", "arcp", "contract"}


@intrinsic
def to_bits(_, x):
    return types.int64(types.float64), lambda context, builder, signature, arguments: (
        builder.bitcast(arguments[0], context.get_value_type(types.int64)))


@intrinsic
def from_bits(_, x):
    return types.float64(types.int64), lambda context, builder, signature, arguments: (
        builder.bitcast(arguments[0], context.get_value_type(types.float64)))


@njit(fastmath=True, error_model="numpy")
def library_exp(x):
    return np.exp(x)


@njit(fastmath=NO_REASSOCIATION)
def own_exp(x):
    """e^x for |x| < 708: 2^k e^r with |r| <= ln(2)/2, e^r by its Taylor series to r^11."""
    shifted = x * 1.4426950408889634 + 6755399441055744.0
    k = shifted - 6755399441055744.0
    r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10
    y = r * (1 / 39916800) + 1 / 3628800
    y = y * r + 1 / 362880
    y = y * r + 1 / 40320
    y = y * r + 1 / 5040
    y = y * r + 1 / 720
    y = y * r + 1 / 120
    y = y * r + 1 / 24
    y = y * r + 1 / 6
    y = y * r + 0.5
    y = y * r + 1.0
    y = y * r + 1.0
    return y * from_bits((to_bits(shifted) + 1023) << 52)


# error_model="numpy" matters: the check for division by zero would keep loops from vectorising.
#
# Every kernel runs lengths[c] steps and then takes the entropies, for each c, in place on Z and a:
# the plain ones (replica, token) or (replica, output, token), those of lanes (block, token, lane)
# or (block, output, token, lane). entropies is (segment, replica).


@njit(fastmath=True, error_model="numpy")
def plain_logistic_steps(Z, a, _, e, count):
    n = len(a)
    for _ in range(count):
        total = z = 0.0
        for j in range(n):
            e[j] = np.exp(a[j])
            total += e[j]
            z += Z[j] * e[j]
        z /= total
        scale = RATE / total / (1 + np.exp(z))
        for j in range(n):
            change = scale * e[j]
            a[j] += change * (Z[j] - z)
            Z[j] += change


@njit(fastmath=True, error_model="numpy")
def plain_cross_entropy_steps(Z, a, p, s, count):
    m, n = Z.shape
    w, z, q = np.empty(n), np.empty(m), np.empty(m)
    for _ in range(count):
        total = 0.0
        for j in range(n):
            s[j] = np.exp(a[j])
            total += s[j]
            w[j] = 0.0
        total = 1 / total
        for j in range(n):
            s[j] *= total
        total = 0.0
        for k in range(m):
            z_k = 0.0
            for j in range(n):
                z_k += Z[k, j] * s[j]
            z[k] = z_k
            q[k] = np.exp(z_k)
            total += q[k]
        total = 1 / total
        mean = 0.0
        for k in range(m):
            q[k] = p[k] - q[k] * total
            mean += z[k] * q[k]
            for j in range(n):
                w[j] += Z[k, j] * q[k]
                Z[k, j] += RATE * q[k] * s[j]
        for j in range(n):
            a[j] += RATE * s[j] * (w[j] - mean)


def plain(steps):
    @njit(fastmath=True, error_model="numpy")
    def run(Z, a, p, lengths, entropies):
        e = np.empty(len(a))
        for c in range(len(lengths)):
            steps(Z, a, p, e, lengths[c])
            total = mean = 0.0
            for j in range(len(a)):
                x = np.exp(a[j])
                total += x
                mean += x * a[j]
            entropies[c] = np.log(total) - mean / total

    @njit(parallel=True, fastmath=True, error_model="numpy")
    def kernel(Z, a, p, lengths, entropies):
        for replica in prange(len(a)):
            run(Z[replica], a[replica], p[replica], lengths, entropies[:, replica])

    return kernel


def logistic_steps(lanes, exp, fastmath):
    @njit(fastmath=fastmath, error_model="numpy")
    def steps(Z, a, _, e, count):
        n = len(a)
        total, z = np.empty(lanes), np.empty(lanes)
        for _ in range(count):
            for r in range(lanes):
                total[r] = z[r] = 0.0
            for j in range(n):
                for r in range(lanes):
                    x = exp(a[j, r])
                    e[j, r] = x
                    total[r] += x
                    z[r] += x * Z[j, r]
            for r in range(lanes):
                scale = 1 / total[r]
                z[r] *= scale
                total[r] = RATE * scale / (1 + exp(z[r]))
            for j in range(n):
                for r in range(lanes):
                    change = total[r] * e[j, r]
                    a[j, r] += change * (Z[j, r] - z[r])
                    Z[j, r] += change

    return steps


def cross_entropy_steps(lanes, exp, fastmath):
    @njit(fastmath=fastmath, error_model="numpy")
    def steps(Z, a, p, s, count):
        m, n = Z.shape[:2]
        w, z, q = np.empty((n, lanes)), np.empty((m, lanes)), np.empty((m, lanes))
        total, mean = np.empty(lanes), np.empty(lanes)
        for _ in range(count):
            for r in range(lanes):
                total[r] = 0.0
            for j in range(n):
                for r in range(lanes):
                    x = exp(a[j, r])
                    s[j, r] = x
                    total[r] += x
                    w[j, r] = 0.0
            for r in range(lanes):
                mean[r] = 1 / total[r]
                total[r] = 0.0
            for j in range(n):
                for r in range(lanes):
                    s[j, r] *= mean[r]
            for k in range(m):
                for r in range(lanes):
                    z[k, r] = 0.0
                for j in range(n):
                    for r in range(lanes):
                        z[k, r] += Z[k, j, r] * s[j, r]
                for r in range(lanes):
                    x = exp(z[k, r])
                    q[k, r] = x
                    total[r] += x
            for r in range(lanes):
                total[r] = 1 / total[r]
                mean[r] = 0.0
            for k in range(m):
                for r in range(lanes):
                    q[k, r] = p[k, r] - q[k, r] * total[r]
                    mean[r] += z[k, r] * q[k, r]
                for j in range(n):
                    for r in range(lanes):
                        w[j, r] += Z[k, j, r] * q[k, r]
                        Z[k, j, r] += RATE * q[k, r] * s[j, r]
            for j in range(n):
                for r in range(lanes):
                    a[j, r] += RATE * s[j, r] * (w[j, r] - mean[r])

    return steps


def in_lanes(make_steps, lanes, exp, fastmath):
    steps = make_steps(lanes, exp, fastmath)

    @njit(fastmath=fastmath, error_model="numpy")
    def run(Z, a, p, lengths, entropies):
        e = np.empty(a.shape)
        total, mean = np.empty(lanes), np.empty(lanes)
        for c in range(len(lengths)):
            steps(Z, a, p, e, lengths[c])
            for r in range(lanes):
                total[r] = mean[r] = 0.0
            for j in range(len(a)):
                for r in range(lanes):
                    x = exp(a[j, r])
                    total[r] += x
                    mean[r] += x * a[j, r]
            for r in range(lanes):
                entropies[c, r] = np.log(total[r]) - mean[r] / total[r]

    @njit(parallel=True, fastmath=fastmath, error_model="numpy")
    def kernel(Z, a, p, lengths, entropies):
        for b in prange(len(a)):
            run(Z[b], a[b], p[b], lengths, entropies[:, b * lanes:(b + 1) * lanes])

    return kernel
