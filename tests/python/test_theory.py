"""Every statement and every formula of docs/theory.md, by an independent integration in NumPy and
SciPy: derivatives against differences, invariants, the theorems on random starts, the
counterexamples. The program is not run.

usage: test_theory.py

Exits 77, which the test driver shows as skipped, where NumPy or SciPy is missing.
"""

from harness import needs, run_all, tests_of

needs("numpy", "scipy")

import numpy as np
import reference as ref
from scipy.integrate import solve_ivp
from test_formulas import random_start


def softmax(a):
    s = np.exp(a - a.max(axis=-1, keepdims=True))
    return s / s.sum(axis=-1, keepdims=True)


def drive(s, u):
    """w_i = s_i (u_i - <s, u>), from differences to the token of largest weight."""
    gap = u - np.take_along_axis(u, s.argmax(axis=-1)[..., None], axis=-1)
    return s * (gap - (s * gap).sum(axis=-1, keepdims=True))


def entropy(s):
    return -(s * np.log(s)).sum(axis=-1)


class Orbit:
    """u' = kappa s, a' = rho C(s) u at arcs tau: rows are times. `stop` = B ends it at z = B."""

    def __init__(self, u, a, tau, rho=1.0, kappa=1.0, stop=None, rtol=1e-11):
        n = len(u)

        def field(_, x):
            s = softmax(x[n:])
            return np.concatenate([kappa * s, rho * drive(s, x[:n])])

        def short_of_stop(_, x):
            return stop - softmax(x[n:]) @ x[:n]

        short_of_stop.terminal = True
        events = [short_of_stop] if stop is not None else None
        out = solve_ivp(field, (0, tau[-1]), np.concatenate([u, a]), method="DOP853", rtol=rtol,
                        atol=1e-14, t_eval=tau, events=events)
        assert out.success, out.message
        self.tau, self.u, self.a = out.t, out.y[:n].T, out.y[n:].T
        self.s = softmax(self.a)
        self.w = drive(self.s, self.u)  # a' / rho
        if stop is not None:
            assert out.status == 1, "z = B was not reached"
            self.end_tau = out.t_events[0][0]
            self.end_s = softmax(out.y_events[0][0][n:])


def ordered_start(rng, n, scale=1.0):
    return np.sort(scale * rng.standard_normal(n))[::-1].copy()


def class_u(count=6, horizon=300.0):
    """Orbits of class U with n from 2 to 16, rho and kappa other than 1; near ties among them."""
    rng = np.random.default_rng(3)
    for k in range(count):
        n = (2, 3, 5, 8, 16)[k % 5]
        u = ordered_start(rng, n, 10.0 ** rng.uniform(-3, 1))
        if k % 2:
            u[1] = u[0] - 1e-6 * (u[0] - u[1])
        rho, kappa = 10.0 ** rng.uniform(-1, 1, 2)
        tau = np.concatenate([[0], np.geomspace(1e-3, horizon, 120)]) / np.sqrt(rho * kappa)
        yield Orbit(u, np.zeros(n), tau, rho, kappa), rho, kappa


# Sections 1 and 2: dissipation, effective flow, canonical form


def test_loss_falls_by_the_squared_speeds():
    """dL/dt = -(|dV/dt|^2 + |da/dt|^2 / rho) along the field, every smooth map and every loss."""
    rho, h = 0.6, np.longdouble(2) ** -20
    for name in ("softmax", "sigmoid", "sum", "l2", "relu"):
        for loss in ref.LOSSES:
            objective, V, a = random_start(loss, 1, np.longdouble)
            f = ref.fields(objective, V, a, name, rho=rho)

            def at(step):
                s = ref.weights(name, a + step * f.da)
                beta = np.matmul(V + step * f.dV, s[..., None])
                return objective.value(np.matmul(objective.W, beta)[..., 0])

            slope = (at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h)
            speeds = (f.dV**2).sum(axis=(-1, -2)) + (f.da**2).sum(axis=-1) / rho
            assert np.allclose(slope, -speeds, rtol=1e-9, atol=0), (name, loss)


