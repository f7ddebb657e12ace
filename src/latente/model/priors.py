"""Priors p(z). One code at a time; log-densities in nats."""

from __future__ import annotations

import math
from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.registry import Registry


class Prior(eqx.Module):
    """A density over codes that new codes are drawn from."""

    @abstractmethod
    def log_prob(self, z: Array) -> Array:
        """log p(z) in nats; a scalar."""

    @abstractmethod
    def sample(self, latent_dim: int, *, key: Array) -> Array:
        """One code, shape (latent_dim,)."""


priors: Registry[Prior] = Registry("prior")


@priors.register("standard-normal")
class StandardNormal(Prior):
    """N(0, I)."""

    def log_prob(self, z: Array) -> Array:
        """−½ Σ (z² + log 2π)."""
        return -0.5 * jnp.sum(z**2 + math.log(2 * math.pi))

    def sample(self, latent_dim: int, *, key: Array) -> Array:
        """Standard normal draws."""
        return jr.normal(key, (latent_dim,))


@priors.register("none")
class NoPrior(Prior):
    """No prior: a deterministic autoencoder, which can reconstruct but not sample."""

    def log_prob(self, z: Array) -> Array:
        """Refused."""
        raise SpecError('prior "none" has no density; take "standard-normal"')

    def sample(self, latent_dim: int, *, key: Array) -> Array:
        """Refused."""
        raise SpecError(
            "this model has no prior to sample from (a deterministic autoencoder learns none); "
            "sample from a VAE, or decode codes of your own"
        )
