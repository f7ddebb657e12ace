"""The terms of a model's loss for rows of any origin, which depend on a row alone and not on its place."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit
from latente.evaluation.batching import filled
from latente.evaluation.latent import predicted_class
from latente.memory import rows_at_once
from latente.model.autoencoder import Autoencoder
from latente.objective.objectives import Objective
from latente.objective.objectives.base import Opponent
from latente.spec import check_seed
from latente.training.examples import Examples, Scale

BATCH = 500
"""At most so many rows at a time."""
SAMPLES = 10
"""Codes drawn for each row."""
LEAST = 32
"""The smallest number of rows that a program is compiled for; others are powers of two."""


def bucket(n: int, most: int) -> int:
    """How many of n rows to process at a time: a power of two of at least `LEAST`, so that one program serves data of
    many sizes; at most ``most``."""
    return min(most, max(LEAST, 1 << (n - 1).bit_length()))


def row_terms(
    model: Autoencoder,
    objective: Objective,
    x: NDArray[np.float32],
    context: NDArray[np.float32] | None = None,
    *,
    opponent: Opponent | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, NDArray[np.float32]]:
    """Loss, reconstruction and KL of each row in nats, shape (n,), as means over codes drawn from its posterior.

    The evidence lower bound of a row is −(reconstruction + kl). Every row is given the same random numbers, which
    `latente.evaluation.evaluate.per_example` does not do: a row's terms do not depend on those around it, but for the
    loss of objectives that compare the rows of a batch.

    Args:
        model, objective, opponent: as they were trained.
        x: model values, shape (n, *shape); NaN for missing values.
        context: what a conditional model is given, shape (n, context_size); a classifier's own class without it.
        samples: codes drawn for each row; one for a deterministic model.
        seed: of what is drawn.
    """
    if model.posterior.kind == "point" and not model.likelihood.observes:
        samples = 1
    if context is None:
        context = predicted_class(model, x)
    key, size = jr.key(check_seed(seed)), bucket(len(x), BATCH)
    shape = (size, *x.shape[1:])
    rows = (
        jax.ShapeDtypeStruct(shape, np.float32),  # type: ignore[no-untyped-call]
        None if context is None else context[:1].repeat(size, axis=0),
    )
    size = rows_at_once(_once, (model, objective, opponent, key), rows, size)
    parts = []
    for at, index in filled(len(x), size):
        batch = jnp.asarray(np.asarray(x[index], np.float32))
        given = None if context is None else jnp.asarray(context[index])
        found = _terms(model, objective, opponent, key, batch, given, samples)
        parts.append({k: np.asarray(v)[: len(x) - at] for k, v in found.items()})
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


def _mean_terms(
    model: Autoencoder,
    objective: Objective,
    opponent: Opponent | None,
    key: Array,
    x: Array,
    context: Array | None,
    samples: int,
) -> dict[str, Array]:
    scale = Scale(jnp.ones(()), jnp.zeros(()), False)
    weight = jnp.ones(len(x))

    def draw(sums: dict[str, Array], number: Array) -> tuple[dict[str, Array], None]:
        keys = jnp.broadcast_to(jr.fold_in(key, number), (len(x),))
        terms = objective(model, Examples(x, context).batch(model, scale, keys, weight), opponent)
        new = {"loss": terms.loss, "reconstruction": terms.reconstruction, "kl": terms.kl}
        return {k: sums[k] + new[k] for k in sums}, None

    zeros = {k: jnp.zeros(len(x)) for k in ("loss", "reconstruction", "kl")}
    sums, _ = jax.lax.scan(draw, zeros, jnp.arange(samples))
    return {k: v / samples for k, v in sums.items()}


_terms = jit(_mean_terms)


def _once(
    model: Autoencoder, objective: Objective, opponent: Opponent | None, key: Array, x: Array, context: Array | None
) -> dict[str, Array]:
    """`_mean_terms` of one draw, to see how much it takes."""
    return _mean_terms(model, objective, opponent, key, x, context, 1)
