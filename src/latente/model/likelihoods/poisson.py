"""The Poisson likelihood, for counts."""

from __future__ import annotations

import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.likelihoods.base import likelihoods
from latente.model.likelihoods.counts import Counts, log_mean_of, raw_of_mean
from latente.model.likelihoods.numeric import poisson_log_prob


@likelihoods.register("poisson", source="Poisson 1837; computed as in Loader 2000")
class Poisson(Counts):
    """x log λ − λ − log x!, where log λ is 15 · tanh(r / 15), with r the decoder's output.

    The encoder sees log(1 + x).
    """

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """In a form that stays exact for large counts; see `poisson_log_prob`."""
        return poisson_log_prob(log_mean_of(outputs[0]), x)

    def bias(self, mean: Array) -> Array:
        """The output with this rate, clipped to 0.001…1,000,000."""
        return raw_of_mean(mean)[None]

    def mean(self, outputs: Array) -> Array:
        """The rate."""
        return jnp.exp(log_mean_of(outputs[0]))

    def variance(self, outputs: Array) -> Array:
        """The rate, as its mean."""
        return self.mean(outputs)

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """Counts."""
        return jr.poisson(key, self.mean(outputs)).astype(outputs.dtype)