def test_effective_flow():
    """dz/dt = (|s|^2 K + rho Z J J^T Z^T) q; J = C for softmax."""
    rho, h = 0.6, np.longdouble(2) ** -20
    for loss in ref.LOSSES:
        objective, V, a = random_start(loss, 2, np.longdouble)
        f = ref.fields(objective, V, a, "softmax", rho=rho)

        def at(step):
            s = ref.weights("softmax", a + step * f.da)
            return np.matmul(objective.W, np.matmul(V + step * f.dV, s[..., None]))[..., 0]

        slope = (at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h)
        s = f.s
        C = s[..., None] * np.eye(s.shape[-1]) - s[..., None] * s[..., None, :]
        Z = np.matmul(objective.W, V)
        K = np.matmul(objective.W, objective.W.swapaxes(-1, -2))
        ZC = np.matmul(Z, C)
        operator = ((s**2).sum(-1)[..., None, None] * K
                    + rho * np.matmul(ZC, ZC.swapaxes(-1, -2)))
        formula = np.matmul(operator, f.q[..., None])[..., 0]
        assert np.allclose(slope, formula, rtol=1e-9, atol=1e-12), loss



# Section 3: the arc clock of one output


def in_time(loss, u, a, t, rho, kappa, radius=0.0):
    """The flow on the time clock, W of length sqrt(kappa): u, a and tau at times t."""
    n = len(u)
    q = {"logistic": lambda z: 1 / (1 + np.exp(z)), "exponential": lambda z: np.exp(-z),
         "square": lambda z: radius - z}[loss]

    def field(_, x):
        s = softmax(x[n:2 * n])
        size = q(s @ x[:n])
        return size * np.concatenate([kappa * s, rho * drive(s, x[:n]), [1]])

    out = solve_ivp(field, (0, t[-1]), np.concatenate([u, a, [0]]), method="DOP853", rtol=1e-11,
                    atol=1e-14, t_eval=t)
    return out.y[:n].T, out.y[n:2 * n].T, out.y[-1]


def test_one_orbit_for_all_losses():
    """Square loss has W of length 1: its u is u / |target| and its arc is |target| tau."""
    rng = np.random.default_rng(1)
    u, a, rho, length = rng.standard_normal(5), 0.3 * rng.standard_normal(5), 0.7, 1.6
    tau_end = []
    for loss in ("logistic", "exponential", "square"):
        unit = length if loss == "square" else 1.0
        U, A, tau = in_time(loss, u / unit, a, np.array([0, 1, 5, 20.0]), rho, (length / unit)**2,
                            radius=6.0)
        orbit = Orbit(u, a, tau / unit, rho, length**2)
        assert np.allclose(U * unit, orbit.u, atol=1e-7), loss
        assert np.allclose(A, orbit.a, atol=1e-7), loss
        tau_end.append(orbit.tau[-1])
    assert min(tau_end) > 1 and np.ptp(tau_end) > 0.1  # they went far, and not equally far


def test_units():
    """u = sqrt(kappa / rho) x, tau = theta / sqrt(rho kappa) removes both constants."""
    rng = np.random.default_rng(2)
    x, a, rho, kappa = rng.standard_normal(6), rng.standard_normal(6), 0.3, 2.5
    theta = np.linspace(0, 30, 7)
    bare = Orbit(x, a, theta)
    full = Orbit(np.sqrt(kappa / rho) * x, a, theta / np.sqrt(rho * kappa), rho, kappa)
    assert np.allclose(full.u, np.sqrt(kappa / rho) * bare.u, atol=1e-8)
    assert np.allclose(full.a, bare.a, atol=1e-8)


