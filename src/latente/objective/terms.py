"""The values that go into every objective and come out of it."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import Array

LAST_STEP = 2**30
"""The step of a training that is over: schedules have reached their end."""


class Batch(eqx.Module):
    """Some examples and what an objective may need to know beside them.

    Attributes:
        x: model values, shape (n, *shape); NaN where a value is missing.
        keys: one for each example, shape (n,): all randomness comes from them.
        weight: 1, or 0 for the examples at the end that only fill the batch up, shape (n,).
        context: what the model is conditioned on, shape (n, context_size), or None.
        label: class numbers, −1 where unknown, shape (n,), or None.
        step: training steps done so far, for schedules; a scalar.
        examples: how many examples the whole part has of which this is a batch; a number or a scalar.
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
        """One key for what concerns the batch as a whole; not used for any example."""
        return jr.fold_in(self.keys[0], 0x6261746)

    def count(self) -> Array:
        """How many examples are no filling; the filling is at the end."""
        return jnp.sum(self.weight)


class Terms(eqx.Module):
    """Per-example values in nats, each of shape (n,), summed over dimensions; all are losses, so lower is better.

    Attributes:
        loss: what is minimised.
        reconstruction: −log p(x | z), the distortion.
        kl: KL(q(z | x) ‖ p(z)), the rate; zero where the model has no prior.
        penalties: anything else that the loss adds, by name, before its weight.
    """

    loss: Array
    reconstruction: Array
    kl: Array
    penalties: dict[str, Array] = eqx.field(default_factory=dict)

    def named(self) -> dict[str, Array]:
        """Every term by its name, the loss first."""
        return {"loss": self.loss, "reconstruction": self.reconstruction, "kl": self.kl, **self.penalties}
