"""The categorical likelihood: each value one of a few kinds, or one of a few levels of grey."""

from __future__ import annotations

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.errors import DataError
from latente.model.likelihoods.base import Likelihood, likelihoods
from latente.model.likelihoods.checks import check_count, check_levels
from latente.model.likelihoods.numeric import inverse
from latente.model.options import choice

VALUES = ("whole", "grey")
CATEGORIES = 65536
FAINTEST, STEEPEST = 1e-3, 2000.0


def log_softmax_at(logits: Array, index: Array) -> Array:
    """The log-softmax over the first axis of logits (k, ...), at an integer index of shape (...)."""
    chosen = jnp.take_along_axis(logits, index[None], axis=0)[0]
    return chosen - jax.nn.logsumexp(logits, axis=0)


@likelihoods.register("categorical", source="van den Oord et al. 2016, arXiv:1601.06759, section 2.2 (levels as kinds)")
class Categorical(Likelihood):
    """softmax over ``categories`` logits for each value.

    ``values`` says what the data holds: "whole", the classes 0, 1, …, categories − 1, which the encoder sees one-hot;
    or "grey", the levels 0, 1/(categories − 1), …, 1, as of bytes with 256 categories.

    The mean of class numbers has no meaning: for "whole" values `mean` is the most probable class, for "grey" ones the
    expected level.
    """

    categories: int = eqx.field(static=True, default=256)
    values: str = eqx.field(static=True, default="whole")

    support: ClassVar[tuple[float, float]] = (0.0, CATEGORIES - 1.0)

    def __check_init__(self) -> None:
        check_count(self, "categories", self.categories, 2, CATEGORIES)
        choice('likelihood "categorical"', "values", self.values, VALUES)

    @property
    def _top(self) -> int:
        """The value of the last category."""
        return self.categories - 1 if self.values == "whole" else 1

    def _index(self, x: Array) -> Array:
        index = jnp.round(x * ((self.categories - 1) / self._top)).astype(jnp.int32)
        return jnp.clip(index, 0, self.categories - 1)

    def outputs(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A logit for each category of each value."""
        return (self.categories, *shape)

    def category_counts(self, shape: tuple[int, ...]) -> NDArray[np.intp]:
        """``categories`` of classes; none of grey levels."""
        return np.full(math.prod(shape), self.categories if self.values == "whole" else 0, np.intp)

    def features(self, x: Array) -> Array:
        """Grey levels as they are; classes one-hot on the last axis (after the two of an image)."""
        if self.values == "grey":
            return x
        ones = jax.nn.one_hot(self._index(x), self.categories, dtype=x.dtype)
        return ones.reshape(self.features_shape(x.shape))

    def features_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(height, width, categories) for images of classes, otherwise the last axis times ``categories``."""
        if self.values == "grey":
            return shape
        return (*shape, self.categories) if len(shape) == 2 else (*shape[:-1], shape[-1] * self.categories)

    def log_probs(self, outputs: Array, x: Array) -> Array:
        """Each value's logit minus the log-sum-exp of all."""
        return log_softmax_at(outputs, self._index(x))

    def bias(self, mean: Array) -> Array:
        """For grey levels, the distribution of greatest entropy with this mean, clipped to 0.001…0.999.

        Raises:
            SpecError: for classes, whose mean says nothing about their frequencies.
        """
        if self.values == "whole":
            return super().bias(mean)
        levels = jnp.linspace(0, 1, self.categories).reshape(-1, *[1] * mean.ndim).astype(mean.dtype)

        def mean_of(slope: Array) -> Array:
            return jnp.sum(jax.nn.softmax(slope * levels, axis=0) * levels, axis=0)

        return inverse(mean_of, jnp.clip(mean, FAINTEST, 1 - FAINTEST), -STEEPEST, STEEPEST) * levels

    def mean(self, outputs: Array) -> Array:
        """The expected grey level, or the most probable class."""
        if self.values == "whole":
            return jnp.argmax(outputs, axis=0).astype(outputs.dtype)
        levels = jnp.linspace(0, 1, self.categories, dtype=outputs.dtype)
        return jnp.tensordot(levels, jax.nn.softmax(outputs, axis=0), axes=1)

    def variance(self, outputs: Array) -> Array:
        """Of the grey level; of a class number, which has none, the chance that it is not the most probable one."""
        share = jax.nn.softmax(outputs, axis=0)
        if self.values == "whole":
            return 1 - jnp.max(share, axis=0)
        levels = jnp.linspace(0, 1, self.categories, dtype=outputs.dtype).reshape(-1, *[1] * (outputs.ndim - 1))
        return jnp.sum(share * (levels - self.mean(outputs)) ** 2, axis=0)

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """A class number, or a grey level, for each value."""
        drawn = jr.categorical(key, outputs, axis=0)
        return drawn.astype(outputs.dtype) * (self._top / (self.categories - 1))

    def check(self, values: NDArray[np.floating], shape: tuple[int, ...]) -> None:
        """Refuse whatever is no category; NaN, a missing value, is ignored.

        Raises:
            DataError: naming the value found and those allowed.
        """
        if self.values == "grey":
            check_levels(self, values, self.categories, 'take data of bytes, or the number of its "categories"')
            return
        observed = np.asarray(values)[~np.isnan(values)]
        odd = observed[(observed != np.round(observed)) | (observed < 0) | (observed > self.categories - 1)]
        if len(odd):
            raise DataError(
                f"{likelihoods.name_of(self)} takes the whole numbers 0 to {self.categories - 1}, and the data has "
                f'{float(odd[0]):g}; give its number of "categories", or values = "grey" for levels of 0 to 1'
            )
