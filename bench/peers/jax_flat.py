"""JAX: the update as whole-array expressions inside fori_loop, compiled by XLA.

Two rows. "flat" is jit + fori_loop over one array of all replicas on one device, which XLA may
split over the cores. "blocked" is what somebody does who knows what XLA makes of it on a CPU: one
device per core (shard_map), and lax.map over blocks small enough for the first-level cache, each
of which runs all its steps. Tried for both: replicas as the last axis or the first (what vmap
gives), sizes, and 1 to 16 steps per trip of the loop. exp is not shifted by the largest logit.
"""

import os
import time
from functools import partial
from pathlib import Path

from workloads import CORES, RATE

WIDE = "avx512f" in Path("/proc/cpuinfo").read_text()
os.environ["XLA_FLAGS"] = " ".join(
    [os.environ.get("XLA_FLAGS", ""), f"--xla_force_host_platform_device_count={CORES}",
     f"--xla_cpu_prefer_vector_width={512 if WIDE else 256}"])

import jax  # noqa: E402 (reads XLA_FLAGS)
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax.sharding import AxisType, NamedSharding, PartitionSpec  # noqa: E402

jax.config.update("jax_enable_x64", True)

LABELS = {"flat": "JAX flat", "blocked": "JAX blocked"}
LEVELS = {"flat": "idiomatic", "blocked": "generated kernel"}
VERSION = f"JAX {jax.__version__}"

# Arrays of a block: a (item, replica) or (replica, item), so `item` is 0 or 1, and Z of P2
# (output, token, replica) or (replica, output, token): outputs on axis `item`, tokens on the next.


def logistic_step(item, Z, a, _):
    e = jnp.exp(a)
    scale = 1 / e.sum(item, keepdims=True)
    z = (Z * e).sum(item, keepdims=True) * scale
    change = RATE * scale / (1 + jnp.exp(z)) * e
    return Z + change, a + change * (Z - z)


def cross_entropy_step(item, Z, a, p):
    def softmax(x):
        e = jnp.exp(x)
        return e * (1 / e.sum(item, keepdims=True))

    s = softmax(a)
    S = jnp.expand_dims(s, item)
    z = (Z * S).sum(item + 1)
    q = p - softmax(z)
    Q = jnp.expand_dims(q, item + 1)
    w = (Z * Q).sum(item)
    mean = (z * q).sum(item, keepdims=True)
    return Z + RATE * Q * S, a + RATE * s * (w - mean)


def entropy(item, a):
    e = jnp.exp(a)
    total = e.sum(item)
    return (jnp.log(total) - (e * a).sum(item) / total).sum()


def advance(step, unroll, Z, a, p, count):
    def several(times, _, x):
        for _ in range(times):
            x = step(*x, p)
        return x

    x = jax.lax.fori_loop(0, count // unroll, partial(several, unroll), (Z, a))
    return jax.lax.fori_loop(0, count % unroll, partial(several, 1), x)


def run_block(step, item, unroll, summarise, lengths, block):
    """One block through all segments: its last Z and a; with `summarise` also the sum over replicas
    of the entropy at the start and after each segment, and how often each token won."""
    Z, a, p = block

    def segment(x, count):
        x = advance(step, unroll, *x, p, count)
        return x, entropy(item, x[1]) if summarise else 0.0

    (Z_end, a_end), sums = jax.lax.scan(segment, (Z, a), lengths)
    if not summarise:
        return Z_end, a_end, sums, jnp.zeros(1, int)
    winners = jnp.bincount(a_end.argmax(item), length=a.shape[item])
    return Z_end, a_end, jnp.concatenate([entropy(item, a)[None], sums]), winners


class Peer:
    """One compiled variant. The compile time is that of tracing, lowering and XLA."""

    def __init__(self, kind, workload, starts, layout, block, unroll, segments=1):
        self.label, self.level = LABELS[kind], LEVELS[kind]
        self.shape = f"replicas {layout}, block {block}, unroll {unroll}"
        self.options = {"layout": layout, "block": block, "unroll": unroll}
        self.replicas = block if kind == "flat" else workload.replicas
        self.major = layout == "first"
        item = 1 if self.major else 0
        step = partial(logistic_step if workload.logistic else cross_entropy_step, item)
        one = partial(run_block, step, item, unroll, segments > 1)

        devices = jax.devices()[:1 if kind == "flat" else CORES]
        mesh = jax.make_mesh((len(devices),), ("core",), (AxisType.Auto,), devices=devices)
        split = PartitionSpec("core")
        run = jax.shard_map(lambda lengths, x: jax.lax.map(partial(one, lengths), x), mesh=mesh,
                            in_specs=(PartitionSpec(), split), out_specs=split, check_vma=False)
        self.where = NamedSharding(mesh, PartitionSpec())
        part = starts.first(self.replicas)
        self.start = [None if x is None else
                      jax.device_put(self.blocks(x, block), NamedSharding(mesh, split))
                      for x in (part.Z, part.a, part.p)]
        begin = time.perf_counter()
        self.run = jax.jit(run).lower(self.device([1] * segments), self.start).compile()
        self.compile_seconds = time.perf_counter() - begin

    def blocks(self, x, block):
        x = x.reshape(-1, block, *x.shape[1:])
        return np.ascontiguousarray(x if self.major else np.moveaxis(x, 1, -1))

    def device(self, lengths):
        return jax.device_put(np.asarray(lengths, np.int64), self.where)

    def seconds(self, lengths):
        lengths = jax.block_until_ready(self.device(lengths))
        begin = time.perf_counter()
        jax.block_until_ready(self.summary(lengths))
        return time.perf_counter() - begin

    def summary(self, lengths):
        """Z and a in blocks, and of the whole ensemble mean entropies and winners."""
        Z, a, sums, winners = self.run(lengths, self.start)
        if sums.shape[1] == 1:
            return Z, a
        return Z, a, np.asarray(sums).sum(0) / self.replicas, np.asarray(winners).sum(0)

    def result(self, lengths):
        """The same with Z and a replica by replica."""
        Z, a, *more = self.summary(self.device(lengths))
        Z, a = (np.asarray(x) if self.major else np.moveaxis(np.asarray(x), -1, 1) for x in (Z, a))
        return Z.reshape(-1, *Z.shape[2:]), a.reshape(-1, a.shape[-1]), *more


def candidates(kind, workload):
    """Layouts and sizes to try at first; then unrolls with the best of them."""
    if kind == "flat":
        sizes = sorted({min(size, workload.replicas) for size in (1024, 4096, workload.replicas)})
    else:
        sizes = (16, 32, 64, 128, 256)
    return [{"layout": layout, "block": size, "unroll": 1}
            for layout in ("last", "first") for size in sizes]


def refinements(options):
    return [{**options, "unroll": unroll} for unroll in (2, 4, 8, 16)]
