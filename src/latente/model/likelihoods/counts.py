"""The base of count likelihoods: their support, the encoder's input, and the range of their parameters."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.errors import DataError
from latente.model.likelihoods.base import Likelihood, likelihoods
from latente.model.likelihoods.checks import check_positive
from latente.model.likelihoods.numeric import positive_log, unbounded
from latente.model.nets import bounded
from latente.registry import learnt

LOG_MEAN_BOUND = 15.0
"""The log of a mean count lies in (−15, 15), by a scaled tanh: up to three million."""
LOG_DISPERSION_BOUND = 10.0
"""log θ lies in (−10, 10), by a scaled tanh."""
FEWEST, MOST = 1e-3, 1e6
"""Mean counts are clipped to these for the output bias."""
LARGEST = 3e6
"""The largest count allowed, which is about the largest possible mean."""


def check_counts(where: str, counts: NDArray[np.floating], otherwise: str) -> None:
    """Refuse counts beyond any possible mean count.

    Raises:
        DataError: naming the largest, what is allowed, and what to do.
    """
    if counts.size and counts.max() > LARGEST:
        raise DataError(f"{where} takes counts up to {LARGEST:,.0f}, and the data has {counts.max():,.0f}; {otherwise}")


def log_mean_of(raw: Array) -> Array:
    """The log of the mean count that a decoder's output stands for."""
    return bounded(raw, LOG_MEAN_BOUND)


def raw_of_mean(mean: Array) -> Array:
    """The decoder's output that stands for a mean count, clipped to 0.001…1,000,000."""
    return unbounded(jnp.log(jnp.clip(mean, FEWEST, MOST)), LOG_MEAN_BOUND)


def draw_negative_binomial(log_mean: Array, log_dispersion: Array, *, key: Array) -> Array:
    """A Poisson count whose rate is drawn from a gamma distribution of shape θ and mean μ."""
    rate, count = jr.split(key)
    # The log of the gamma variate, since for small θ the variate itself would be zero.
    log_rate = jr.loggamma(rate, jnp.exp(log_dispersion)) - log_dispersion + log_mean
    return jr.poisson(count, jnp.exp(log_rate)).astype(log_mean.dtype)


class Counts(Likelihood):
    """Whole numbers of at least zero; the encoder sees log(1 + x)."""

    support: ClassVar[tuple[float, float]] = (0.0, math.inf)
    whole: ClassVar[bool] = True

    def check(self, values: NDArray[np.floating], shape: tuple[int, ...]) -> None:
        """Also refuse counts beyond any possible mean."""
        super().check(values, shape)
        otherwise = "divide them, or take a likelihood of real numbers"
        check_counts(likelihoods.name_of(self), values[~np.isnan(values)], otherwise)

    def features(self, x: Array) -> Array:
        """log(1 + x)."""
        return jnp.log1p(x)


class Dispersed(Counts):
    """Counts with mean μ, inverse dispersion θ and variance μ + μ²/θ.

    ``dispersion`` is θ: a number; or "learned", one for each value of an example (scVI's "gene"); or "per-example",
    decoded for each value of each example (scVI's "gene-cell"). The last two have log θ in (−10, 10).
    """

    dispersion: float | str = eqx.field(static=True, default="learned")
    log_dispersion: Array | None = learnt()

    def __check_init__(self) -> None:
        check_positive(self, "dispersion", self.dispersion, "learned", "per-example")

    def init(self, shape: tuple[int, ...], *, key: Array) -> Self:
        """With θ at one if it is learnt."""
        if self.dispersion != "learned":
            return self
        return replace(self, log_dispersion=jnp.zeros(shape))

    def bounded_log_dispersion(self, outputs: Array) -> Array:
        """log θ: a scalar, or of the example's shape; it is the decoder's last output."""
        return positive_log(self.dispersion, self.log_dispersion, outputs, LOG_DISPERSION_BOUND)

    def with_dispersion(self, *parts: Array) -> Array:
        """Outputs of these parts, each of the example's shape, then θ at one if it is decoded."""
        return jnp.stack([*parts, *([jnp.zeros_like(parts[0])] if self.dispersion == "per-example" else [])])