def test_sums_energy_and_output():
    """sum a stays; sum u grows by kappa tau, |u|^2/2 at rate kappa M.
    M grows at kappa |s|^2 + rho |C u|^2."""
    for orbit, rho, kappa in class_u(3, horizon=30.0):
        assert np.abs(orbit.a.sum(axis=1)).max() < 1e-12
        assert np.allclose(orbit.u.sum(axis=1) - orbit.u[0].sum(), kappa * orbit.tau, rtol=1e-12,
                           atol=1e-13)
    rng, h = np.random.default_rng(4), 1e-5
    u, a = rng.standard_normal((2, 50, 6))
    s = softmax(a)
    M, w = (s * u).sum(1), drive(s, u)
    up, down = ((u + e * 2.5 * s, softmax(a + e * 0.3 * w)) for e in (h, -h))
    energy = ((up[0]**2).sum(1) - (down[0]**2).sum(1)) / (4 * h)
    output = ((up[0] * up[1]).sum(1) - (down[0] * down[1]).sum(1)) / (2 * h)
    assert np.allclose(energy, 2.5 * M, atol=1e-8)
    assert np.allclose(output, 2.5 * (s**2).sum(1) + 0.3 * (w**2).sum(1), atol=1e-8)
    assert (output >= 2.5 / 6).all()


def invariant(u, a, rho, kappa):
    """Two tokens, or a token 1 and n - 1 equal others."""
    n, A, D = u.shape[-1], a[..., 0] - a[..., 1], u[..., 0] - u[..., 1]
    return np.exp(A) + (n - 2) * A + (n - 1) * np.exp(-A) - rho * n * D**2 / (2 * kappa)


def test_invariants():
    """From any logits, first token above or below; for n = 2 it is 2 cosh A - rho D^2 / kappa."""
    rho, kappa = 0.4, 1.9
    for n in (2, 3, 9):
        for A, D in ((0.0, 0.5), (1.0, -1.5), (-2.0, 0.2)):
            u, a = np.zeros(n), np.zeros(n)
            u[0], a[0] = D, A
            orbit = Orbit(u - 0.3, a + 0.1, np.linspace(0, 30, 9), rho, kappa)
            value = invariant(orbit.u, orbit.a, rho, kappa)
            terms = np.exp(np.abs(orbit.a[:, 0] - orbit.a[:, 1]))
            assert np.ptp(terms) > 0.5
            assert np.ptp(value) < 1e-9 * n * terms.max(), (n, A, D, value)
            if n == 2:
                cosh = 2 * np.cosh(orbit.a[:, 0] - orbit.a[:, 1])
                assert np.allclose(cosh - rho * (orbit.u[:, 0] - orbit.u[:, 1])**2 / kappa, value)
            # the speed used in the proof: A' = rho n s_1 s_2 D
            speed = orbit.w[:, 0] - orbit.w[:, 1]
            product = n * orbit.s[:, 0] * orbit.s[:, 1] * (orbit.u[:, 0] - orbit.u[:, 1])
            assert np.allclose(speed, product, rtol=1e-9)


# Section 4: class U


def random_ordered(rng, n, ties=False):
    """s and u in decreasing order."""
    a, u = (-np.sort(-rng.standard_normal((2000, n)) * 10.0 ** rng.uniform(-2, 1, (2000, 1))))\
        .copy(), -np.sort(-rng.standard_normal((2000, n)))
    if ties:
        a, u = np.round(a), np.round(u)
    return softmax(a), u


def test_derivatives_of_partial_sums_and_entropy():
    """rho sum s_i c_i w_i with c_i = 1[i <= k] - S_k, or log s_i + H for -H, at any state."""
    rng, h, rho = np.random.default_rng(5), 1e-5, 0.7
    a, u = rng.standard_normal((2, 100, 5))
    s = softmax(a)
    w = drive(s, u)
    up, down = softmax(a + h * rho * w), softmax(a - h * rho * w)
    for k in range(1, 5):
        slope = (up[:, :k].sum(1) - down[:, :k].sum(1)) / (2 * h)
        c = (np.arange(5) < k) - s[:, :k].sum(1, keepdims=True)
        assert np.allclose(slope, rho * (s * c * w).sum(1), atol=1e-9)
    c = np.log(s) + entropy(s)[:, None]
    assert np.allclose((entropy(down) - entropy(up)) / (2 * h), rho * (s * c * w).sum(1), atol=1e-9)


