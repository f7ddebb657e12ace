"""Assemble a model from its spec: encode and decode, nothing else."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from latente.model.likelihoods import Likelihood, likelihoods
from latente.model.nets import Net, activation, networks
from latente.model.posteriors import Posterior, posteriors
from latente.model.priors import Prior, priors
from latente.spec import ModelSpec


class Autoencoder(eqx.Module):
    """An encoder, a decoder, and what their outputs mean. Methods take one example; callers vmap."""

    encoder: Net
    decoder: Net
    posterior: Posterior
    prior: Prior
    likelihood: Likelihood
    shape: tuple[int, ...] = eqx.field(static=True)
    latent_dim: int = eqx.field(static=True)

    def encode(self, x: Array) -> Array:
        """The posterior's parameters for one example of ``shape``."""
        return self.encoder(x)

    def decode(self, z: Array) -> Array:
        """The likelihood's parameters for one code, shape (outputs_per_value, *shape)."""
        return jnp.reshape(self.decoder(z), (self.likelihood.outputs_per_value, *self.shape))

    def code(self, x: Array) -> Array:
        """The posterior mean for one example, shape (latent_dim,)."""
        return self.posterior.mean(self.encode(x))

    def mean(self, z: Array) -> Array:
        """E[x | z] for one code, of ``shape``."""
        return self.likelihood.mean(self.decode(z))

    def parameters(self) -> int:
        """How many numbers are learnt."""
        return sum(int(np.size(a)) for a in jax.tree.leaves(eqx.filter(self, eqx.is_inexact_array)))


def build(spec: ModelSpec, shape: tuple[int, ...], *, key: Array) -> Autoencoder:
    """A new model for examples of ``shape``; its weights depend on ``key`` alone.

    Raises:
        SpecError: a part or an option is unknown.
    """
    activation(spec.activation)
    network = networks.make(spec.network)
    posterior, prior = posteriors.make(spec.posterior), priors.make(spec.prior)
    likelihood = likelihoods.make(spec.likelihood)
    up, down = jr.split(key)
    size, width = posterior.size(spec.latent_dim), (likelihood.outputs_per_value, *shape)
    return Autoencoder(
        encoder=network.encoder(shape, size, spec.hidden, spec.activation, key=up),
        decoder=network.decoder(spec.latent_dim, width, spec.hidden, spec.activation, key=down),
        posterior=posterior,
        prior=prior,
        likelihood=likelihood,
        shape=shape,
        latent_dim=spec.latent_dim,
    )
