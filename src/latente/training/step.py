"""One epoch as a single program to compile: shuffling, every training step, validation, best weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jax import Array

from latente.memory import rows_at_once
from latente.model.autoencoder import Autoencoder
from latente.objective.objectives import Objective
from latente.objective.objectives.base import Opponent
from latente.objective.objectives.m2 import context_of
from latente.objective.terms import Batch
from latente.training.adam import adam
from latente.training.examples import Examples, Scale
from latente.training.order import random_order
from latente.training.store import path_of

VALIDATION_BATCH = 500
"""Examples at a time, fewer if they are large; keys are always made for this many."""


@dataclass(frozen=True)
class Recipe:
    """The settings that are compiled into the program; ``total_steps`` is 0 unless the schedule needs it.

    ``stages`` are (first step, learning rate), in order, for the schedule "stages"; ``frozen`` are the names of what is
    held fixed (see `parted`).
    """

    batch_size: int
    learning_rate: float
    schedule: str
    warmup_steps: int
    total_steps: int
    stages: tuple[tuple[int, float], ...] = ()
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-7
    second_moment: float = 0.0
    clip_norm: float = 0.0
    frozen: tuple[str, ...] = ()

    def rate(self, step: Array | int) -> Array | float:
        """The learning rate at a step, counted from zero."""
        if self.schedule == "constant":
            return self.learning_rate
        if self.schedule == "stages":
            begins, rates = zip(*self.stages, strict=True)
            return jnp.asarray(rates)[jnp.searchsorted(jnp.asarray(begins), step, side="right") - 1]
        schedule = optax.warmup_cosine_decay_schedule(
            0.0, self.learning_rate, self.warmup_steps, max(self.total_steps, self.warmup_steps + 1)
        )
        rate: Array = schedule(step)
        return rate

    def optimizer(self) -> optax.GradientTransformation:
        """Adam, after clipping the gradient's norm if ``clip_norm`` is set."""
        made = adam(self.rate, self.beta1, self.beta2, self.epsilon, self.second_moment)
        return optax.chain(optax.clip_by_global_norm(self.clip_norm), made) if self.clip_norm else made


class Players(eqx.Module):
    """What learns: the model, and the opponent that some objectives train against it."""

    model: Autoencoder
    opponent: Opponent | None


def parted(players: Players, frozen: tuple[str, ...]) -> tuple[Players, Players]:
    """What training changes, and all else: frozen arrays of the model too.

    Args:
        players: the model and its opponent.
        frozen: names of arrays of the model as `latente.training.store.flatten` gives them, or of what they lie in
            ("encoder", "encoder.layers.0").
    """

    def learns(path: tuple[Any, ...], leaf: Any) -> bool:
        return eqx.is_inexact_array(leaf) and not within(path_of(path).removeprefix("model."), frozen)

    if not frozen:
        return eqx.partition(players, eqx.is_inexact_array)
    return eqx.partition(players, jax.tree_util.tree_map_with_path(learns, players))


def within(name: str, places: Iterable[str]) -> bool:
    """Whether an array of this name is one of these places or lies in one."""
    return any(name == place or name.startswith(f"{place}.") for place in places)


class Optimizers(eqx.Module):
    """The states of their optimizers."""

    model: optax.OptState
    opponent: optax.OptState | None


class State(eqx.Module):
    """Everything that training changes."""

    model: Autoencoder
    optimizer: optax.OptState
    opponent: Opponent | None
    opponent_optimizer: optax.OptState | None
    best: Autoencoder | None
    best_loss: Array
    waited: Array


def start(model: Autoencoder, opponent: Opponent | None, recipe: Recipe, *, keep_best: bool) -> State:
    """The state before the first epoch."""
    learns = parted(Players(model, None), recipe.frozen)[0].model
    return State(
        model,
        recipe.optimizer().init(learns),
        opponent,
        None if opponent is None else _opponent_optimizer(opponent).init(eqx.filter(opponent, eqx.is_inexact_array)),
        model if keep_best else None,
        jnp.float32(jnp.inf),
        jnp.int32(0),
    )


