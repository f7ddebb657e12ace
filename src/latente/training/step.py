"""One epoch as one compiled program: shuffle, every training step, validation, best weights."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.objective.objectives import Objective

VALIDATION_BATCH = 500


@dataclass(frozen=True)
class Recipe:
    """What the compiled program is specialised to; ``total_steps`` where the schedule needs it, else 0."""

    batch_size: int
    learning_rate: float
    schedule: str
    warmup_steps: int
    total_steps: int
    unroll: int = 1

    def rate(self, step: Array | int) -> Array | float:
        """The learning rate at a step, counted from zero."""
        if self.schedule == "constant":
            return self.learning_rate
        schedule = optax.warmup_cosine_decay_schedule(
            0.0, self.learning_rate, self.warmup_steps, max(self.total_steps, self.warmup_steps + 1)
        )
        rate: Array = schedule(step)
        return rate

    def optimizer(self) -> optax.GradientTransformation:
        """Adam with Keras's ε of 1e-7."""
        return optax.adam(self.rate, eps=1e-7)


class Scale(eqx.Module):
    """From stored values (uint8 or float32) to model values."""

    multiplier: Array
    offset: Array
    clip: bool = eqx.field(static=True)

    def __call__(self, x: Array) -> Array:
        """float32 model values of the shape of x."""
        values = x.astype(jnp.float32) * self.multiplier + self.offset
        return jnp.clip(values, 0, 1) if self.clip else values


class State(eqx.Module):
    """Everything that training changes."""

    model: Autoencoder
    optimizer: optax.OptState
    best: Autoencoder | None
    best_loss: Array
    waited: Array


def start(model: Autoencoder, recipe: Recipe, *, keep_best: bool) -> State:
    """The state before the first epoch."""
    optimizer = recipe.optimizer().init(eqx.filter(model, eqx.is_inexact_array))
    return State(model, optimizer, model if keep_best else None, jnp.float32(jnp.inf), jnp.int32(0))


def mean_terms(objective: Objective, model: Autoencoder, scale: Scale, x: Array, key: Array) -> dict[str, Array]:
    """Mean of every term over stored examples x, shape (n, *shape); the keys are fixed by ``key`` and position."""
    batches, weights = _batches(jnp.arange(len(x)), min(VALIDATION_BATCH, len(x)))
    keys = jr.split(key, batches.shape)

    def add(sums: dict[str, Array], batch: tuple[Array, Array, Array]) -> tuple[dict[str, Array], None]:
        index, weight, drawn = batch
        terms = objective(model, scale(x[index]), keys=drawn).named()
        return {k: sums[k] + jnp.sum(terms[k] * weight) for k in sums}, None

    shapes = eqx.filter_eval_shape(lambda: objective(model, scale(x[:1]), keys=keys[0, :1]).named())
    zeros = {k: jnp.zeros(()) for k in shapes}
    sums, _ = jax.lax.scan(add, zeros, (batches, weights, keys))
    return {k: v / len(x) for k, v in sums.items()}


@eqx.filter_jit
def run_epoch(
    recipe: Recipe,
    objective: Objective,
    state: State,
    scale: Scale,
    train: Array,
    validation: Array,
    shown: Array | None,
    keys: tuple[Array, Array],
    validation_key: Array,
    epoch: Array,
) -> tuple[State, dict[str, Array], Array, Array | None]:
    """Train and validate once.

    Args:
        recipe, objective: what to do; a new value means a new compilation.
        state: where training stands.
        scale: brings stored values to model values.
        train, validation: stored examples, shape (n, *shape), uint8 or float32.
        shown: a few stored examples to reconstruct after the epoch, or None.
        keys: the epoch's: of its order, and of the noise of each place in it.
        validation_key: the same after every epoch, so that epochs differ by their weights alone.
        epoch: epochs done so far; an array, so that every epoch is the same program.

    Returns:
        The next state; the epoch's means ("loss", …, "val_loss", …, "learning_rate"); the first step whose loss
        was not finite, or −1; the reconstructions of ``shown`` from their mean codes.
    """
    optimizer = recipe.optimizer()
    # One sort, where jr.permutation makes two and a hundred more kernels to compile.
    order = jnp.argsort(jr.bits(keys[0], (len(train),)))
    batches, weights = _batches(order, recipe.batch_size)
    noise = jr.split(keys[1], batches.shape)
    learnt, fixed = eqx.partition(state.model, eqx.is_inexact_array)

    def loss(learnt: Autoencoder, x: Array, weight: Array, drawn: Array) -> tuple[Array, dict[str, Array]]:
        terms = objective(eqx.combine(learnt, fixed), x, keys=drawn).named()
        sums = {k: jnp.sum(v * weight) for k, v in terms.items()}
        return sums["loss"] / jnp.sum(weight), sums

    def step(
        carry: tuple[Autoencoder, optax.OptState, Array], batch: tuple[Array, Array, Array, Array]
    ) -> tuple[tuple[Autoencoder, optax.OptState, Array], dict[str, Array]]:
        learnt, opt_state, bad = carry
        index, weight, drawn, number = batch
        grads, sums = jax.grad(loss, has_aux=True)(learnt, scale(train[index]), weight, drawn)
        updates, opt_state = optimizer.update(grads, opt_state, learnt)
        learnt = optax.apply_updates(learnt, updates)
        bad = jnp.where((bad < 0) & ~jnp.isfinite(sums["loss"]), number, bad)
        return (learnt, opt_state, bad), sums

    numbers = jnp.arange(len(batches))
    carry, sums = jax.lax.scan(
        step, (learnt, state.optimizer, jnp.int32(-1)), (batches, weights, noise, numbers), unroll=recipe.unroll
    )
    learnt, opt_state, bad = carry
    model = eqx.combine(learnt, fixed)
    row = {k: jnp.sum(v) / len(train) for k, v in sums.items()}
    seen = mean_terms(objective, model, scale, validation, validation_key)
    row |= {f"val_{k}": v for k, v in seen.items()}
    row["learning_rate"] = jnp.asarray(recipe.rate(epoch * len(batches)), jnp.float32)

    best, best_loss, waited = state.best, state.best_loss, state.waited
    if best is not None:
        better = seen["loss"] < best_loss
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), learnt, eqx.filter(best, eqx.is_array))
        best = eqx.combine(best, fixed)
        best_loss = jnp.where(better, seen["loss"], best_loss)
        waited = jnp.where(better, 0, waited + 1)
    frame = None if shown is None else jax.vmap(lambda x: model.mean(model.code(x)))(scale(shown))
    return State(model, opt_state, best, best_loss, waited), row, bad, frame


def _batches(order: Array, size: int) -> tuple[Array, Array]:
    """Indices and weights, shape (batches, size); the last batch is filled up with examples of weight zero."""
    n = len(order)
    count = -(-n // size)
    padded = jnp.concatenate([order, jnp.zeros(count * size - n, order.dtype)])
    weights = (jnp.arange(count * size) < n).astype(jnp.float32)
    return padded.reshape(count, size), weights.reshape(count, size)
