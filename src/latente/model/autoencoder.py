"""The autoencoder: an encoder, a decoder and the parts that interpret their outputs; it encodes and decodes."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from latente.model.likelihoods import Likelihood
from latente.model.networks.base import Net
from latente.model.posteriors import Posterior
from latente.model.priors import Prior


class Autoencoder(eqx.Module):
    """An encoder, a decoder, and what their outputs mean. Methods take one example; callers vmap.

    ``context`` is a vector of ``context_size`` (a one-hot label, or columns) if the model is conditioned, else None.

    Attributes:
        classifier: q(y | x), if the model learns labels itself (M2); else None.
        shape: of an example.
        latent_dim: the number of latents.
        code_size: the length of a code; more than ``latent_dim`` for categorical and quantised codes.
        missing: whether values may be NaN: the encoder gets a mask, and the likelihood leaves them out.
    """

    encoder: Net
    decoder: Net
    posterior: Posterior
    prior: Prior
    likelihood: Likelihood
    classifier: Net | None
    shape: tuple[int, ...] = eqx.field(static=True)
    latent_dim: int = eqx.field(static=True)
    code_size: int = eqx.field(static=True)
    context_size: int = eqx.field(static=True)
    missing: bool = eqx.field(static=True)

    @property
    def is_conditional(self) -> bool:
        """Whether it needs a context with each example; a model with a classifier infers it."""
        return self.context_size > 0 and self.classifier is None

    def features(self, x: Array) -> Array:
        """The networks' input for one example: `Likelihood.features`, then the mask of observed values if needed."""
        if not self.missing:
            return self.likelihood.features(x)
        observed = ~jnp.isnan(x)
        features = self.likelihood.features(jnp.where(observed, x, self.likelihood.fill_value()))
        return jnp.concatenate([jnp.ravel(features), jnp.ravel(observed).astype(features.dtype)])

    def encode(self, x: Array, context: Array | None = None) -> Array:
        """The posterior's parameters for one example of ``shape``."""
        features = self.features(x)
        return self.encoder(features) if context is None else self.encoder(features, context)

    def decode(self, z: Array, context: Array | None = None) -> Array:
        """The likelihood's parameters for one code, of shape `Likelihood.outputs`."""
        flat = self.decoder(z) if context is None else self.decoder(z, context)
        return jnp.reshape(flat, self.likelihood.outputs(self.shape))

    def log_prob(self, z: Array, x: Array, context: Array | None = None) -> Array:
        """log p(x | z) in nats of one example, without its missing values; a scalar."""
        outputs = self.decode(z, context)
        return self.likelihood.log_prob_observed(outputs, x) if self.missing else self.likelihood.log_prob(outputs, x)

    def code(self, x: Array, context: Array | None = None) -> Array:
        """The posterior mean for one example, shape (code_size,)."""
        return self.posterior.mean(self.encode(x, context))

    def mean(self, z: Array, context: Array | None = None) -> Array:
        """E[x | z] for one code, of ``shape``."""
        return self.likelihood.mean(self.decode(z, context))

    def parameters(self) -> int:
        """The number of learnt parameters."""
        learnt = sum(int(np.size(a)) for a in jax.tree.leaves(eqx.filter(self, eqx.is_inexact_array)))
        return learnt - sum(int(np.size(a)) for a in self.likelihood.fixed_arrays())