def mean_terms(
    objective: Objective,
    model: Autoencoder,
    scale: Scale,
    examples: Examples,
    key: Array,
    opponent: Opponent | None = None,
    step: Array | None = None,
    total: int | None = None,
) -> dict[str, Array]:
    """The mean of every term over examples, by their weights; the random keys depend on ``key`` and position only."""
    most = min(VALIDATION_BATCH, len(examples))
    batches, weights = _batches(jnp.arange(len(examples)), most)
    keys = jr.split(key, batches.shape)
    total = len(examples) if total is None else total

    def terms(index: Array, weight: Array, drawn: Array) -> dict[str, Array]:
        batch = examples.take(index).batch(model, scale, drawn, weight, step=step, total=total)
        return {k: jnp.sum(v * batch.weight) for k, v in objective(model, batch, opponent).named().items()}

    fixed = (objective, model, scale, opponent, examples)
    size = rows_at_once(_summed, fixed, (batches[0], weights[0], keys[0]), most)
    if size < most:
        batches, weights = _batches(jnp.arange(len(examples)), size)
        # Each position keeps its key; padding of the last batch takes any.
        keys = jnp.ravel(keys)[jnp.minimum(jnp.arange(batches.size), keys.size - 1)].reshape(batches.shape)

    def add(sums: dict[str, Array], batch: tuple[Array, Array, Array]) -> tuple[dict[str, Array], None]:
        new = terms(*batch)
        return {k: sums[k] + new[k] for k in sums}, None

    zeros = {k: jnp.zeros(()) for k in eqx.filter_eval_shape(terms, batches[0], weights[0], keys[0])}
    sums, _ = jax.lax.scan(add, zeros, (batches, weights, keys))
    return {k: v / examples.total_weight() for k, v in sums.items()}


def _summed(
    objective: Objective,
    model: Autoencoder,
    scale: Scale,
    opponent: Opponent | None,
    examples: Examples,
    index: Array,
    weight: Array,
    drawn: Array,
) -> dict[str, Array]:
    """What `mean_terms` computes for a batch, to estimate its memory."""
    batch = examples.take(index).batch(model, scale, drawn, weight, total=len(examples))
    return objective(model, batch, opponent).named()


