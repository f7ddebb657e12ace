"""Examples on the device: stored values, the context that the model is conditioned on, and labels."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.data.split import Data, Split
from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.objective.terms import LAST_STEP, Batch
from latente.spec import ModelSpec

OBSERVED = 0x6F6273
"""Folded into an example's key for the noise of `Likelihood.observe`, so that it differs from the objective's own."""


class Scale(eqx.Module):
    """From stored values (uint8 or float32) to model values."""

    multiplier: Array
    offset: Array
    clip: bool = eqx.field(static=True)

    def __call__(self, x: Array) -> Array:
        """float32 model values of the shape of x."""
        values = x.astype(jnp.float32) * self.multiplier + self.offset
        return jnp.clip(values, 0, 1) if self.clip else values


def stored(data: Data, x: NDArray[Any]) -> Array:
    """Stored examples on the device; float64, in which nothing is computed, is converted to model values."""
    return jnp.asarray(data.values(x) if x.dtype == np.float64 else x)


def scale_of(data: Data) -> Scale:
    """The scale from a data set's `stored` values to model values."""
    if data.train.x.dtype == np.float64:
        return Scale(jnp.ones(()), jnp.zeros(()), False)
    return Scale(jnp.asarray(data.multiplier), jnp.asarray(data.offset), data.clip)


class Examples(eqx.Module):
    """Examples of a data set.

    Attributes:
        x: stored values, shape (n, *shape).
        context: what a conditional model is conditioned on, shape (n, context_size), or None.
        label: class numbers, shape (n,), or None; −1, or any other number that is no class, is an unknown label.
        weight: how much each counts in means over examples, shape (n,), above zero; None: all alike.
    """

    x: Array
    context: Array | None = None
    label: Array | None = None
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    def total_weight(self) -> Array | int:
        """The sum of the weights; the number of examples where all count alike."""
        return len(self.x) if self.weight is None else jnp.sum(self.weight)

    def take(self, index: Array | slice) -> Examples:
        """The examples at these indices, or in this slice."""
        rest = (None if a is None else a[index] for a in (self.context, self.label, self.weight))
        return Examples(self.x[index], *rest)

    def batch(
        self,
        model: Autoencoder,
        scale: Scale,
        keys: Array,
        weight: Array,
        *,
        step: Array | None = None,
        total: Array | int | None = None,
    ) -> Batch:
        """All examples as the objective sees them: scaled, and binarised if the likelihood does that."""
        x = scale(self.x)
        if model.likelihood.observes:
            noise = observed_keys(keys)
            x = jax.vmap(lambda x, key: model.likelihood.observe(x, key=key))(x, noise)
        step = jnp.int32(LAST_STEP) if step is None else step
        weight = weight if self.weight is None else weight * self.weight
        return Batch(x, keys, weight, self.context, self.label, step, len(self.x) if total is None else total)


def observed_keys(keys: Array) -> Array:
    """From each example's key the key for `Likelihood.observe`."""
    folded: Array = jax.vmap(lambda key: jr.fold_in(key, OBSERVED))(keys)
    return folded


def check_condition(spec: ModelSpec, data: Data) -> None:
    """Refuse a condition that the data does not have.

    Raises:
        SpecError: naming what is missing.
    """
    if spec.condition == "labels" and not data.classes:
        raise SpecError(f'condition = "labels": {data.name} has no labels; take condition = "none"')
    if spec.condition == "labels" and len(data.classes) < 2:
        raise SpecError(
            f'condition = "labels": all of {data.name} have one label, which says nothing; take condition = "none"'
        )
    if spec.condition == "columns" and not data.columns:
        raise SpecError(
            f'condition = "columns": {data.name} was read without condition columns; '
            'name them where the data is read (condition = ["age", "sex"]), or take condition = "labels"'
        )


def examples_of(data: Data, part: Split, spec: ModelSpec, labelled: float = 0.0, seed: int = 0) -> Examples:
    """A part of a data set for a model.

    Args:
        data, part: where the examples come from.
        spec: says what the model is conditioned on.
        labelled: share of each class whose labels are visible; the others are −1. Zero, as for everything but training
            steps, gives no labels at all, so that a model is evaluated on what it makes of the example alone.
        seed: of the choice of visible labels.
    """
    context = None
    if spec.condition == "labels":
        assert part.y is not None
        context = jnp.asarray(np.eye(len(data.classes), dtype=np.float32)[part.y])
    elif spec.condition == "columns":
        context = jnp.asarray(part.context)
    label = None if part.y is None or not labelled else jnp.asarray(_partly_hidden(part.y, labelled, seed))
    return Examples(stored(data, part.x), context, label, None if part.weight is None else jnp.asarray(part.weight))


def _partly_hidden(y: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int32]:
    shown = np.asarray(y, np.int32).copy()
    if share >= 1:
        return shown
    rng = np.random.default_rng(seed)
    for c in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == c))
        shown[members[max(1, round(share * len(members))) :]] = -1
    return shown
