"""A mixture of discretised logistics, whose components the channels of a pixel share."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.model.likelihoods.base import Likelihood, likelihoods
from latente.model.likelihoods.checks import check_count, check_levels
from latente.model.likelihoods.discretised_logistic import (
    ADVICE,
    LEVELS,
    LOG_SCALES,
    average_level,
    draw_level,
    level_nodes,
    location_of,
    log_bin,
    mean_level,
)
from latente.model.nets import bounded
from latente.model.options import choice

CHANNELS = ("linear", "independent")


@likelihoods.register("discretised-logistic-mixture", source="Salimans et al. 2017, arXiv:1701.05517, sections 2.1–2.2")
class DiscretisedLogisticMixture(Likelihood):
    """Each pixel chooses one of ``components`` discretised logistics (see `DiscretisedLogistic`), for all its channels.

    The channels of a pixel, the last axis of examples with three axes, thus depend on each other through this choice.
    If there are three and ``channels`` is "linear", they also do so given the choice: green's location is its own plus
    c₁ (red − ½), and blue's its own plus c₂ (red − ½) + c₃ (green − ½). Each component of each pixel has its own c, in
    (−1, 1) by a tanh; they are the paper's, for values from −1 to 1. "independent" omits them, which colour images with
    missing values need: a channel cannot be summed over without those that follow it. In other examples each value is
    a pixel of its own.

    For each pixel the outputs are the components' log-weights, then the locations, then the log-scales, each for one
    component after the other and its channels, and last the c, likewise. The weights are the softmax of the
    log-weights; for an output r, log s is −3 + 5 · tanh(r / 5), and c is tanh(r).
    """

    components: int = eqx.field(static=True, default=10)
    levels: int = eqx.field(static=True, default=256)
    channels: str = eqx.field(static=True, default="linear")

    support: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __check_init__(self) -> None:
        check_count(self, "levels", self.levels, 2, LEVELS)
        check_count(self, "components", self.components, 1, 1000)
        choice('likelihood "discretised-logistic-mixture"', "channels", self.channels, CHANNELS)

    def missing_unsupported(self, shape: tuple[int, ...]) -> str:
        """Colour images with linear terms between their channels are scored jointly."""
        if not self._terms(_channels(shape)):
            return ""
        return 'no channel can be summed over without those that follow it; take channels = "independent"'

    def _terms(self, channels: int) -> int:
        """The number of linear terms of a component."""
        return 3 if channels == 3 and self.channels == "linear" else 0

    def outputs(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """components · (1 + 2 channels + linear terms) numbers per pixel, then (height, width, 1) for colour."""
        channels = _channels(shape)
        pixels = (*shape[:2], 1) if channels > 1 else shape
        return (self.components * (1 + 2 * channels + self._terms(channels)), *pixels)

    def _split(self, outputs: Array) -> tuple[int, tuple[int, ...]]:
        """The number of channels, and the shape of the pixels."""
        each = outputs.shape[0] // self.components
        # 1 + 2 channels is odd, and 1 + 2 · 3 + 3 is not.
        channels = 3 if each == 10 else (each - 1) // 2
        return channels, outputs.shape[1:-1] if channels > 1 else outputs.shape[1:]

    def _parts(self, outputs: Array) -> tuple[Array, Array, Array, Array]:
        """log-weights (components, *pixels), locations and log-scales (components, *pixels, channels), and the c
        (components, *pixels, terms)."""
        channels, pixels = self._split(outputs)
        ends = np.cumsum([1, channels, channels]) * self.components
        logits, *rest = jnp.split(outputs, ends)
        locations, raw, terms = (jnp.moveaxis(r.reshape(self.components, -1, *pixels), 1, -1) for r in rest)
        log_weights = jax.nn.log_softmax(logits.reshape(self.components, *pixels), axis=0)
        return log_weights, locations, LOG_SCALES[0] + bounded(raw, LOG_SCALES[1]), jnp.tanh(terms)

    def _shape(self, outputs: Array) -> tuple[int, ...]:
        channels, pixels = self._split(outputs)
        return (*pixels, channels) if channels > 1 else pixels

    def _by_component(self, outputs: Array, x: Array) -> tuple[Array, Array]:
        """log-weights (components, *pixels), and log p of each value given the component and the channels before it
        (…, channels)."""
        log_weights, locations, log_scales, terms = self._parts(outputs)
        values = x.reshape(locations.shape[1:])
        if terms.shape[-1]:
            red, green, blue = jnp.moveaxis(locations, -1, 0)
            to_green, to_blue = _shifts(terms, values[..., 0], values[..., 1])
            locations = jnp.stack([red, green + to_green, blue + to_blue], axis=-1)
        return log_weights, log_bin(locations, log_scales, values, self.levels)

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """log p of each channel given those before it in its pixel; of the example's shape."""
        log_weights, values = self._by_component(outputs, x)
        joint = jax.nn.logsumexp(log_weights[..., None] + jnp.cumsum(values, axis=-1), axis=0)
        before = jnp.concatenate([jnp.zeros_like(joint[..., :1]), joint[..., :-1]], axis=-1)
        return (joint - before).reshape(x.shape)

    def log_prob(self, outputs: Array, x: Array) -> Array:
        """log p(x | z) in nats; a scalar."""
        log_weights, values = self._by_component(outputs, x)
        return jnp.sum(jax.nn.logsumexp(log_weights + jnp.sum(values, axis=-1), axis=0))

    def log_prob_observed(self, outputs: Array, x: Array) -> Array:
        """log p of the values of x that are not NaN, with the others summed over; a scalar.

        Omitting them from each component's product is that sum, which is exact for missing channels too.

        Raises:
            SpecError: the channels depend on each other linearly; see `missing_unsupported`.
        """
        reason = self.missing_unsupported(x.shape)
        if reason:
            raise SpecError(f"{likelihoods.name_of(self)} does not go with missing values: {reason}")
        observed = ~jnp.isnan(x)
        log_weights, values = self._by_component(outputs, jnp.where(observed, x, 0))
        values = jnp.where(observed.reshape(values.shape[1:]), values, 0)
        return jnp.sum(jax.nn.logsumexp(log_weights + jnp.sum(values, axis=-1), axis=0))

    def bias(self, mean: Array) -> Array:
        """Equal weights, and for every component the locations with this mean at log s = −3 and c = 0."""
        channels = _channels(mean.shape)
        pixels = self.outputs(mean.shape)[1:]
        locations = location_of(mean, LOG_SCALES[0], self.levels)
        if channels > 1:
            locations = jnp.moveaxis(locations, -1, 0)
        locations = jnp.broadcast_to(locations.reshape(channels, *pixels), (self.components, channels, *pixels))
        return jnp.concatenate(
            [
                jnp.zeros((self.components, *pixels), mean.dtype),
                locations.reshape(-1, *pixels),
                jnp.zeros((self.components * (channels + self._terms(channels)), *pixels), mean.dtype),
            ]
        )

    def mean(self, outputs: Array) -> Array:
        """The weighted means of the components over the levels; for green and blue, if they depend on the channels
        before, to within a quarter of a level (see `level_nodes`)."""
        log_weights, locations, log_scales, terms = self._parts(outputs)
        if terms.shape[-1]:
            means = self._linear_means(locations, log_scales, terms)
        else:
            means = mean_level(locations, log_scales, self.levels)
        return jnp.sum(jnp.exp(log_weights)[..., None] * means, axis=0).reshape(self._shape(outputs))

    def _linear_means(self, locations: Array, log_scales: Array, terms: Array) -> Array:
        """Each component's mean of each channel, (components, *pixels, 3): green's averaged over red, and blue's over
        both."""
        red, green, blue = jnp.moveaxis(locations, -1, 0)
        of_red, of_green, of_blue = jnp.moveaxis(log_scales, -1, 0)
        reds, weights = level_nodes(red, of_red, self.levels)
        greens_at = green + _shifts(terms, reds)[0]
        greens, more = level_nodes(greens_at, of_green, self.levels)
        blues_at = blue + _shifts(terms, reds, greens)[1]
        means = (
            mean_level(red, of_red, self.levels),
            average_level(greens_at, weights, of_green, self.levels),
            average_level(
                blues_at.reshape(-1, *blue.shape), (weights * more).reshape(-1, *blue.shape), of_blue, self.levels
            ),
        )
        return jnp.stack(means, axis=-1)

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """A component for each pixel, then a level for each value, channel after channel."""
        which, noise = jr.split(key)
        log_weights, *parts = self._parts(outputs)
        chosen = jr.categorical(which, log_weights, axis=0)
        location, log_scale, terms = (jnp.take_along_axis(p, chosen[None, ..., None], axis=0)[0] for p in parts)
        if not terms.shape[-1]:
            return draw_level(location, log_scale, self.levels, key=noise).reshape(self._shape(outputs))
        drawn: list[Array] = []
        for channel, key in enumerate(jr.split(noise, 3)):
            shift = _shifts(terms, *drawn)[channel - 1] if channel else 0.0
            drawn.append(draw_level(location[..., channel] + shift, log_scale[..., channel], self.levels, key=key))
        return jnp.stack(drawn, axis=-1).reshape(self._shape(outputs))

    def check(self, values: NDArray[np.floating], shape: tuple[int, ...]) -> None:
        """Refuse data that is not at the levels; see `check_levels`."""
        super().check(values, shape)
        check_levels(self, values, self.levels, ADVICE)


def _channels(shape: tuple[int, ...]) -> int:
    return shape[2] if len(shape) == 3 else 1


def _shifts(terms: Array, red: Array, green: Array | None = None) -> tuple[Array, Array]:
    """What earlier channels add to the locations of green and, if green is given, of blue (else zero)."""
    to_green, from_red, from_green = jnp.moveaxis(terms, -1, 0)
    to_blue = jnp.zeros(()) if green is None else from_red * (red - 0.5) + from_green * (green - 0.5)
    return to_green * (red - 0.5), to_blue
