"""The interface of likelihoods p(x | z). One example at a time; log-densities in nats."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.errors import DataError, SpecError
from latente.registry import Registry

likelihoods: Registry[Likelihood] = Registry("likelihood")


class Likelihood(eqx.Module):
    """The family of distributions that a decoder's outputs parametrise.

    Attributes:
        support: lowest and highest value it takes.
        whole: whether it takes whole numbers only.
        observes: whether `observe` changes an example, and so needs noise.
        standardises: whether `residual` is more than a difference of values.
        same_support: whether all values of an example have the same support; if not, `check` needs whole examples.
    """

    support: ClassVar[tuple[float, float]]
    whole: ClassVar[bool] = False
    same_support: ClassVar[bool] = True
    standardises: ClassVar[bool] = False

    @property
    def observes(self) -> bool:
        """False: an example is scored as it is."""
        return False

    def init(self, shape: tuple[int, ...], *, key: Array) -> Self:
        """The likelihood with its learnt arrays initialised for examples of ``shape``."""
        return self

    def start(self, values: Callable[[], NDArray[np.float32]]) -> Self:
        """The likelihood with the statistics that it takes from the training examples before training.

        Args:
            values: returns all of them, model values (n, *shape), NaN for missing values; called only if needed.
        """
        return self

    def fixed_arrays(self) -> tuple[Array, ...]:
        """The arrays that `start` set, which no gradient changes."""
        return ()

    def poisson_values(self) -> NDArray[np.intp]:
        """Which values of an example, shape (values,), have a Poisson likelihood: none."""
        return np.array([], np.intp)

    def category_counts(self, shape: tuple[int, ...]) -> NDArray[np.intp]:
        """How many categories each value of an example has, shape (values,); 0 for numbers, which have a mean."""
        return np.zeros(math.prod(shape), np.intp)

    def legacy_arrays(self) -> dict[str, NDArray[np.float32]]:
        """The arrays that runs written by an older version lack, by field, with the values that such runs used."""
        return {}

    def residual(self, x: Any, mean: Any) -> Any:
        """How far means are from examples, value by value, each in a unit in which squares can be averaged.

        Args:
            x, mean: model values, shape (..., *shape); JAX arrays, or NumPy arrays if this is their difference.
        """
        return mean - x

    def outputs(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the decoder's outputs for examples of ``shape``: one number per value."""
        return (1, *shape)

    def missing_unsupported(self, shape: tuple[int, ...]) -> str:
        """Why missing values of an example of ``shape`` cannot be left out, and what to do; "" if they can."""
        return ""

    def features(self, x: Array) -> Array:
        """The encoder's input for an example: the example itself."""
        return x

    def fill_value(self) -> Array | float:
        """What replaces a missing value before `features`; a scalar, or of the example's shape."""
        return 0.0

    def features_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of `features` for examples of ``shape``."""
        return shape

    def observe(self, x: Array, *, key: Array) -> Array:
        """The example to score, drawn from the stored one (binarised or dequantised)."""
        return x

    def bias(self, mean: Array) -> Array:
        """The outputs, of shape `outputs`, whose `mean` is closest to the training examples' mean.

        Raises:
            SpecError: this likelihood has no such outputs.
        """
        raise SpecError(f"{likelihoods.name_of(self)} does not go with output_bias: its outputs have no known inverse")

    @abstractmethod
    def log_probs(self, outputs: Array, x: Array) -> Array:
        """log p of each value given z, in nats; flat, or of the example's shape."""

    def log_prob(self, outputs: Array, x: Array) -> Array:
        """log p(x | z) in nats, summed over the example; a scalar."""
        return jnp.sum(self.log_probs(outputs, x))

    def log_prob_observed(self, outputs: Array, x: Array) -> Array:
        """log p of the values of x that are not NaN; a scalar."""
        observed = ~jnp.isnan(x)
        filled = jnp.where(observed, x, self.fill_value())
        return jnp.sum(jnp.where(jnp.ravel(observed), jnp.ravel(self.log_probs(outputs, filled)), 0))

    @abstractmethod
    def mean(self, outputs: Array) -> Array:
        """E[x | z], of the example's shape."""

    def variance(self, outputs: Array) -> Array | None:
        """Var[x | z] of each value, of the example's shape; None where it is not known in closed form."""
        return None

    def when_missing(self) -> Likelihood:
        """p(x | z) of a value that is known to be missing: itself, where being missing says nothing about a value."""
        return self

    @abstractmethod
    def sample(self, outputs: Array, *, key: Array) -> Array:
        """One draw from p(x | z), of the example's shape."""

    def check(self, values: NDArray[np.floating], shape: tuple[int, ...]) -> None:
        """Refuse data outside the support; NaN, a missing value, is ignored.

        Args:
            values: model values, of any shape: for bytes only those that occur, else the examples themselves.
            shape: of one example.

        Raises:
            DataError: naming the values found and those allowed.
        """
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        name = likelihoods.name_of(self)
        if low < self.support[0] or high > self.support[1]:
            row = " (and shape = [height, width] where a row is an image)" if len(shape) == 1 else ""
            how = f"scale = 255 for bytes{row}, or " if self.support == (0, 1) and 1 < high <= 255 and low >= 0 else ""
            rescale = "" if self.whole else f'rescale them (in the data: {how}scale = "minmax") or '
            raise DataError(
                f"values from {low:g} to {high:g} are outside what {name} takes, "
                f"{self.support[0]:g} to {self.support[1]:g}; {rescale}"
                'take another likelihood (such as "gaussian")'
            )
        if self.whole:
            odd = values[~np.isnan(values) & (values != np.round(values))]
            if len(odd):
                raise DataError(
                    f"{name} takes whole numbers only, and the data has {float(odd[0]):g}; "
                    'take a likelihood of real numbers (such as "gaussian"), or data of counts with scale "none"'
                )
