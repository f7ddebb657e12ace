"""Flows that several tests make, and the base they start from."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from latente.model.flows.planar import Planar
from latente.model.flows.stacks import iaf, maf, real_nvp

PLANE = {
    "real-nvp": lambda **o: real_nvp(2, layers=4, hidden=(16,), **o),
    "maf": lambda **o: maf(2, layers=2, hidden=(16,), **o),
    "iaf": lambda **o: iaf(2, layers=2, hidden=(16,), **o),
    "planar": lambda **o: Planar(2, layers=8, **o),
}
"""Flows of the plane, by name."""


def shaken(build, *args, seed=0, size=0.5, **options):
    """What ``build`` makes, with every parameter drawn far from where it starts (and nothing to compile)."""
    shapes = eqx.filter_eval_shape(lambda k: build(*args, key=k, **options), jr.key(0))
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda a: jnp.asarray(size * rng.normal(size=a.shape), a.dtype), shapes)


def normal(seed, *shape):
    """Standard normal numbers."""
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def base_log_prob(z):
    """log N(z; 0, I)."""
    return -0.5 * jnp.sum(z**2 + math.log(2 * math.pi))


def base_sample(key):
    """A standard normal point of the plane."""
    return jr.normal(key, (2,))
