"""diffrax: jit over vmap, Dopri8 or Tsit5, its PID controller."""

import time

import jax

jax.config.update("jax_enable_x64", True)

import diffrax
import jax.numpy as jnp
import numpy as np

from flow_workload import HORIZON, TOKENS

VERSION = f"diffrax {diffrax.__version__}, JAX {jax.__version__}"


def field(_, x, __=None):
    u, a = x[:TOKENS], x[TOKENS:]
    s = jax.nn.softmax(a)
    return jnp.concatenate([s, s * (u - s @ u)])


class Peer:
    level = "library"

    def __init__(self, starts, threads, solver="Dopri8"):
        self.label = f"diffrax {solver}, jit and vmap"
        self.starts, self.solver = jnp.asarray(starts), getattr(diffrax, solver)()
        begin = time.perf_counter()
        self.compiled = jax.jit(self.solve).lower(self.starts, 1e-3).compile()
        self.compile_seconds = time.perf_counter() - begin

    def solve(self, starts, tolerance):
        controller = diffrax.PIDController(rtol=tolerance, atol=1e-3 * tolerance, pcoeff=0.2,
                                           icoeff=0.4)

        def one(x):
            return diffrax.diffeqsolve(
                diffrax.ODETerm(field), self.solver, 0.0, HORIZON, None, x, max_steps=100_000,
                stepsize_controller=controller, saveat=diffrax.SaveAt(t1=True),
                adjoint=diffrax.ForwardMode()).ys[0]

        return jax.vmap(one)(starts)

    def right_hand_side(self, states):
        return np.asarray(jax.vmap(lambda x: field(0.0, x))(states))

    def run(self, tolerance):
        return np.asarray(self.compiled(self.starts, tolerance).block_until_ready())
