"""The Gaussian likelihood, with σ fixed, learnt, or decoded for each value."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.likelihoods.base import Likelihood, likelihoods
from latente.model.likelihoods.checks import check_positive
from latente.model.likelihoods.numeric import positive_log
from latente.registry import learnt

LOG_SIGMA_BOUND = 6.0
"""A learnt log σ lies in (−6, 6), by a scaled tanh: otherwise σ would fall without end on pixels that never vary."""


@likelihoods.register("gaussian", source="Kingma & Welling 2014, appendix C.2; Rybkin et al. 2021, arXiv:2006.13202")
class Gaussian(Likelihood):
    """Independent normals around the decoder's output.

    ``sigma`` is a number; or "learned", one σ for all values (σ-VAE, Rybkin et al. 2021); or "per-value", decoded for
    each value of each example, after all means. The last two have log σ = 6 · tanh(r / 6), with r the learnt number or
    output.
    """

    sigma: float | str = eqx.field(static=True, default=1.0)
    log_sigma: Array | None = learnt()

    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def __check_init__(self) -> None:
        check_positive(self, "sigma", self.sigma, "learned", "per-value")

    def init(self, shape: tuple[int, ...], *, key: Array) -> Self:
        """With log σ at zero if it is learnt."""
        if self.sigma != "learned":
            return self
        return replace(self, log_sigma=jnp.zeros(()))

    def outputs(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Means, then log σ if it is decoded."""
        return (2 if self.sigma == "per-value" else 1, *shape)

    def _log_sigma(self, outputs: Array) -> Array:
        return positive_log(self.sigma, self.log_sigma, outputs, LOG_SIGMA_BOUND)

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """−½ ((x − μ)² / σ² + log 2πσ²)."""
        log_sigma = self._log_sigma(outputs)
        scaled = (x - outputs[0]) * jnp.exp(-log_sigma)
        return -0.5 * scaled**2 - log_sigma - 0.5 * math.log(2 * math.pi)

    def bias(self, mean: Array) -> Array:
        """The mean itself, with log σ at zero."""
        return jnp.stack([mean, *([jnp.zeros_like(mean)] if self.sigma == "per-value" else [])])

    def mean(self, outputs: Array) -> Array:
        """The first of the outputs."""
        return outputs[0]

    def variance(self, outputs: Array) -> Array:
        """σ²."""
        return jnp.broadcast_to(jnp.exp(2 * self._log_sigma(outputs)), outputs[0].shape)

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """The mean plus σ times standard normal noise."""
        return outputs[0] + jnp.exp(self._log_sigma(outputs)) * jr.normal(key, outputs[0].shape)