def run_epoch(
    recipe: Recipe,
    objective: Objective,
    state: State,
    scale: Scale,
    train: Examples,
    validation: Examples,
    shown: Examples | None,
    keys: tuple[Array, Array],
    validation_key: Array,
    epoch: Array,
) -> tuple[State, dict[str, Array], Array, Array | None]:
    """Train and validate once.

    Args:
        recipe, objective: what to do; a new value means a new compilation.
        state: of the training so far.
        scale: from stored values to model values.
        train, validation: the examples.
        shown: a few to reconstruct after the epoch, or None.
        keys: of this epoch: for its order, and for the noise at each position.
        validation_key: the same after every epoch, so that epochs differ by their weights alone.
        epoch: epochs done so far; an array, so that every epoch is the same program.

    Returns:
        The next state; the epoch's means ("loss", …, "val_loss", …, "learning_rate"); the first step whose loss
        was not finite, or −1; the reconstructions of ``shown`` from their mean codes.
    """
    optimizer = recipe.optimizer()
    batches, weights = _batches(random_order(keys[0], len(train)), recipe.batch_size)
    noise = jr.split(keys[1], batches.shape)
    learns, fixed = parted(Players(state.model, state.opponent), recipe.frozen)

    def loss(
        model: Autoencoder, others: Players, index: Array, weight: Array, drawn: Array, done: Array
    ) -> tuple[Array, tuple[dict[str, Array], Batch]]:
        players = eqx.combine(Players(model, others.opponent), fixed)
        batch = train.take(index).batch(players.model, scale, drawn, weight, step=done, total=len(train))
        terms = objective(players.model, batch, players.opponent).named()
        sums = {k: jnp.sum(v * batch.weight) for k, v in terms.items()}
        return sums["loss"] / jnp.sum(batch.weight), (sums, batch)

    def step(
        carry: tuple[Players, Optimizers, Array], item: tuple[Array, Array, Array, Array]
    ) -> tuple[tuple[Players, Optimizers, Array], dict[str, Array]]:
        learns, states, bad = carry
        index, weight, drawn, number = item
        done = epoch * len(batches) + number
        grads, (sums, batch) = jax.grad(loss, has_aux=True)(learns.model, learns, index, weight, drawn, done)
        updates, of_model = optimizer.update(grads, states.model, learns.model)
        model = eqx.combine(optax.apply_updates(learns.model, updates), fixed.model)
        opponent, of_opponent = learns.opponent, states.opponent
        if opponent is not None:
            against = eqx.combine(opponent, fixed.opponent)
            assert against is not None
            opponent, of_opponent, its_loss = _opponent_step(against, of_opponent, model, batch)
            sums["opponent_loss"] = its_loss * jnp.sum(batch.weight)
            opponent = eqx.filter(opponent, eqx.is_inexact_array)
        model = parted(Players(objective.after(model, batch), None), recipe.frozen)[0].model
        bad = jnp.where((bad < 0) & ~jnp.isfinite(sums["loss"]), number, bad)
        return (Players(model, opponent), Optimizers(of_model, of_opponent), bad), sums

    (learns, states, bad), sums = jax.lax.scan(
        step,
        (learns, Optimizers(state.optimizer, state.opponent_optimizer), jnp.int32(-1)),
        (batches, weights, noise, jnp.arange(len(batches))),
    )
    players = eqx.combine(learns, fixed)
    model = players.model
    row = {k: jnp.sum(v) / train.total_weight() for k, v in sums.items()}
    done = (epoch + 1) * len(batches)
    means = mean_terms(objective, model, scale, validation, validation_key, players.opponent, done, len(train))
    row |= {f"val_{k}": v for k, v in means.items()}
    row["learning_rate"] = jnp.asarray(recipe.rate(epoch * len(batches)), jnp.float32)

    best, best_loss, waited = state.best, state.best_loss, state.waited
    if best is not None:
        better = (means["loss"] < best_loss) & objective.settled(done)
        kept = parted(Players(best, None), recipe.frozen)[0].model
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), learns.model, kept)
        best = eqx.combine(best, fixed.model)
        best_loss = jnp.where(better, means["loss"], best_loss)
        waited = jnp.where(better | ~objective.settled(done), 0, waited + 1)
    frame = None if shown is None else _reconstructed(model, scale, shown)
    new = State(model, states.model, players.opponent, states.opponent, best, best_loss, waited)
    return new, row, bad, frame


def _opponent_step(
    opponent: Opponent, state: optax.OptState, model: Autoencoder, batch: Batch
) -> tuple[Opponent, optax.OptState, Array]:
    """The opponent after a step against the updated model, its optimizer's state, and its loss before the step."""
    learns, fixed = eqx.partition(opponent, eqx.is_inexact_array)
    loss, grads = jax.value_and_grad(lambda o: eqx.combine(o, fixed).loss(model, batch))(learns)
    updates, state = _opponent_optimizer(opponent).update(grads, state)
    return eqx.combine(optax.apply_updates(learns, updates), fixed), state, loss


def _opponent_optimizer(opponent: Opponent) -> optax.GradientTransformation:
    return optax.adam(opponent.learning_rate, opponent.beta1, opponent.beta2)


def _reconstructed(model: Autoencoder, scale: Scale, shown: Examples) -> Array:
    def one(x: Array, context: Array | None) -> Array:
        context = context_of(model, x, context)
        return model.mean(model.code(x, context), context)

    return jax.vmap(one)(scale(shown.x), shown.context)


def _batches(order: Array, size: int) -> tuple[Array, Array]:
    """Indices and weights, shape (batches, size); the last batch is padded with examples of weight zero."""
    n = len(order)
    count = -(-n // size)
    padded = jnp.concatenate([order, jnp.zeros(count * size - n, order.dtype)])
    weights = (jnp.arange(count * size) < n).astype(jnp.float32)
    return padded.reshape(count, size), weights.reshape(count, size)
