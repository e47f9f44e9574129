#!/usr/bin/env python3
"""Print the polynomial and rational coefficients of include/softmaxflow/model/numerics/math.hpp.

Every fit interpolates at Chebyshev points in 60 digits, which is within a small factor of minimax.
The error printed with each fit is that of the exact rational function, before any rounding; the
errors of the code itself are measured by the tests over the whole range.
"""
from mpmath import mp, mpf, cos, pi, exp, log, sqrt, matrix, lu_solve, erfinv, fabs, frexp, ldexp, nint

mp.dps = 60


def chebyshev_points(low, high, count):
    return [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * k + 1) / (2 * count)) for k in range(count)]


def fit_polynomial(f, low, high, degree):
    """Coefficients c_0 ... c_degree of the interpolant of f at Chebyshev points."""
    x = chebyshev_points(mpf(low), mpf(high), degree + 1)
    vandermonde = matrix(degree + 1, degree + 1)
    for i, t in enumerate(x):
        for j in range(degree + 1):
            vandermonde[i, j] = t**j
    return list(lu_solve(vandermonde, matrix([f(t) for t in x])))


def fit_rational(f, low, high, p, q):
    """Numerator (degree p) and denominator (degree q, constant term 1), interpolating f."""
    count = p + q + 1
    x = chebyshev_points(mpf(low), mpf(high), count)
    system = matrix(count, count)
    values = [f(t) for t in x]
    for i, t in enumerate(x):
        for j in range(p + 1):
            system[i, j] = t**j
        for j in range(1, q + 1):
            system[i, p + j] = -values[i] * t**j
    solution = list(lu_solve(system, matrix(values)))
    return solution[: p + 1], [mpf(1)] + solution[p + 1 :]


def evaluate(coefficients, x):
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def to_single(x):
    """The float nearest to x."""
    mantissa, exponent = frexp(mpf(x))
    return ldexp(nint(mantissa * 2**24), exponent - 24)


def report(name, coefficients):
    print(f"{name} = {{" + ", ".join(float(c).__repr__() for c in coefficients) + "};")


def report_single(name, coefficients):
    print(f"{name} = {{" + ", ".join(f"{float(c):.9g}F" for c in coefficients) + "};")


def worst(error, low, high, count=2001):
    return max(fabs(error(mpf(low) + (mpf(high) - mpf(low)) * k / (count - 1))) for k in range(count))


def fit_exp():
    # e^x = 2^(k/16) e^r with |r| <= ln(2)/32, with a margin for the rounding of r;
    # e^r = 1 + r (1 + r P(r)).
    half = log(mpf(2)) / 32 * mpf("1.0001")

    def remainder(r):
        return (exp(r) - 1 - r) / r**2 if fabs(r) > mpf(10) ** -15 else mpf(1) / 2 + r / 6

    c = fit_polynomial(remainder, -half, half, 4)
    print("exp, relative error", mp.nstr(worst(lambda r: (1 + r + r * r * evaluate(c, r)) / exp(r) - 1, -half, half), 3))
    report("exp_tail", c)
    report("2^(j/16)", [mpf(2) ** (mpf(j) / 16) for j in range(16)])


def fit_log():
    # log(1+f) = 2s + s^3 P(s^2), s = f / (2+f), |s| <= (sqrt(2)-1)/(sqrt(2)+1).
    top = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * mpf("1.0001")

    def remainder(z):
        s = sqrt(z)
        return (log((1 + s) / (1 - s)) - 2 * s) / s**3

    c = fit_polynomial(remainder, mpf(10) ** -12, top, 6)
    print("log, error of s^3 P over log", mp.nstr(worst(
        lambda z: z * (evaluate(c, z) - remainder(z)) / 2, mpf(10) ** -12, top), 3))
    report("log_tail", c)


