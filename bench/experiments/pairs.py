#!/usr/bin/env python3
"""Evaluations that embedded Runge-Kutta pairs need at equal achieved error, low-storage pairs among
them: logistic loss on the arc clock, n = 8, every start with steps of its own by the controller of
model/integrator/step_control.hpp. Also what outputs at 64 checkpoints cost: steps that are cut, or the cubic through
both ends of a step. Needs NumPy alone; the method of order 8 at 1e-13 stands for the solution.

usage: python3 bench/experiments/pairs.py [--starts 64]
"""

import argparse
import re
from pathlib import Path

import numpy as np

N = 8
HEADER = Path(__file__).resolve().parents[2] / "include/softmaxflow/model/integrator/tableau.hpp"


def field(x):
    u, a = x[:, :N], x[:, N:]
    s = np.exp(a - a.max(1, keepdims=True))
    s /= s.sum(1, keepdims=True)
    w = u - u[np.arange(len(u)), a.argmax(1)][:, None]
    return np.concatenate([s, s * (w - (s * w).sum(1, keepdims=True))], 1)


class Pair:
    """Row i of `a` makes stage i; the last row the new state, whose derivative is the last stage."""

    def __init__(self, name, order, a, error, registers, error_3=None):
        self.name, self.order, self.registers = name, order, registers
        self.a, self.error, self.error_3 = a, error, error_3
        self.cost = len(a)  # evaluations of an attempt


def numbers(text):
    return [float(x) for x in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text)]


def from_header(struct, name, order, registers):
    text = HEADER.read_text()
    text = text[text.index(f"struct {struct}"):]
    body = text[text.index("rows["):]
    body = body[body.index("= {") + 3:body.index("};")]
    rows = [numbers(row) for row in re.findall(r"\{([^{}]*)\}", body)]
    a = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        a[i, :len(row)] = row
    weights = []
    for part in text[:text.index("\n};")].split("weights[stages] =")[1:]:
        weights.append(np.array(numbers(part[:part.index("}")])))
    return Pair(name, order, a, *weights[:1], registers, *weights[1:2])


def van_der_houwen(name, order, A, B, B_hat):
    """2R+: two registers, one for the start of a step that is rejected, one for the error."""
    stages = len(B)
    a = np.zeros((stages, stages))
    for i in range(stages - 1):
        a[i, :i], a[i, i] = B[:i], A[i]
    a[-1] = B
    return Pair(name, order, a, np.append(np.subtract(B, B_hat), 0.0), 4)


def three_registers(name, order, g1, g2, g3, delta, beta, difference):
    """3S*+: three registers, of which one keeps the start of a step, and one for the error."""
    stages = len(beta)
    start = np.eye(1, stages + 1)[0]
    x, second, rows = start.copy(), start.copy(), []
    x[1] += beta[0]
    for i in range(1, stages):
        rows.append(x[1:].copy())
        second = second + delta[i - 1] * x
        x = g1[i - 1] * x + g2[i - 1] * second + g3[i - 1] * start
        x[1 + i] += beta[i]
    rows.append(x[1:].copy())
    assert abs(x[0] - 1) < 1e-12, name
    return Pair(name, order, np.array(rows), np.array(difference), 5)