def test_lemma_of_sums():
    """sum x_i w_i >= x_n w_n >= 0 for c and u in decreasing order, ties included."""
    rng = np.random.default_rng(6)
    for n in (2, 3, 5, 9):
        for ties in (False, True):
            s, u = random_ordered(rng, n, ties)
            w = drive(s, u)
            for k in range(1, n + 1):
                c = ((np.arange(n) < k) - s[:, :k].sum(1, keepdims=True) if k < n
                     else np.log(s) + entropy(s)[:, None])
                x = s * c
                total, last = (x * w).sum(1), x[:, -1] * w[:, -1]
                slack = 1e-14 * (s * np.abs(w)).sum(1)
                assert (last >= -slack).all() and (total >= last - slack).all(), (n, k)


def test_class_u():
    """Order, gaps, majorization and entropy along orbits; the bound on the leader's gaps."""
    for orbit, rho, kappa in class_u(10):
        u, a, s, w = orbit.u, orbit.a, orbit.s, orbit.w
        n = u.shape[1]
        assert (np.diff(u, axis=1) < 0).all() and (np.diff(a[1:], axis=1) < 0).all()
        assert (np.diff(np.diff(u, axis=1), axis=0) < 1e-9).all()  # gaps of neighbours
        M = (s * u).sum(axis=1)
        delta = u[0, 0] - u[0, 1]
        bound = (s[:, 0] * (1 - s[:, 0]) * delta)[:, None]
        assert (w[:, :1] - w[:, 1:] >= bound * (1 - 1e-9)).all()
        for k in range(1, n):
            c = (np.arange(n) < k) - s[:, :k].sum(axis=1, keepdims=True)
            slope = (s * c * w).sum(axis=1)
            lower = s[:, -1]**2 * s[:, :k].sum(axis=1) * (M - u[:, -1])
            assert (slope > 0).all() and (slope >= lower * (1 - 1e-6)).all(), (n, k)
        fall = (s * (np.log(s) + entropy(s)[:, None]) * w).sum(axis=1)
        assert abs(fall[0]) < 1e-15 and (fall[1:] > 0).all()


def test_gaps_between_losers_close_again():
    """The false claim fails for every pair of losers, once and for all, and for no other pair."""
    pairs = 0
    for orbit, rho, kappa in class_u(10, horizon=3000.0):
        n = orbit.u.shape[1]
        for j in range(n):
            for k in range(j + 1, n):
                growing = orbit.w[:, j] > orbit.w[:, k]
                assert growing[0]
                if j == 0:
                    assert growing.all()
                    continue
                pairs += 1
                assert not growing[-1], (n, j, k)
                assert (np.diff(growing.astype(int)) != 0).sum() == 1
    assert pairs > 100


def test_polarization_needs_no_order():
    """From any logits, s_1 -> 1 gives rho kappa tau^2 (1 - s_1) -> 2 (n-1)/n, equal losers."""
    rng = np.random.default_rng(8)
    for n, start in ((4, 0.0), (4, 1.0), (8, 0.0)):
        u, a = ordered_start(rng, n), start * rng.standard_normal(n)
        rho, kappa = 0.5, 2.0
        orbit = Orbit(u, a, np.array([0, 1e4, 1e5, 1e6, 2e6]), rho, kappa)
        winner = orbit.s[-1].argmax()
        losers = np.delete(np.arange(n), winner)
        Q, tau = orbit.s[:, losers].sum(axis=1), orbit.tau
        ratio = Q * rho * kappa * tau**2 * n / (2 * (n - 1))
        assert abs(ratio[-1] - 1) < 2e-3, ratio
        D = orbit.u[:, winner] - orbit.u[:, losers].mean(axis=1)
        check = Q * D**2 * rho * n / (2 * (n - 1) * kappa)
        assert abs(check[-1] - 1) < 2e-3, check
        gap = np.ptp(orbit.a[:, losers], axis=1)
        exponent = np.log(gap[3] / gap[2]) / np.log(10)
        assert abs(exponent + 2 / n) < 0.02, (n, exponent)
        step = orbit.u[4, losers] - orbit.u[3, losers]
        total = step.sum() * rho * tau[4] * n / (2 * (n - 1))
        assert abs(total - 1) < 2e-3, total
        assert np.abs(step * rho * n * tau[4] - 2).max() < (0.05 if n == 4 else 0.6), step


