"""The zero-inflated negative binomial likelihood, for counts of which some were lost and recorded as zero."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.likelihoods.base import likelihoods
from latente.model.likelihoods.counts import Dispersed, draw_negative_binomial, log_mean_of, raw_of_mean
from latente.model.likelihoods.numeric import negative_binomial_log_prob


@likelihoods.register(
    "zero-inflated-negative-binomial", source="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2 (scVI)"
)
class ZeroInflatedNegativeBinomial(Dispersed):
    """Zero with probability π, and otherwise a negative binomial count (see `NegativeBinomial`).

    The log of μ is 15 · tanh(r / 15), with r the decoder's first output; the second is the logit of π. μ is the mean
    before zero inflation; it is not scaled by an example's total, as scVI's is by a cell's library size.

    ``dispersion`` is θ: a number; or "learned", one for each value of an example (scVI's "gene"); or "per-example",
    decoded, last, for each value of each example (scVI's "gene-cell"). The last two have log θ = 10 · tanh(r / 10),
    with r the learnt number or output. The encoder sees log(1 + x).
    """

    def outputs(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Means, logits of π, then θ if it is decoded."""
        return (3 if self.dispersion == "per-example" else 2, *shape)

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """log(π + (1 − π) NB(0)) of zeros, log((1 − π) NB(x)) of other counts."""
        gate = outputs[1]
        counted = negative_binomial_log_prob(log_mean_of(outputs[0]), self.bounded_log_dispersion(outputs), x)
        return jnp.where(x > 0, counted, jnp.logaddexp(gate, counted)) - jax.nn.softplus(gate)

    def bias(self, mean: Array) -> Array:
        """π at one half, and the outputs for twice the mean; θ at one if it is decoded."""
        return self.with_dispersion(raw_of_mean(2 * mean), jnp.zeros_like(mean))

    def mean(self, outputs: Array) -> Array:
        """(1 − π) μ."""
        return jax.nn.sigmoid(-outputs[1]) * jnp.exp(log_mean_of(outputs[0]))

    def variance(self, outputs: Array) -> Array:
        """(1 − π) μ (1 + μ/θ + π μ)."""
        mean, lost = jnp.exp(log_mean_of(outputs[0])), jax.nn.sigmoid(outputs[1])
        return (1 - lost) * mean * (1 + mean * (jnp.exp(-self.bounded_log_dispersion(outputs)) + lost))

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """Counts."""
        lost, count = jr.split(key)
        log_mean = log_mean_of(outputs[0])
        log_dispersion = jnp.broadcast_to(self.bounded_log_dispersion(outputs), log_mean.shape)
        drawn = draw_negative_binomial(log_mean, log_dispersion, key=count)
        return jnp.where(jr.bernoulli(lost, jax.nn.sigmoid(outputs[1])), 0, drawn)