# Kennedy, Carpenter and Lewis 2000 (2R+); Ranocha, Dalcin, Parsani and Ketcheson 2021 (3S*+).
PAIRS = [
    from_header("BogackiShampine", "Bogacki-Shampine 3(2)", 3, 6),
    three_registers(
        "3S*+ 3(2), 5 stages", 3,
        [0.2587771979725733308, -0.1324380360140723383, 0.05056033948190826046, 0.5670532000739313813],
        [0.5528354909301389892, 0.6731871608203061825, 0.2803103963297672408, 0.5521525447020610386],
        [0, 0, 0.2752563273304676381, -0.8950526174674033822],
        [0.3407655879334525365, 0.3414382655003386207, 0.7229275366787987420, 0],
        [0.2300298624518076224, 0.3021434166948288809, 0.8025606185416310938, 0.4362158943603440931,
         0.1129272530455059130],
        [0.09484166705035703392 - 0.1147935971023541172, 0.1726371339430353767 - 0.08933442853113315593,
         0.3998243189084371024 - 0.4355871025008616993, 0.1718016807580178451 - 0.2473576188201451147,
         0.05881914422155740301 - 0.1129272530455059130, 0.1020760551185952389]),
    van_der_houwen(
        "2R+ 4(3), 5 stages", 4,
        [970286171893 / 4311952581923, 6584761158862 / 12103376702013, 2251764453980 / 15575788980749,
         26877169314380 / 34165994151039],
        [1153189308089 / 22510343858157, 1772645290293 / 4653164025191, -1672844663538 / 4480602732383,
         2114624349019 / 3568978502595, 5198255086312 / 14908931495163],
        [1016888040809 / 7410784769900, 11231460423587 / 58533540763752, -1563879915014 / 6823010717585,
         606302364029 / 971179775848, 1097981568119 / 3980877426909]),
    from_header("Tsitouras", "Tsitouras 5(4)", 5, 10),
    van_der_houwen(
        "2R+ 5(4), 9 stages", 5,
        [1107026461565 / 5417078080134, 38141181049399 / 41724347789894, 493273079041 / 11940823631197,
         1851571280403 / 6147804934346, 11782306865191 / 62590030070788, 9452544825720 / 13648368537481,
         4435885630781 / 26285702406235, 2357909744247 / 11371140753790],
        [2274579626619 / 23610510767302, 693987741272 / 12394497460941, -347131529483 / 15096185902911,
         1144057200723 / 32081666971178, 1562491064753 / 11797114684756, 13113619727965 / 44346030145118,
         393957816125 / 7825732611452, 720647959663 / 6565743875477, 3559252274877 / 14424734981077],
        [266888888871 / 3040372307578, 34125631160 / 2973680843661, -653811289250 / 9267220972999,
         323544662297 / 2461529853637, 1105885670474 / 4964345317203, 1408484642121 / 8758221613943,
         1454774750537 / 11112645198328, 772137014323 / 4386814405182, 277420604269 / 1857595682219]),
    three_registers(
        "3S*+ 5(4), 10 stages", 5,
        [0.4043660121685749696, -0.8503427289575839691, -6.950894175262117526, 0.9238765192731084932,
         -2.563178056509891340, 0.2545744879365226144, 0.3125831707411998259, -0.7007114414440507928,
         0.4839621016023833376],
        [0.6871467028161416910, 1.093024748914750834, 3.225975379607193002, 1.041153702510101387,
         1.292821487912164946, 0.7391462755788122848, 0.1239129251371800314, 0.1842753472370123193,
         0.05712788998796583446],
        [0, 0, -2.393405133244194727, -1.902854422421760921, -2.820042207399977261, -1.832698465277381000,
         -0.2199094483084671192, -0.4082430635847870964, -0.1377669797880289714],
        [-0.1331778419508803397, 0.8260422814750207498, 1.513700425755728332, -1.305810059935023736,
         3.036678802924163246, -1.449458274398895178, 3.834313899176362315, 4.122293760012985409, 0],
        [0.2597883554788674084, 0.01777008889438867859, 0.2481636629715501931, 0.7941736871152005776,
         0.3885391285642019130, 0.1455051657916305056, 0.1587517385964749338, 0.1650605617880053419,
         0.2118093284937153837, 0.1559392342362059886],
        [-0.02019255440012066081 + 0.002280100321836980812, 0.02737903480959184340 - 0.01407393115790186301,
         0.3028818636145965534 - 0.2332691775508456598, -0.03656843880622222190 - 0.04808266741353862546,
         0.3982664774676767730 - 0.4119003217706951892, -0.05715959421140685436 + 0.1291461067807736321,
         0.09849855103848558321 - 0.1220746013848710099, 0.06654601552456084979 - 0.04357858583174420432,
         0.09073479542748112726 - 0.1025076877568080726, 0.08432289325330803925 - 0.1559392342362059886,
         0.04529095628204896775]),
    from_header("DormandPrince", "Dormand-Prince 8(5,3)", 8, 15),
]


def rms(x):
    return np.sqrt((x * x).mean(1))


