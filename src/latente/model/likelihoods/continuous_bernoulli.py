"""The continuous Bernoulli likelihood: what the Bernoulli score of grey values lacks to be a density on [0, 1]."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.likelihoods.base import Likelihood, likelihoods
from latente.model.likelihoods.numeric import inverse

SERIES_BELOW = 0.5
FAINTEST = 0.01
"""Means closer to 0 or 1 are clipped to this for the output bias; their logits, about 1 / mean, would exceed 100."""


def langevin(u: Array) -> Array:
    """coth u − 1/u, in (−1, 1), the derivative of `log_sinhc`; a series near zero, where both terms diverge."""
    near = jnp.abs(u) < SERIES_BELOW
    far = jnp.where(near, 1.0, u)
    close = jnp.where(near, u, 0.0)
    s = close**2
    series = close * (1 / 3 - s * (1 / 45 - s * (2 / 945 - s * (1 / 4725 - s * 2 / 93555))))
    return jnp.where(near, series, 1 / jnp.tanh(far) - 1 / far)


@jax.custom_jvp
def log_sinhc(u: Array) -> Array:
    """log(sinh(u) / u), even and zero at zero, for any u without overflow."""
    size = jnp.abs(u)
    near = size < SERIES_BELOW
    far = jnp.where(near, 1.0, size)
    s = jnp.where(near, size, 0.0) ** 2
    series = s * (1 / 6 - s * (1 / 180 - s * (1 / 2835 - s * (1 / 37800 - s / 467775))))
    return jnp.where(near, series, far + jnp.log1p(-jnp.exp(-2 * far)) - jnp.log(2 * far))


log_sinhc.defjvps(lambda t, _, u: t * langevin(u))


@likelihoods.register("continuous-bernoulli", source="Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845")
class ContinuousBernoulli(Likelihood):
    """C(λ) λ^x (1 − λ)^(1 − x) with λ = sigmoid(output): a density on [0, 1], so it may exceed one.

    In terms of the logit l the normaliser is log C = log(l / tanh(l / 2)), and with softplus(l) the log-density becomes
    (x − ½) l − log(sinh(l / 2) / (l / 2)). Nothing is clipped; near l = 0 a series replaces the quotient.
    """

    support: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """Stable for any logit, including those near λ = ½."""
        logits, x = jnp.ravel(outputs[0]), jnp.ravel(x)
        return (x - 0.5) * logits - log_sinhc(logits / 2)

    def bias(self, mean: Array) -> Array:
        """The logit with this `mean`, by bisection; means are clipped to 0.01…0.99."""
        return inverse(_mean, jnp.clip(mean, FAINTEST, 1 - FAINTEST), -1 / FAINTEST, 1 / FAINTEST)[None]

    def mean(self, outputs: Array) -> Array:
        """λ / (2λ − 1) + 1 / (2 atanh(1 − 2λ)), and not λ."""
        return _mean(outputs[0])

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """By the inverse of the cumulative distribution function, which has a closed form."""
        return inverse_cdf(outputs[0], jr.uniform(key, outputs[0].shape, outputs.dtype))


def inverse_cdf(logits: Array, u: Array) -> Array:
    """Where the cumulative distribution function has the value u in [0, 1]: log(1 + u (e^l − 1)) / l, elementwise."""
    # By symmetry computed for decreasing densities only, so that nothing overflows.
    falls = logits < 0
    slope, share = -jnp.abs(logits), jnp.where(falls, u, 1 - u)
    near, gentle = slope > -1e-4, slope > -1
    far = jnp.where(near, -1.0, slope)
    # For steep slopes two terms rather than log1p: at a share of one the first vanishes, and e^l must remain.
    inner = jnp.where(gentle, jnp.log1p(share * jnp.expm1(far)), jnp.log((1 - share) + share * jnp.exp(far)))
    point = jnp.clip(jnp.where(near, share + slope * share * (1 - share) / 2, inner / far), 0, 1)
    return jnp.where(falls, point, 1 - point)


def _mean(logits: Array) -> Array:
    return 0.5 + 0.5 * langevin(logits / 2)
