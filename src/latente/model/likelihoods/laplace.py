"""The Laplace likelihood: absolute errors, so that outlying values weigh less than with a Gaussian."""

from __future__ import annotations

import math
from typing import ClassVar

import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.likelihoods.base import likelihoods
from latente.model.likelihoods.scale import LocationScale


@likelihoods.register("laplace", source="Laplace 1774, Mémoire sur la probabilité des causes")
class Laplace(LocationScale):
    """−|x − μ| / b − log 2b: a density whose best μ is the median.

    ``scale`` is b: a number; or "learned", one b for all values; or "per-value", decoded for each value of each
    example, after all μ. The last two have log b = 6 · tanh(r / 6), with r the learnt number or output.
    """

    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """−|x − μ| / b − log 2b."""
        log_scale = self.bounded_log_scale(outputs)
        return -jnp.abs(x - outputs[0]) * jnp.exp(-log_scale) - log_scale - math.log(2)

    def bias(self, mean: Array) -> Array:
        """The mean itself, with log b at zero if it is decoded."""
        return self.at(mean)

    def mean(self, outputs: Array) -> Array:
        """The first of the outputs."""
        return outputs[0]

    def variance(self, outputs: Array) -> Array:
        """2 b²."""
        return jnp.broadcast_to(2 * jnp.exp(2 * self.bounded_log_scale(outputs)), outputs[0].shape)

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """The mean plus b times standard Laplace noise."""
        noise = jr.laplace(key, outputs[0].shape, outputs.dtype)
        return outputs[0] + jnp.exp(self.bounded_log_scale(outputs)) * noise