def integrate(pair, x, end, rtol, checkpoints=(), dense=False):
    """(x at the end, evaluations and steps per start, x at the checkpoints). Steps are cut to end
    at checkpoints, or the checkpoints interpolated with cubics."""
    count = len(x)
    targets = np.append(np.asarray(checkpoints, float), end)
    at = np.zeros((len(targets), *x.shape))
    t, h, last_error = np.zeros(count), np.full(count, 1e-3), np.ones(count)
    goal, held = np.zeros(count, int), np.zeros(count, bool)
    k0, spent, steps = field(x), np.ones(count), np.zeros(count)
    aims = np.full(len(targets), end) if dense else targets
    live = np.arange(count)
    while len(live):
        left = aims[goal[live]] - t[live]
        cut = h[live] >= left
        length = np.where(cut, left, np.where(2 * h[live] > left, left / 2, h[live]))
        k, y = [k0[live]], x[live]
        for row in pair.a:
            slope = sum(c * kj for c, kj in zip(row, k) if c != 0.0)
            new = y + length[:, None] * slope
            k.append(field(new))
        spent[live] += pair.cost
        allowed = 1e-3 * rtol + rtol * np.maximum(np.abs(y), np.abs(new))
        size = rms(sum(c * kj for c, kj in zip(pair.error, k)) / allowed)
        if pair.error_3 is not None:
            other = rms(sum(c * kj for c, kj in zip(pair.error_3, k)) / allowed)
            size = size * size / np.sqrt(size * size + 0.01 * other * other)
        error = np.maximum(length * size, 1e-10)
        good = error <= 1
        q = float(pair.order)
        grow = np.clip(0.9 * error ** (-0.7 / q) * last_error[live] ** (0.4 / q), 0.2, 10)
        grow = np.where(held[live], np.minimum(grow, 1), grow)
        shrink = np.maximum(0.9 * error ** (-1 / q), 0.2)
        clipped = length < h[live]
        h[live] = np.where(good, np.where(clipped, np.maximum(h[live], grow * length), grow * length),
                           shrink * length)
        held[live] = ~good
        last_error[live] = np.where(good & ~clipped, np.maximum(error, 1e-4), last_error[live])
        steps[live] += good
        who = live[good]
        begin, before, slope_before = t[who], x[who].copy(), k0[who]
        reached = cut[good]
        t[who] = np.where(reached, aims[goal[who]], begin + length[good])
        x[who], k0[who] = new[good], k[-1][good]
        if dense:
            while True:
                due = (goal[who] < len(targets)) & (targets[np.minimum(goal[who], len(targets) - 1)]
                                                    <= t[who])
                if not due.any():
                    break
                i, H = who[due], length[good][due][:, None]
                z = ((targets[goal[i]] - begin[due]) / length[good][due])[:, None]
                w = 1 - z
                at[goal[i], i] = (w * w * ((1 + 2 * z) * before[due] + z * H * slope_before[due])
                                  + z * z * ((1 + 2 * w) * x[i] - w * H * k0[i]))
                goal[i] += 1
        else:
            at[goal[who[reached]], who[reached]] = x[who[reached]]
            goal[who[reached]] += 1
        live = live[goal[live] < len(targets)]
    return x, spent.mean(), steps.mean(), at


def largest_error(found, golden):
    gap = [np.abs((found - golden)[:, part]).max(1) / np.abs(golden[:, part]).max(1)
           for part in (slice(0, N), slice(N, None))]
    return np.median(np.maximum(*gap))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=64)
    options = parser.parse_args()
    random = np.random.RandomState(1)
    start = np.concatenate([0.1 * random.standard_normal((options.starts, N)),
                            np.zeros((options.starts, N))], 1)
    end = 1e3
    golden = integrate(PAIRS[-1], start.copy(), end, 1e-13)[0]
    print("| pair | states kept | evaluations at error 1e-4 | 1e-6 | 1e-9 |\n|---|---|---|---|---|")
    for pair in PAIRS:
        errors, costs = [], []
        for rtol in 10.0 ** -np.arange(3, 11.5 if pair.order > 3 else 9.5, 1):
            found, cost, *_ = integrate(pair, start.copy(), end, rtol)
            errors.append(np.log10(largest_error(found, golden)))
            costs.append(np.log10(cost))
        errors, costs = np.minimum.accumulate(errors), np.array(costs)
        cells = []
        for wanted in (-4, -6, -9):
            inside = errors.min() <= wanted
            cells.append(f"{10 ** np.interp(-wanted, -errors, costs):.0f}" if inside else "-")
        print(f"| {pair.name} | {pair.registers} | {' | '.join(cells)} |", flush=True)

    checkpoints = np.geomspace(1e-3, end, 64)[:-1]
    exact = integrate(PAIRS[-1], start.copy(), end, 1e-13, checkpoints)[3]
    print("\n| 64 checkpoints | rtol | evaluations | steps | largest median error at them |")
    print("|---|---|---|---|---|")
    for pair in (PAIRS[3], PAIRS[-1]):
        for rtol in (1e-6, 1e-9):
            for dense in (False, True):
                _, cost, steps, at = integrate(pair, start.copy(), end, rtol, checkpoints, dense)
                worst = max(largest_error(x, y) for x, y in zip(at, exact) if np.abs(y[:, N:]).max() > 0)
                print(f"| {pair.name}, {'cubics' if dense else 'cut steps'} | {rtol:.0e} | {cost:.0f} "
                      f"| {steps:.1f} | {worst:.1e} |", flush=True)


main()
