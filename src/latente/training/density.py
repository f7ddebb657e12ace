"""Fit a density to codes by maximum likelihood, with early stopping, as one compiled program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jax import Array

from latente.compiling import jit
from latente.errors import TrainingError
from latente.model.options import number, whole

M = TypeVar("M", bound=eqx.Module)
Loss = Callable[[Any, Array, Array], Array]
"""(module, one code, key) to the loss, a scalar in nats."""

HELD_OUT_BATCH = 500


@dataclass(frozen=True)
class DensityRecipe:
    """How long and how fast to train: Adam with a constant ``learning_rate``, stopped after ``patience`` epochs without
    a lower mean loss on the held-out codes, and after ``epochs`` at the latest."""

    epochs: int = 200
    batch_size: int = 128
    learning_rate: float = 1e-3
    patience: int = 10

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience"):
            whole("fitting a prior", name, getattr(self, name))
        number("fitting a prior", "learning_rate", self.learning_rate, low=0, above=True)


def fit_density(
    module: M, loss: Loss, codes: np.ndarray, held_out: np.ndarray, recipe: DensityRecipe, *, key: Array
) -> tuple[M, float]:
    """The module as it was when the mean loss on the held-out codes was lowest, and that loss in nats.

    Args:
        module: where to start; it counts as the first candidate.
        loss: a module-level function rather than a lambda, so that it is compiled only once.
        codes: to learn from, shape (n, …).
        held_out: to stop by, shape (m, …).
        recipe: how long and how fast; a batch is never larger than n.
        key: for the order and the noise; the held-out codes always get the same noise.

    Raises:
        TrainingError: no epoch had a finite loss on the held-out codes.
    """
    recipe = DensityRecipe(recipe.epochs, min(recipe.batch_size, len(codes)), recipe.learning_rate, recipe.patience)
    best, lowest = _fitted(module, loss, jnp.asarray(codes), jnp.asarray(held_out), recipe, key)
    if not np.isfinite(lowest):
        raise TrainingError(
            "fitting a prior: the loss on held-out codes was never finite; try a lower learning_rate "
            f"(now {recipe.learning_rate:g}), or a gaussian-mixture"
        )
    return best, float(lowest)


@jit
def _fitted(module: M, loss: Loss, codes: Array, held_out: Array, recipe: DensityRecipe, key: Array) -> tuple[M, Array]:
    learns, fixed = eqx.partition(module, eqx.is_inexact_array)
    adam = optax.adam(recipe.learning_rate)
    size = recipe.batch_size
    steps = len(codes) // size
    order_key, noise_key, held_key = jr.split(key, 3)
    held_keys = jr.split(held_key, len(held_out))

    def on_held_out(learns: M) -> Array:
        whole = eqx.combine(learns, fixed)
        values = jax.lax.map(lambda v: loss(whole, *v), (held_out, held_keys), batch_size=HELD_OUT_BATCH)
        mean: Array = jnp.mean(values)
        return mean

    def step(carry: Any, item: tuple[Array, Array]) -> tuple[Any, None]:
        learns, state = carry
        index, key = item

        def mean(learns: M) -> Array:
            whole = eqx.combine(learns, fixed)
            return jnp.mean(jax.vmap(lambda z, k: loss(whole, z, k))(codes[index], jr.split(key, size)))

        updates, state = adam.update(jax.grad(mean)(learns), state)
        return (optax.apply_updates(learns, updates), state), None

    def epoch(carry: Any) -> Any:
        learns, state, best, lowest, waited, done = carry
        # The few codes that do not fill a batch are different ones in every epoch.
        order = jnp.argsort(jr.bits(jr.fold_in(order_key, done), (len(codes),)))[: steps * size].reshape(steps, size)
        (learns, state), _ = jax.lax.scan(step, (learns, state), (order, jr.split(jr.fold_in(noise_key, done), steps)))
        loss_now = on_held_out(learns)
        better = loss_now < lowest
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), learns, best)
        return learns, state, best, jnp.where(better, loss_now, lowest), jnp.where(better, 0, waited + 1), done + 1

    def goes_on(carry: Any) -> Array:
        more: Array = (carry[5] < recipe.epochs) & (carry[4] < recipe.patience)
        return more

    first = on_held_out(learns)
    first = jnp.where(jnp.isfinite(first), first, jnp.inf)
    carry = (learns, adam.init(learns), learns, first, jnp.int32(0), jnp.int32(0))
    _, _, best, lowest, _, _ = jax.lax.while_loop(goes_on, epoch, carry)
    found: Array = lowest
    return eqx.combine(best, fixed), found
