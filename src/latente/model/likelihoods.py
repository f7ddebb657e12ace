"""Likelihoods p(x | z): what the decoder's outputs mean. One example at a time; log-densities in nats, summed.

A decoder gives ``outputs`` of shape (outputs_per_value, *shape).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import DataError, SpecError
from latente.registry import Registry


class Likelihood(eqx.Module):
    """The family a decoder's outputs parametrise."""

    outputs_per_value: ClassVar[int]
    support: ClassVar[tuple[float, float]]

    @abstractmethod
    def log_prob(self, outputs: Array, x: Array) -> Array:
        """log p(x | z) in nats, summed over the example; a scalar."""

    @abstractmethod
    def mean(self, outputs: Array) -> Array:
        """E[x | z], of the example's shape."""

    @abstractmethod
    def sample(self, outputs: Array, *, key: Array) -> Array:
        """One draw from p(x | z), of the example's shape."""

    def check(self, low: float, high: float) -> None:
        """Refuse data whose values reach outside the support.

        Raises:
            DataError: naming the range that was got and the one allowed.
        """
        if low < self.support[0] or high > self.support[1]:
            raise DataError(
                f"values from {low:g} to {high:g} are outside what the {type(self).__name__} likelihood takes, "
                f'{self.support[0]:g} to {self.support[1]:g}; rescale them (data scale "minmax") '
                'or take another likelihood (such as "gaussian")'
            )


@jax.custom_jvp
def _softplus(x: Array) -> Array:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


_softplus.defjvps(lambda t, _, x: t * jax.nn.sigmoid(x))


likelihoods: Registry[Likelihood] = Registry("likelihood")


@likelihoods.register("bernoulli")
class Bernoulli(Likelihood):
    """x log p + (1 − x) log(1 − p) with p = sigmoid(output).

    On grey values in (0, 1) this is the notebook's binary cross-entropy: a score, not a log-likelihood
    (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845).
    """

    outputs_per_value: ClassVar[int] = 1
    support: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def log_prob(self, outputs: Array, x: Array) -> Array:
        """Stable for any logit: x·l − softplus(l)."""
        # Flat, and with the derivative of softplus given: an epoch of the notebook's VAE takes a tenth less.
        logits, x = jnp.ravel(outputs[0]), jnp.ravel(x)
        return jnp.sum(x * logits - _softplus(logits))

    def mean(self, outputs: Array) -> Array:
        """sigmoid(output)."""
        return jax.nn.sigmoid(outputs[0])

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """Zeros and ones."""
        return jr.bernoulli(key, self.mean(outputs)).astype(outputs.dtype)


@likelihoods.register("gaussian")
class Gaussian(Likelihood):
    """Independent normals about the decoder's output, with one fixed standard deviation ``sigma``."""

    sigma: float = 1.0

    outputs_per_value: ClassVar[int] = 1
    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def __check_init__(self) -> None:
        if isinstance(self.sigma, bool) or not isinstance(self.sigma, int | float) or not self.sigma > 0:
            raise SpecError(f'likelihood "gaussian": got sigma = {self.sigma!r}; allowed: a number above 0')

    def log_prob(self, outputs: Array, x: Array) -> Array:
        """−½ Σ ((x − μ)² / σ² + log 2πσ²)."""
        scaled = (x - outputs[0]) / self.sigma
        return -0.5 * jnp.sum(scaled**2 + math.log(2 * math.pi * self.sigma**2))

    def mean(self, outputs: Array) -> Array:
        """The output itself."""
        return outputs[0]

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """The output plus σ times standard normal noise."""
        return outputs[0] + self.sigma * jr.normal(key, outputs[0].shape)