def test_time_of_logistic_loss():
    """log t = z - log kappa + o(1), and z = kappa tau + c + o(1)."""
    u, kappa = ordered_start(np.random.default_rng(13), 4), 1.7
    tau = np.linspace(0, 200, 40001)
    orbit = Orbit(u, np.zeros(4), tau, 0.8, kappa)
    z = (orbit.s * orbit.u).sum(axis=1)
    log_speed = np.logaddexp(0, z)  # -log q
    top = log_speed.max()
    log_t = top + np.log(np.trapz(np.exp(log_speed - top), tau))
    assert abs(log_t - (z[-1] - np.log(kappa))) < 1e-3
    assert abs((z[-1] - z[20000]) / (kappa * 100) - 1) < 1e-3


def test_losers_at_finite_horizon():
    """sum_j u_j(T) - u_j(T/2) <= 8 / (rho T); one loser alone may pass 8 / (rho n T)."""
    rng, largest = np.random.default_rng(9), 0.0
    for n, scale in ((2, 1e-4), (8, 1e-4), (20, 1e-4), (20, 10.0)):
        u = ordered_start(rng, n, scale)
        u[1] = u[0] - 1e-6 * scale
        T = max(1000, 5 * n * np.log(1 / scale))
        orbit = Orbit(u, np.zeros(n), np.array([0, T / 2, T]))
        step = (orbit.u[2] - orbit.u[1])[1:]
        assert step.sum() * T < 4, (n, scale, step.sum() * T)
        largest = max(largest, step.max() * n * T)
    assert largest > 8


def test_square_loss_ends_by_what_it_has_beyond_log_alpha():
    """For small alpha the end is a function of sqrt(rho) B - log(1 / (sqrt(rho) alpha)) alone."""
    v = ordered_start(np.random.default_rng(10), 5)
    for beyond in (0.5, 1.5, 3.0):
        ends = []
        for alpha, rho in ((1e-4, 1.0), (1e-8, 1.0), (1e-8, 2.0)):
            root = np.sqrt(rho)
            B = (beyond + np.log(1 / (root * alpha))) / root
            orbit = Orbit(alpha * v, np.zeros(5), np.array([0, 5 * B]), rho, stop=B)
            assert orbit.end_tau <= 5 * (B - alpha * v.mean())
            ends.append(orbit.end_s)
        assert np.ptp(ends, axis=0).max() < 2e-3, ends
        assert ends[0][0] > 0.25
    # on the time clock z = B is the limit, at the same arc
    B, t = 3.0, np.array([0, 10, 20.0])
    _, _, tau = in_time("square", v, np.zeros(5), t, 1.0, 1.0, radius=B)
    end = Orbit(v, np.zeros(5), np.array([0, 5 * B + 10]), stop=B).end_tau
    assert 0 < end - tau[2] < end - tau[1] < 1e-2


# Section 5: where the order of class U is not enough


def descend(u, learning_rate, residual, steps):
    """Gradient descent of one output from equal logits, kappa = rho = 1: yields u, a, q."""
    a = np.zeros_like(u)
    for _ in range(steps):
        s = softmax(a)
        q = residual((s * u).sum(axis=-1, keepdims=True))
        a, u = a + learning_rate * q * drive(s, u), u + learning_rate * q * s
        yield u, a, q


def test_leader_of_descent():
    """With any learning rates, as long as q > 0, the leader's gaps grow at every step."""
    rng = np.random.default_rng(11)
    eta = 10.0 ** rng.uniform(-1, 4, (500, 1))
    for n in (2, 3, 8, 30):
        u = -np.sort(-rng.standard_normal((500, n)) * 10.0 ** rng.uniform(-2, 2, (500, 1)))
        before = np.zeros((500, n - 1))
        for _, a, _ in descend(u, eta, lambda z: np.exp(-np.logaddexp(0, z)), 20):
            gap = a[:, :1] - a[:, 1:]
            assert (gap >= before).all()
            assert (gap > 0).all()
            before = gap


