"""The negative binomial likelihood, for counts that vary more than a Poisson allows."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from latente.model.likelihoods.base import likelihoods
from latente.model.likelihoods.counts import Dispersed, draw_negative_binomial, log_mean_of, raw_of_mean
from latente.model.likelihoods.numeric import negative_binomial_log_prob


@likelihoods.register("negative-binomial", source="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; Loader 2000")
class NegativeBinomial(Dispersed):
    """Γ(x + θ) / (Γ(θ) x!) · (θ / (θ + μ))^θ (μ / (θ + μ))^x, with variance μ + μ²/θ; as θ grows, a Poisson.

    The log of the mean μ is 15 · tanh(r / 15), with r the decoder's output. It is not scaled by an example's total, as
    scVI's is by a cell's library size.

    ``dispersion`` is θ: a number; or "learned", one for each value of an example (scVI's "gene"); or "per-example",
    decoded, after the means, for each value of each example (scVI's "gene-cell"). The last two have
    log θ = 10 · tanh(r / 10), with r the learnt number or output. The encoder sees log(1 + x).
    """

    def outputs(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Means, then θ if it is decoded."""
        return (2 if self.dispersion == "per-example" else 1, *shape)

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """In a form that stays exact for large counts and large θ; see `negative_binomial_log_prob`."""
        return negative_binomial_log_prob(log_mean_of(outputs[0]), self.bounded_log_dispersion(outputs), x)

    def bias(self, mean: Array) -> Array:
        """The output with this mean, clipped to 0.001…1,000,000; θ at one if it is decoded."""
        return self.with_dispersion(raw_of_mean(mean))

    def mean(self, outputs: Array) -> Array:
        """μ."""
        return jnp.exp(log_mean_of(outputs[0]))

    def variance(self, outputs: Array) -> Array:
        """μ + μ²/θ."""
        mean = self.mean(outputs)
        return mean + mean**2 * jnp.exp(-self.bounded_log_dispersion(outputs))

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """Counts."""
        log_mean = log_mean_of(outputs[0])
        log_dispersion = jnp.broadcast_to(self.bounded_log_dispersion(outputs), log_mean.shape)
        return draw_negative_binomial(log_mean, log_dispersion, key=key)
