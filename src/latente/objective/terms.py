"""The input and output of every objective: a `Batch` and its `Terms`."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import Array

LAST_STEP = 2**30
"""The step after training: schedules have reached their end."""


class Batch(eqx.Module):
    """A batch of examples, and what else an objective may need.

    Attributes:
        x: model values, shape (n, *shape); NaN for missing values.
        keys: one per example, shape (n,): the only source of randomness.
        weight: how much each counts, 1 unless the data has weights; 0 for padding at the end of the batch, shape (n,).
        context: what the model is conditioned on, shape (n, context_size), or None.
        label: class numbers, −1 if unknown, shape (n,), or None.
        step: training steps done so far, for schedules; a scalar.
        examples: the size of the data set from which the batch comes; a number or a scalar.
    """

    x: Array
    keys: Array
    weight: Array
    context: Array | None
    label: Array | None
    step: Array
    examples: Array | int

    @property
    def key(self) -> Array:
        """A key for the batch as a whole; no example uses it."""
        return jr.fold_in(self.keys[0], 0x6261746)

    def count(self) -> Array:
        """The sum of the weights: without weights of the data's own, the number of examples without padding."""
        return jnp.sum(self.weight)


class Terms(eqx.Module):
    """Per-example values in nats, each of shape (n,), summed over dimensions; all are losses, so lower is better.

    Attributes:
        loss: what is minimised.
        reconstruction: −log p(x | z), the distortion.
        kl: KL(q(z | x) ‖ p(z)), the rate; zero if the model has no prior.
        penalties: all other terms of the loss, by name, before they are weighted.
    """

    loss: Array
    reconstruction: Array
    kl: Array
    penalties: dict[str, Array] = eqx.field(default_factory=dict)

    def named(self) -> dict[str, Array]:
        """Every term by its name, the loss first."""
        return {"loss": self.loss, "reconstruction": self.reconstruction, "kl": self.kl, **self.penalties}
