"""Per-example values of a trained model on one part of its data, and their means with standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit, uncompiled
from latente.evaluation.batching import filled
from latente.memory import rows_at_once
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.objective.objectives import Objective
from latente.objective.objectives.base import Opponent
from latente.training.examples import Examples, Scale

METRICS = ("loss", "reconstruction", "kl", "bce_per_pixel", "mse", "bits_per_dim")
BY_VALUE = ("bce_per_pixel", "mse", "bits_per_dim")
"""Those that are means over an example's values: the ones that are there."""
SAMPLES = 10
"""Codes drawn for each example; the keys are fixed, so that the same model always gets the same numbers."""
BATCH = 500
"""At most so many examples at a time, fewer where they are large (see `latente.memory`); the keys are made for
so many, so that an example's are the same in any batch."""

PerExample = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Metric:
    """A mean over examples and its standard error (standard deviation / √n)."""

    value: float
    standard_error: float


def per_example(
    model: Autoencoder,
    objective: Objective,
    scale: Scale,
    examples: Examples,
    samples: int = SAMPLES,
    opponent: Opponent | None = None,
) -> PerExample:
    """Every metric of `METRICS` for each example; each value of shape (n,).

    All are means over ``samples`` codes drawn from the posterior (one for a deterministic code), as in training:
    loss, reconstruction and kl in nats; bce_per_pixel in nats a value (with the Bernoulli likelihood only);
    mse of the decoder's mean, a value; bits_per_dim = loss / (values · ln 2). Values that are missing are not counted,
    and of an example that has none, these three are NaN.

    They depend on an example and its place alone, but for objectives that compare the examples of a batch (see
    `Objective.by_example`): those see as many together as are worked on at a time.
    """
    samples = 1 if model.posterior.kind == "point" and not model.likelihood.observes else samples
    n, block = len(examples), min(BATCH, len(examples))
    fixed = (model, objective, opponent, scale)
    size = rows_at_once(_one_draw, fixed, (examples, jnp.ones(n, bool)), block)
    parts = []
    for first in range(0, n, block):
        last = min(first + block, n)
        for at, index in filled(last - first, size):
            batch, real = (
                examples.take(jnp.asarray(first + index)),
                jnp.asarray(np.arange(at, at + size) < last - first),
            )
            values = _batch(*fixed, batch, real, jnp.int32(first), jnp.int32(at), jnp.int32(n), samples, block)
            parts.append({k: np.asarray(v)[: last - first - at] for k, v in values.items()})
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


def summarise(values: PerExample) -> dict[str, Metric]:
    """Mean and standard error of every metric, summed in double precision.

    Examples without a single value are left out of the means over values (`BY_VALUE`).
    """
    found = {k: mean_and_error(v) for k, v in values.items()}
    for k in BY_VALUE:
        if k in values and (empty := np.isnan(values[k]) & np.isfinite(values["loss"])).any() and not empty.all():
            found[k] = mean_and_error(values[k][~empty])
    return found


def mean_and_error(values: NDArray[np.floating]) -> Metric:
    """Mean of values of shape (n,) and its standard error; zero for a single value."""
    v = np.asarray(values, np.float64)
    error = float(v.std(ddof=1) / math.sqrt(len(v))) if len(v) > 1 else 0.0
    return Metric(float(v.mean()), error)


def _one_draw(*given: Any) -> dict[str, Array]:
    """`_batch` of its first six arguments, to see how much it takes; more samples take no more."""
    none, batch = jnp.int32(0), cast(Callable[..., dict[str, Array]], uncompiled(_batch))
    return batch(*given, none, none, none, 1, len(given[4]))


@jit
def _batch(
    model: Autoencoder,
    objective: Objective,
    opponent: Opponent | None,
    scale: Scale,
    examples: Examples,
    real: Array,
    first: Array,
    offset: Array,
    total: Array,
    samples: int,
    block: int,
) -> dict[str, Array]:
    """Some examples of a block that begins at the place ``first``, from ``offset`` on in it."""
    values: int | Array = math.prod(model.shape)
    if model.missing:
        there = jnp.sum(~jnp.isnan(scale(examples.x)), axis=range(1, examples.x.ndim))
        values = jnp.where(there > 0, there, jnp.nan)
    key = jr.fold_in(jr.key(0), first)
    weight = real.astype(jnp.float32)

    def squared_error(x: Array, context: Array | None, key: Array) -> Array:
        z = model.posterior.sample(model.encode(x, context), key=key)
        error = model.likelihood.residual(x, model.mean(z, context)) ** 2
        return jnp.nanmean(error) if model.missing else jnp.mean(error)

    def draw(sums: dict[str, Array], number: Array) -> tuple[dict[str, Array], None]:
        keys = jr.split(jr.fold_in(key, number), block)
        if block > len(examples):
            keys = keys[jnp.minimum(offset + jnp.arange(len(examples)), block - 1)]
        batch = examples.batch(model, scale, keys, weight, total=total)
        terms = objective(model, batch, opponent)
        # The objective's keys, so that both score the same codes and the compiler shares the work.
        mse = jax.vmap(squared_error)(batch.x, batch.context, keys)
        new = {"loss": terms.loss, "reconstruction": terms.reconstruction, "kl": terms.kl, "mse": mse}
        return {k: sums[k] + new[k] for k in sums}, None

    zeros = {k: jnp.zeros(len(examples)) for k in ("loss", "reconstruction", "kl", "mse")}
    sums, _ = jax.lax.scan(draw, zeros, jnp.arange(samples))
    found = {k: v / samples for k, v in sums.items()}
    if isinstance(model.likelihood, Bernoulli):
        found["bce_per_pixel"] = found["reconstruction"] / values
    found["bits_per_dim"] = found["loss"] / (values * math.log(2))
    return {k: found[k] for k in METRICS if k in found}
