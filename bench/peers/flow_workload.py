"""P4: gradient flow on the arc clock to tau = 1e3, logistic loss, n = 8: starts, field and golden.

With s = softmax(a) and one output, q / |q| = 1 and kappa = |target|^2 = 1:

    u' = s,    a' = s (u - <s, u>)

Every program integrates these 16 numbers per start, in float64. log t, which softmaxflow keeps beside,
is not asked of the others.
"""

import numpy as np

TOKENS, HORIZON, ARC = 8, 1e3, 1.0


def field(x):
    """d(u, a)/dtau of rows (u, a). What the others are checked against."""
    u, a = x[..., :TOKENS], x[..., TOKENS:]
    s = np.exp(a - a.max(-1, keepdims=True))
    s /= s.sum(-1, keepdims=True)
    return np.concatenate([s, s * (u - (s * u).sum(-1, keepdims=True))], -1)


def random_states(count=1000):
    random = np.random.RandomState(2)
    return np.concatenate([3 * random.standard_normal((count, TOKENS)),
                           2 * random.standard_normal((count, TOKENS))], 1)


def error(found, golden):
    """Over the starts: median of the largest error of a start relative to its largest number. At
    tau = 1e3 that is u_1, so errors of the logits, of size 10, are taken by themselves."""
    worst = 0
    for part in (slice(0, TOKENS), slice(TOKENS, None)):
        gap = np.abs(found[:, part] - golden[:, part]).max(1) / np.abs(golden[:, part]).max(1)
        worst = np.maximum(worst, gap)
    return float(np.median(worst)), float(worst.max())