def fit_single():
    # In f32: e^x = 2^k e^r with |r| <= ln(2)/2, and log with fewer terms. The errors are those of the rounded
    # coefficients.
    half = log(mpf(2)) / 2 * mpf("1.0001")

    def of_exp(r):
        return (exp(r) - 1 - r) / r**2 if fabs(r) > mpf(10) ** -15 else mpf(1) / 2 + r / 6

    c = [to_single(x) for x in fit_polynomial(of_exp, -half, half, 4)]
    print("f32 exp, relative error", mp.nstr(worst(
        lambda r: (1 + r + r * r * evaluate(c, r)) / exp(r) - 1, -half, half), 3))
    report_single("exp", c)

    top = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * mpf("1.0001")

    def of_log(z):
        s = sqrt(z)
        return (log((1 + s) / (1 - s)) - 2 * s) / s**3

    c = [to_single(x) for x in fit_polynomial(of_log, mpf(10) ** -12, top, 2)]
    print("f32 log, error of s^3 P over log", mp.nstr(worst(
        lambda z: z * (evaluate(c, z) - of_log(z)) / 2, mpf(10) ** -12, top), 3))
    report_single("log", c)
    ln2 = log(mpf(2))
    high = mpf(int(ln2 * 2**16)) / 2**16
    report_single("ln2 high, low; log2(e)", [high, to_single(ln2 - high), to_single(1 / ln2)])


def normal_quantile(p):
    return sqrt(mpf(2)) * erfinv(2 * p - 1)


def fit_quantile():
    # Centre: x = q (sqrt(2 pi) + q^2 R(u)), q = p - 1/2, |q| <= 0.425, u = 0.425^2 - q^2: in u all
    # coefficients are positive, so that no digit is lost to cancellation.
    top = mpf("0.425") ** 2
    slope = sqrt(2 * pi)

    def centre(t):
        q = sqrt(t)
        return (sqrt(mpf(2)) * erfinv(2 * q) / q - slope) / t

    num, den = fit_rational(lambda u: centre(top - u), mpf(0), top - mpf(10) ** -9, 8, 8)
    print("quantile centre, error relative to x", mp.nstr(worst(
        lambda t: t * (evaluate(num, top - t) / evaluate(den, top - t) - centre(t)) / slope, mpf(10) ** -9, top, 401), 3))
    print("sqrt(2 pi) high, low:", repr(float(slope)), repr(float(slope - mpf(float(slope)))))
    report("centre_numerator", num)
    report("centre_denominator", den)

    # Tail: x = sqrt(2) r - R, r = sqrt(-log p), p from 0.075 down to 2^-54.
    low, high = sqrt(-log(mpf("0.07501"))), sqrt(-log(mpf(2) ** -54)) * mpf("1.0001")

    def tail(r):
        p = exp(-r * r)
        # erfinv loses digits near 1: solve Phi(-x) = p by Newton in high precision.
        x = sqrt(mpf(2)) * r - mpf("0.6")
        for _ in range(60):
            step = (mp.erfc(x / sqrt(mpf(2))) / 2 - p) / (-exp(-x * x / 2) / sqrt(2 * pi))
            x -= step
            if fabs(step) < mpf(10) ** -50:
                break
        return sqrt(mpf(2)) * r - x

    # R = R(1.6) - w S(w), w = r - 1.6: near the edge of the centre, where x is smallest and an ulp
    # counts most, the constant carries R.
    shift = mpf("1.6")
    constant = tail(shift)

    def slope_of_tail(w):
        return (constant - tail(w + shift)) / w

    num, den = fit_rational(slope_of_tail, low - shift, high - shift, 9, 9)
    print("quantile tail, error relative to x", mp.nstr(worst(
        lambda w: w * (evaluate(num, w) / evaluate(den, w) - slope_of_tail(w))
        / (sqrt(mpf(2)) * (w + shift) - tail(w + shift)), low - shift, high - shift, 201), 3))
    print("tail constant high, low:", repr(float(constant)), repr(float(constant - mpf(float(constant)))))
    print("sqrt(2) high, low:", repr(float(sqrt(mpf(2)))), repr(float(sqrt(mpf(2)) - mpf(float(sqrt(mpf(2)))))))
    report("tail_numerator", num)
    report("tail_denominator", den)


if __name__ == "__main__":
    fit_exp()
    fit_log()
    fit_single()
    fit_quantile()
    ln2 = log(mpf(2))
    high = mpf(int(ln2 * mpf(2) ** 32)) / mpf(2) ** 32  # 32 bits, so k * high is exact
    print("ln2 high, low:", repr(float(high)), repr(float(ln2 - high)))
    print("log2(e), 1/ln(10), sqrt(2):", repr(float(1 / ln2)), repr(float(1 / log(mpf(10)))), repr(float(sqrt(mpf(2)))))
