"""Per-example values of a trained model on one part of its data, and their means with standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import Bernoulli
from latente.model.posteriors import Dirac
from latente.objective.objectives import Objective
from latente.training.step import Scale

METRICS = ("loss", "reconstruction", "kl", "bce_per_pixel", "mse", "bits_per_dim")
SAMPLES = 10
"""Codes drawn for each example; the keys are fixed, so that the same model always gets the same numbers."""
BATCH = 500

PerExample = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Metric:
    """A mean over examples and its standard error (standard deviation / √n)."""

    value: float
    standard_error: float


def per_example(
    model: Autoencoder, objective: Objective, scale: Scale, x: NDArray[np.generic], samples: int = SAMPLES
) -> PerExample:
    """Every metric of `METRICS` for each stored example x, shape (n, *shape); each value of shape (n,).

    All are means over ``samples`` codes drawn from the posterior (one for a deterministic code), as in training:
    loss, reconstruction and kl in nats; bce_per_pixel in nats a value (with the Bernoulli likelihood only);
    mse of the decoder's mean, a value; bits_per_dim = loss / (values · ln 2).
    """
    samples = 1 if isinstance(model.posterior, Dirac) else samples
    parts = []
    for at in range(0, len(x), BATCH):
        batch = x[at : at + BATCH]
        fill = np.zeros((min(BATCH, len(x)) - len(batch), *x.shape[1:]), x.dtype)
        padded = jnp.asarray(np.concatenate([batch, fill]))
        values = _batch(model, objective, scale, padded, jnp.int32(at), samples)
        parts.append({k: np.asarray(v)[: len(batch)] for k, v in values.items()})
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


def summarise(values: PerExample) -> dict[str, Metric]:
    """Mean and standard error of every metric, summed in double precision."""
    return {k: mean_and_error(v) for k, v in values.items()}


def mean_and_error(values: NDArray[np.floating]) -> Metric:
    """Mean of values of shape (n,) and its standard error; zero for a single value."""
    v = np.asarray(values, np.float64)
    error = float(v.std(ddof=1) / math.sqrt(len(v))) if len(v) > 1 else 0.0
    return Metric(float(v.mean()), error)


@eqx.filter_jit
def _batch(
    model: Autoencoder, objective: Objective, scale: Scale, x: Array, at: Array, samples: int
) -> dict[str, Array]:
    x = scale(x)
    values = math.prod(model.shape)
    key = jr.fold_in(jr.key(0), at)

    def squared_error(x: Array, key: Array) -> Array:
        z = model.posterior.sample(model.encode(x), key=key)
        return jnp.mean((model.mean(z) - x) ** 2)

    def draw(sums: dict[str, Array], number: Array) -> tuple[dict[str, Array], None]:
        keys = jr.split(jr.fold_in(key, number), len(x))
        terms = objective(model, x, keys=keys)
        # The objective's keys, so that both score the same codes and the compiler shares the work.
        mse = jax.vmap(squared_error)(x, keys)
        new = {"loss": terms.loss, "reconstruction": terms.reconstruction, "kl": terms.kl, "mse": mse}
        return {k: sums[k] + new[k] for k in sums}, None

    zeros = {k: jnp.zeros(len(x)) for k in ("loss", "reconstruction", "kl", "mse")}
    sums, _ = jax.lax.scan(draw, zeros, jnp.arange(samples))
    found = {k: v / samples for k, v in sums.items()}
    if isinstance(model.likelihood, Bernoulli):
        found["bce_per_pixel"] = found["reconstruction"] / values
    found["bits_per_dim"] = found["loss"] / (values * math.log(2))
    return {k: found[k] for k in METRICS if k in found}
