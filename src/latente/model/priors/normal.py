"""The standard normal prior."""

from __future__ import annotations

import math

import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.priors.base import Prior, priors


@priors.register("standard-normal", source="Kingma & Welling 2014, arXiv:1312.6114")
class StandardNormal(Prior):
    """N(0, I)."""

    def log_prob(self, z: Array) -> Array:
        """−½ Σ (z² + log 2π)."""
        return -0.5 * jnp.sum(z**2 + math.log(2 * math.pi))

    def sample(self, code_size: int, *, key: Array) -> Array:
        """Standard normal draws."""
        return jr.normal(key, (code_size,))
