"""The Bernoulli likelihood, and the binarisation that makes it one."""

from __future__ import annotations

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.likelihoods.base import Likelihood, likelihoods
from latente.model.options import choice

BINARISATIONS = ("none", "static", "dynamic")


@jax.custom_jvp
def _softplus(x: Array) -> Array:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


_softplus.defjvps(lambda t, _, x: t * jax.nn.sigmoid(x))


PARTS = 8
"""How many values share one logarithm in a sum of softplus."""


@jax.custom_jvp
def _log_prob(logits: Array, x: Array) -> Array:
    """Σ x·l − softplus(l) of flat arrays.

    Logarithms are the cost, and 1 + e^−|l| is between 1 and 2, so one logarithm is taken of a product of `PARTS`
    factors: an epoch of the notebook's VAE takes a twelfth less. The factors come from distant parts of the array,
    because a processor's vectors hold neighbours.
    """
    size = len(logits) // PARTS
    parts, rest = [slice(i * size, (i + 1) * size) for i in range(PARTS)], slice(PARTS * size, None)
    linear = sum(x[part] * logits[part] - jnp.maximum(logits[part], 0) for part in parts)
    product = math.prod(1 + jnp.exp(-jnp.abs(logits[part])) for part in parts)
    return jnp.sum(linear - jnp.log(product)) + jnp.sum(x[rest] * logits[rest] - _softplus(logits[rest]))


_log_prob.defjvps(
    lambda t, _, logits, x: jnp.sum(t * (x - jax.nn.sigmoid(logits))),
    lambda t, _, logits, x: jnp.sum(t * logits),
)


@likelihoods.register("bernoulli", source="Kingma & Welling 2014, appendix C.1; Loaiza-Ganem & Cunningham 2019")
class Bernoulli(Likelihood):
    """x log p + (1 − x) log(1 − p) with p = sigmoid(output).

    On grey values in (0, 1) this is the notebook's binary cross-entropy: a score, not a log-likelihood
    (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845). ``binarise`` makes it one: each value is the probability with
    which it becomes 1 rather than 0, drawn anew at every use ("dynamic") or always the same for an example ("static").
    """

    binarise: str = eqx.field(static=True, default="none")

    support: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __check_init__(self) -> None:
        choice('likelihood "bernoulli"', "binarise", self.binarise, BINARISATIONS)

    @property
    def observes(self) -> bool:
        """Whether it binarises."""
        return self.binarise != "none"

    def observe(self, x: Array, *, key: Array) -> Array:
        """Zeros and ones; a missing value stays missing."""
        if self.binarise == "none":
            return x
        if self.binarise == "static":
            # The example is its own seed, through a weighted sum of its values' bits, modulo 2³².
            bits = jax.lax.bitcast_convert_type(jnp.ravel(x).astype(jnp.float32), jnp.uint32)
            odd = 2 * jnp.arange(bits.size, dtype=jnp.uint32) + 1
            key = jr.key(jnp.sum((bits >> 7) * odd, dtype=jnp.uint32))
        drawn = (jr.uniform(key, x.shape) < x).astype(x.dtype)
        return jnp.where(jnp.isnan(x), x, drawn)

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """Stable for any logit: x·l − softplus(l)."""
        logits, x = jnp.ravel(outputs[0]), jnp.ravel(x)
        return x * logits - _softplus(logits)

    def log_prob(self, outputs: Array, x: Array) -> Array:
        """The sum of `log_probs`, computed with fewer logarithms."""
        return _log_prob(jnp.ravel(outputs[0]), jnp.ravel(x))

    def bias(self, mean: Array) -> Array:
        """The logit of the mean, clipped to 0.001…0.999 (Burda et al. 2016)."""
        p = jnp.clip(mean, 1e-3, 1 - 1e-3)
        return jnp.log(p / (1 - p))[None]

    def mean(self, outputs: Array) -> Array:
        """sigmoid(output)."""
        return jax.nn.sigmoid(outputs[0])

    def variance(self, outputs: Array) -> Array:
        """p (1 − p)."""
        return jax.nn.sigmoid(outputs[0]) * jax.nn.sigmoid(-outputs[0])

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """Zeros and ones."""
        return jr.bernoulli(key, self.mean(outputs)).astype(outputs.dtype)


def is_score(likelihood: Likelihood, grey: bool) -> bool:
    """Whether this likelihood gives values that are ``grey``, between 0 and 1, a BCE score rather than a likelihood."""
    return isinstance(likelihood, Bernoulli) and not likelihood.observes and grey
