"""Numerical functions of several likelihoods: inverses, and log-probabilities that stay exact in single precision."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from latente.model.nets import bounded

HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)
SERIES_FROM = 10.0
"""Stirling's series is used from here on, the gamma function itself below."""


def unbounded(value: Array, bound: float) -> Array:
    """The inverse of `latente.model.nets.bounded`, for a ``value`` in (−bound, bound)."""
    return bound * jnp.arctanh(value / bound)


def positive_log(value: float | str, learnt: Array | None, outputs: Array, half: float, middle: float = 0.0) -> Array:
    """The log of an option above zero: of a number; or, if it is "learned" or else the last output, middle ± half."""
    if not isinstance(value, str):
        return jnp.log(jnp.asarray(value, outputs.dtype))
    raw = learnt if value == "learned" else outputs[-1]
    assert raw is not None
    return middle + bounded(raw, half)


def inverse(increasing: Callable[[Array], Array], target: Array, low: float, high: float) -> Array:
    """Where an increasing function equals ``target``, elementwise and within ``low`` to ``high``, by bisection."""

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        left, right = ends
        middle = (left + right) / 2
        below = increasing(middle) < target
        return jnp.where(below, middle, left), jnp.where(below, right, middle)

    ends: tuple[Array, Array] = (jnp.full_like(target, low), jnp.full_like(target, high))
    left, right = jax.lax.fori_loop(0, 60, halve, ends)
    middle: Array = (left + right) / 2
    return middle


def stirling_remainder(a: Array) -> Array:
    """log Γ(a + 1) − (a + ½) log a + a − ½ log 2π for a > 0 (Loader 2000)."""
    large = a >= SERIES_FROM
    small = jnp.where(large, 1.0, a)
    direct = jax.scipy.special.gammaln(small + 1) - (small + 0.5) * jnp.log(small) + small - HALF_LOG_2_PI
    far = jnp.where(large, a, SERIES_FROM)
    square = far**2
    series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * square)) / square) / square) / far
    return jnp.where(large, series, direct)


def poisson_log_prob(log_rate: Array, x: Array) -> Array:
    """The log of the Poisson probability of the count x ≥ 0, in nats, elementwise.

    In Loader's saddle-point form, because in single precision x log λ − λ − log x! loses whole nats at counts of a
    million.
    """
    n = jnp.where(x > 0, x, 1.0)
    # log(λ / x), and with it λ − x − x log(λ / x).
    ratio = log_rate - jnp.log(n)
    excess = n * (jnp.expm1(ratio) - ratio)
    return jnp.where(x > 0, -excess - stirling_remainder(n) - 0.5 * jnp.log(2 * math.pi * n), -jnp.exp(log_rate))


def negative_binomial_log_prob(log_mean: Array, log_dispersion: Array, x: Array) -> Array:
    """The log of the negative binomial probability of the count x ≥ 0, in nats, elementwise.

    With mean μ and inverse dispersion θ, so that the variance is μ + μ²/θ (Lopez et al. 2018). In Loader's
    saddle-point form, which is exact even for large θ, where log Γ(x + θ) − log Γ(θ) would cancel.
    """
    mean, theta = jnp.exp(log_mean), jnp.exp(log_dispersion)
    n = jnp.where(x > 0, x, 1.0)
    total = n + theta
    # log((x + θ) / (θ + μ)), with log1p near zero only; and the log of x's expected share of the total, over x.
    step = (n - mean) / (theta + mean)
    near = jnp.abs(step) < 0.5
    ratio = jnp.where(near, jnp.log1p(jnp.where(near, step, 0.0)), jnp.log(total) - jnp.log(theta + mean))
    other = ratio + log_mean - jnp.log(n)
    excess = theta * (jnp.expm1(ratio) - ratio) + n * (jnp.expm1(other) - other)
    remainder = stirling_remainder(total) - stirling_remainder(n) - stirling_remainder(theta)
    positive = remainder - excess + 0.5 * (log_dispersion - jnp.log(total) - jnp.log(2 * math.pi * n))
    return jnp.where(x > 0, positive, -theta * jnp.log1p(mean / theta))
