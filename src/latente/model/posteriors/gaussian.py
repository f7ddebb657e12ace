"""The diagonal Gaussian posterior."""

from __future__ import annotations

import math
from typing import ClassVar

import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.nets import bounded
from latente.model.posteriors.base import Posterior, posteriors

LOG_VARIANCE_BOUND = 20.0
"""log σ² lies in (−20, 20), by a scaled tanh that is within 2% of the identity up to |log σ²| = 5."""


@posteriors.register("gaussian", source="Kingma & Welling 2014, arXiv:1312.6114, appendix C.2")
class DiagonalGaussian(Posterior):
    """Independent normals: the outputs are means, then log-variances before their bound.

    For an output r the log-variance is 20 · tanh(r / 20), in (−20, 20).
    """

    kind: ClassVar[str] = "density"
    evaluates: ClassVar[bool] = True

    def size(self, latent_dim: int) -> int:
        """Two outputs per latent."""
        return 2 * latent_dim

    def moments(self, outputs: Array) -> tuple[Array, Array]:
        """Mean and log-variance, the latter smoothly bounded by `LOG_VARIANCE_BOUND`."""
        mean, raw = jnp.split(outputs, 2)
        return mean, bounded(raw, LOG_VARIANCE_BOUND)

    def mean(self, outputs: Array) -> Array:
        """The first half of the outputs."""
        return self.moments(outputs)[0]

    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """μ + σε with standard normal ε: the reparametrisation."""
        mean, log_var = self.moments(outputs)
        noise = jr.normal(key, mean.shape)
        z = mean + jnp.exp(0.5 * log_var) * noise
        return z, -0.5 * jnp.sum(noise**2 + log_var + math.log(2 * math.pi))

    def log_prob(self, outputs: Array, z: Array) -> Array:
        """−½ Σ ((z − μ)² / σ² + log σ² + log 2π)."""
        return jnp.sum(self.log_prob_by_latent(outputs, z))

    def log_prob_by_latent(self, outputs: Array, z: Array) -> Array:
        """log q(z_j | x) in nats for each latent j, since they are independent; shape (latent_dim,)."""
        mean, log_var = self.moments(outputs)
        return -0.5 * ((z - mean) ** 2 * jnp.exp(-log_var) + log_var + math.log(2 * math.pi))