def test_losers_of_descent_change_places():
    """Square loss of radius 100, three tokens, learning rate 0.1: while q > 0."""
    u = np.array([0.3, 0.0, -0.4])
    orders = [(q[0], np.diff(a)[-1], np.diff(u)[-1])
              for u, a, q in descend(u, 0.1, lambda z: 100 - z, 6)]
    assert all(q > 0 for q, _, _ in orders)
    assert any(change > 0.1 for _, change, _ in orders), orders
    # logistic loss, eta = 20, an output that starts at -100
    u = np.array([0.1, 0, -0.1]) - 100
    orders = [np.diff(a)[-1] for _, a, _ in
              descend(u, 20.0, lambda z: np.exp(-np.logaddexp(0, z)), 6)]
    assert max(orders) > 0.1, orders


def vector_flow(K, y, Z, t, residual):
    m, n = Z.shape

    def field(_, x):
        Z, s = x[:m * n].reshape(m, n), softmax(x[m * n:])
        q = residual(Z @ s, y)
        return np.concatenate([np.outer(K @ q, s).ravel(), drive(s, Z.T @ q)])

    out = solve_ivp(field, (0, t[-1]), np.concatenate([Z.ravel(), np.zeros(n)]), method="DOP853",
                    rtol=1e-11, atol=1e-13, t_eval=t)
    return softmax(out.y[m * n:].T)


def test_bound_on_the_arc():
    """arc <= n sqrt(2 (g(0) - g*) / mu) / lambda where |q|^2 >= 2 mu (g - g*) and K >= lambda."""
    rng = np.random.default_rng(14)
    for c, smallest in ((0.5, 1.0), (2.0, 0.3)):
        K, Z, y = np.diag([1.0, smallest]), rng.standard_normal((2, 4)), rng.standard_normal(2)
        s = np.full(4, 0.25)

        def field(_, x):
            s = softmax(x[8:12])
            q = 2 * c * (y - x[:8].reshape(2, 4) @ s)
            return np.concatenate([np.outer(K @ q, s).ravel(),
                                   drive(s, x[:8].reshape(2, 4).T @ q), [np.sqrt(q @ q)]])

        out = solve_ivp(field, (0, 400), np.concatenate([Z.ravel(), np.zeros(4), [0]]), rtol=1e-9)
        above = c * ((y - Z @ s)**2).sum()
        bound = 4 * np.sqrt(2 * above / (2 * c)) / smallest
        assert 0.1 < out.y[-1, -1] <= bound


def test_entropy_of_several_outputs():
    """It rises again for K = diag(1, 1/10), and for cross-entropy of three classes; not for two
    tokens, K = 1 and a quadratic loss."""
    t = np.linspace(0, 60, 601)
    Z, y = np.array([[0.5, -0.5], [-0.5, 0.5]]), np.array([2.0, 1.0])
    quadratic = lambda z, y: y - z  # noqa: E731
    H = entropy(vector_flow(np.diag([1, 0.1]), y, Z, t, quadratic))
    assert (H - np.minimum.accumulate(H)).max() > 0.01
    Z, p = np.array([[2.0, -2.0], [2.0, 2.0], [-1.0, 0.0]]), np.array([0.6, 0.3, 0.1])
    H = entropy(vector_flow(np.eye(3), p, Z, t, lambda z, p: p - softmax(z)))
    assert (H - np.minimum.accumulate(H)).max() > 0.01
    rng = np.random.default_rng(12)
    for _ in range(8):
        Z, y = 2 * rng.standard_normal((3, 2)), 3 * rng.standard_normal(3)
        H = entropy(vector_flow(np.eye(3), y, Z, t[:201], quadratic))
        assert (np.diff(H) < 1e-9).all() and H[-1] < H[0] - 1e-4


if __name__ == "__main__":
    run_all(tests_of(globals()))
