"""`softmaxflow check` against independent simulations in NumPy and SciPy.

usage: test_claims.py PROGRAM

Exits 77, which the test driver shows as skipped, where NumPy or SciPy is missing.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import needs, run_all

needs("numpy", "scipy")

import numpy as np
from scipy.integrate import solve_ivp

TOKENS, SCALE, LOGIT_SCALE, ARC = 4, 0.5, 0.7, 200.0


def weights(a):
    s = np.exp(a - a.max())
    return s / s.sum()


def field(_, x):
    """u' = s and a' = s (u - <s, u>) on the arc clock, for a target of length 1."""
    u, a = x[:TOKENS], x[TOKENS:]
    s = weights(a)
    return np.concatenate([s, s * (u - s @ u)])


def simulated_share(draws, rng):
    """How often the largest u at the start has the largest weight at the end."""
    won = 0
    for _ in range(draws):
        u, a = SCALE * rng.standard_normal(TOKENS), LOGIT_SCALE * rng.standard_normal(TOKENS)
        end = solve_ivp(field, (0, ARC), np.concatenate([u, a]), method="DOP853", rtol=1e-8,
                        atol=1e-10).y[:, -1]
        won += int(np.argmax(end[TOKENS:]) == np.argmax(u))
    return won / draws


def check(program, folder, text, *words):
    config = Path(folder) / "config.toml"
    config.write_text(text)
    done = subprocess.run([program, "check", str(config), *words, "--json"], capture_output=True,
                          text=True, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_rate_of_winning_leaders(program, folder):
    """Two estimates of one probability from different draws: they differ by chance alone."""
    status, result = check(program, folder, f"""
[model]
tokens = {TOKENS}
dim = 3
[init]
value_scale = {SCALE}
logit_scale = {LOGIT_SCALE}
[dynamics]
method = "flow"
[ensemble]
replicas = 4000
seed = 8
[claims]
horizon = {ARC}
""", "winner_is_initial_leader")
    assert status == 0
    figure = result["claims"][0]["measurement"]["figures"][0]
    draws = 400
    share = simulated_share(draws, np.random.default_rng(5))
    noise = np.sqrt(share * (1 - share) * (1 / draws + 1 / 4000))
    assert 0.3 < share < 0.95, share
    assert abs(figure["value"] - share) < 4 * noise, (figure, share)
    assert figure["low"] < figure["value"] < figure["high"]
    return f"{figure['value']:.4f} of 4000, {share:.4f} of {draws} by SciPy"


def test_a_limit_that_is_still_approached_is_undecided(program, folder):
    """A near tie for the lead defers the limit beyond the arc of the fit; a twin never comes near."""
    text = """
[init]
tie_gap = 1e-12

[dynamics]
method = "flow"

[ensemble]
replicas = 40
seed = 3
"""
    status, result = check(program, folder, text, "losers_equalise")
    assert result["claims"][0]["verdict"] == "undecided" and status == 4, result
    status, result = check(program, folder, text, "losers_equalise", "--twin")
    assert result["claims"][0]["verdict"] == "refuted" and status == 3, result
    status, result = check(program, folder, text.replace("1e-12", "0.1"), "losers_equalise")
    assert result["claims"][0]["verdict"] == "not_refuted" and status == 0, result


def main():
    with tempfile.TemporaryDirectory() as folder:
        run_all([test_rate_of_winning_leaders,
                 test_a_limit_that_is_still_approached_is_undecided], sys.argv[1], folder)


main()
