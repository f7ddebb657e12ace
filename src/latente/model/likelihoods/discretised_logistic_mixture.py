"""A mixture of discretised logistics; the channels of a pixel share its components."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.model.likelihoods.base import Likelihood, likelihoods
from latente.model.likelihoods.checks import check_count, check_levels
from latente.model.likelihoods.discretised_logistic import (
    ADVICE,
    LEVELS,
    LOG_SCALES,
    draw_level,
    location_of,
    log_bin,
    mean_level,
)
from latente.model.likelihoods.numeric import bounded


@likelihoods.register("discretised-logistic-mixture", source="Salimans et al. 2017, arXiv:1701.05517, section 2.1")
class DiscretisedLogisticMixture(Likelihood):
    """Each pixel chooses one of ``components`` discretised logistics (see `DiscretisedLogistic`), for all its channels.

    So the channels of a pixel, the last axis of examples with three axes, depend on one another through the choice;
    given it they are independent: the linear terms by which Salimans et al. let a channel also depend on those before
    it are left out, so that mean, sample and missing values stay exact. Each value of other examples is its own pixel.

    The decoder gives, for each pixel, the components' log-weights, then the locations and then the log-scales, each
    for the components one after another and for their channels; log s is in (−8, 2), by a scaled tanh.
    """

    components: int = eqx.field(static=True, default=10)
    levels: int = eqx.field(static=True, default=256)

    support: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __check_init__(self) -> None:
        check_count(self, "levels", self.levels, 2, LEVELS)
        check_count(self, "components", self.components, 1, 1000)

    def outputs(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """components · (1 + 2 channels) numbers a pixel; (height, width, 1) after them for colour."""
        channels = shape[2] if len(shape) == 3 else 1
        pixels = (*shape[:2], 1) if channels > 1 else shape
        return (self.components * (1 + 2 * channels), *pixels)

    def _parts(self, outputs: Array) -> tuple[Array, Array, Array]:
        """log-weights (components, *pixels), locations and log-scales (components, *pixels, channels)."""
        channels = (outputs.shape[0] // self.components - 1) // 2
        pixels = outputs.shape[1:-1] if channels > 1 else outputs.shape[1:]
        logits, rest = outputs[: self.components], outputs[self.components :]
        rest = jnp.moveaxis(rest.reshape(2, self.components, channels, *pixels), 2, -1)
        log_weights = jax.nn.log_softmax(logits.reshape(self.components, *pixels), axis=0)
        return log_weights, rest[0], LOG_SCALES[0] + bounded(rest[1], LOG_SCALES[1])

    def _shape(self, outputs: Array) -> tuple[int, ...]:
        channels = (outputs.shape[0] // self.components - 1) // 2
        return (*outputs.shape[1:-1], channels) if channels > 1 else outputs.shape[1:]

    def _by_component(self, outputs: Array, x: Array) -> tuple[Array, Array]:
        """log-weights (components, *pixels), and log p of each value given the component (…, channels)."""
        log_weights, locations, log_scales = self._parts(outputs)
        values = x.reshape(locations.shape[1:])
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

    def log_prob_seen(self, outputs: Array, x: Array) -> Array:
        """log p of those values of x that are not NaN, the others summed over; a scalar.

        Leaving them out of each component's product is that sum: it is exact for missing channels too.
        """
        seen = ~jnp.isnan(x)
        log_weights, values = self._by_component(outputs, jnp.where(seen, x, 0))
        values = jnp.where(seen.reshape(values.shape[1:]), values, 0)
        return jnp.sum(jax.nn.logsumexp(log_weights + jnp.sum(values, axis=-1), axis=0))

    def bias(self, mean: Array) -> Array:
        """Equal weights, and for every component the locations that have this mean at log s = −3."""
        channels = mean.shape[2] if mean.ndim == 3 else 1
        pixels = self.outputs(mean.shape)[1:]
        locations = location_of(mean, LOG_SCALES[0], self.levels)
        if channels > 1:
            locations = jnp.moveaxis(locations, -1, 0)
        locations = jnp.broadcast_to(locations.reshape(channels, *pixels), (self.components, channels, *pixels))
        return jnp.concatenate(
            [
                jnp.zeros((self.components, *pixels), mean.dtype),
                locations.reshape(-1, *pixels),
                jnp.zeros((self.components * channels, *pixels), mean.dtype),
            ]
        )

    def mean(self, outputs: Array) -> Array:
        """The components' means over the levels, weighed."""
        log_weights, locations, log_scales = self._parts(outputs)
        means = mean_level(locations, log_scales, self.levels)
        return jnp.sum(jnp.exp(log_weights)[..., None] * means, axis=0).reshape(self._shape(outputs))

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """A component for each pixel, and then one of the levels for each value."""
        which, noise = jr.split(key)
        log_weights, *parts = self._parts(outputs)
        chosen = jr.categorical(which, log_weights, axis=0)
        location, log_scale = (jnp.take_along_axis(p, chosen[None, ..., None], axis=0)[0] for p in parts)
        return draw_level(location, log_scale, self.levels, key=noise).reshape(self._shape(outputs))

    def check(self, values: NDArray[np.floating], shape: tuple[int, ...]) -> None:
        """Refuse data that is not at the levels; see `check_levels`."""
        super().check(values, shape)
        check_levels(self, values, self.levels, ADVICE)
