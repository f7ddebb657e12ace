"""Posteriors q(z | x): what the encoder's outputs mean. One example at a time; log-densities in nats."""

from __future__ import annotations

import math
from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.nets import activation
from latente.registry import Registry

LOG_VARIANCE_BOUND = 20.0
"""log σ² lies in (−20, 20), by a scaled tanh that is within 2% of the identity up to |log σ²| = 5."""


class Posterior(eqx.Module):
    """The family an encoder's outputs parametrise; ``outputs`` is a vector of ``size(latent_dim)``."""

    @abstractmethod
    def size(self, latent_dim: int) -> int:
        """How many outputs the encoder must give."""

    @abstractmethod
    def mean(self, outputs: Array) -> Array:
        """The code's mean, shape (latent_dim,)."""

    @abstractmethod
    def sample(self, outputs: Array, *, key: Array) -> Array:
        """One code, shape (latent_dim,), differentiable in ``outputs``."""

    @abstractmethod
    def log_prob(self, outputs: Array, z: Array) -> Array:
        """log q(z | x) in nats; a scalar."""


posteriors: Registry[Posterior] = Registry("posterior")


@posteriors.register("gaussian")
class DiagonalGaussian(Posterior):
    """Independent normals (Kingma & Welling 2014, arXiv:1312.6114): the outputs are means, then log-variances."""

    def size(self, latent_dim: int) -> int:
        """Two outputs for each latent."""
        return 2 * latent_dim

    def moments(self, outputs: Array) -> tuple[Array, Array]:
        """Mean and log-variance, the latter smoothly bounded by `LOG_VARIANCE_BOUND`."""
        mean, raw = jnp.split(outputs, 2)
        return mean, LOG_VARIANCE_BOUND * jnp.tanh(raw / LOG_VARIANCE_BOUND)

    def mean(self, outputs: Array) -> Array:
        """The first half of the outputs."""
        return self.moments(outputs)[0]

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """μ + σε with standard normal ε: the reparametrisation."""
        mean, log_var = self.moments(outputs)
        return mean + jnp.exp(0.5 * log_var) * jr.normal(key, mean.shape)

    def log_prob(self, outputs: Array, z: Array) -> Array:
        """−½ Σ ((z − μ)² / σ² + log σ² + log 2π)."""
        mean, log_var = self.moments(outputs)
        return -0.5 * jnp.sum((z - mean) ** 2 * jnp.exp(-log_var) + log_var + math.log(2 * math.pi))


@posteriors.register("dirac")
class Dirac(Posterior):
    """A point: the code of a deterministic autoencoder, after an ``activation`` ("linear" or another)."""

    activation: str = eqx.field(static=True, default="linear")

    def __check_init__(self) -> None:
        activation(self.activation)

    def size(self, latent_dim: int) -> int:
        """One output for each latent."""
        return latent_dim

    def mean(self, outputs: Array) -> Array:
        """The code."""
        return activation(self.activation)(outputs)

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """The code, whatever the key."""
        return self.mean(outputs)

    def log_prob(self, outputs: Array, z: Array) -> Array:
        """Not defined: a point has no density."""
        raise SpecError('posterior "dirac" has no density, so it goes with objective "reconstruction" only')
