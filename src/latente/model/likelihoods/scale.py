"""The base of likelihoods with a location and a scale: the scale is fixed, learnt, or decoded for each value."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.model.likelihoods.base import Likelihood
from latente.model.likelihoods.checks import check_positive
from latente.model.likelihoods.numeric import positive_log
from latente.registry import learnt


class LocationScale(Likelihood):
    """Independent values around the decoder's output.

    ``scale`` is a number; or "learned", one for all values; or "per-value", decoded for each value of each example. In
    the last two, a scaled tanh keeps the log of the scale in an open interval.

    Attributes:
        log_scales: the middle of that interval, where a learnt scale starts, and its half width.
    """

    scale: float | str = eqx.field(static=True, default=1.0)
    log_scale: Array | None = learnt()

    log_scales: ClassVar[tuple[float, float]] = (0.0, 6.0)

    def __check_init__(self) -> None:
        check_positive(self, "scale", self.scale, "learned", "per-value")

    def init(self, shape: tuple[int, ...], *, key: Array) -> Self:
        """With the scale, if learnt, in the middle of its interval."""
        if self.scale != "learned":
            return self
        return replace(self, log_scale=jnp.zeros(()))

    def outputs(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Locations, then, if the scale is decoded, the numbers that `bounded_log_scale` bounds."""
        return (2 if self.scale == "per-value" else 1, *shape)

    def bounded_log_scale(self, outputs: Array) -> Array:
        """log of the scale: a scalar, or of the example's shape."""
        middle, half = self.log_scales
        return positive_log(self.scale, self.log_scale, outputs, half, middle)

    def at(self, location: Array) -> Array:
        """The outputs with these locations, of the example's shape, and the scale in the middle of its interval."""
        return jnp.stack([location, *([jnp.zeros_like(location)] if self.scale == "per-value" else [])])
