"""The importance-weighted bound on −log p(x): how likely a model finds examples, in nats (Burda et al. 2016)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors import posteriors
from latente.model.priors import priors
from latente.objective.terms import Batch
from latente.training.examples import Examples, Scale

SAMPLES = 1000
MEMORY = 64 * 2**20
"""Bytes that the decoded values of one step may take; some four times of it is used at the worst moment."""
IMAGES = 100
LOW = 0.05
"""Where the effective sample size is below this share of K for a tenth of the examples, K is called too small."""


@dataclass(frozen=True)
class Bound:
    """−log p(x) of each example, from above.

    Attributes:
        values: −log (1/K) Σ p(x, z_k) / q(z_k | x), nats, shape (n,); its expectation is at least −log p(x) and falls
            with K.
        effective: effective sample size (Σ w)² / Σ w² of each example, 1 to K, shape (n,).
        samples: K.
    """

    values: NDArray[np.float64]
    effective: NDArray[np.float64]
    samples: int

    @property
    def mean(self) -> float:
        """Mean over examples, in nats."""
        return float(self.values.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean over examples."""
        return float(self.values.std(ddof=1) / math.sqrt(len(self.values))) if len(self.values) > 1 else 0.0

    @property
    def loose(self) -> bool:
        """Whether K is too small: for a tenth of the examples fewer than `LOW` · K draws carry the estimate."""
        return float(np.quantile(self.effective, 0.1)) < LOW * self.samples


def nll(
    model: Autoencoder,
    scale: Scale,
    examples: Examples,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    memory: int = MEMORY,
    on_batch: Callable[[int, int], object] | None = None,
) -> Bound:
    """The bound for each example, with K = ``samples`` codes drawn from its posterior.

    The same keys every time: equal models get equal numbers. Data that the likelihood binarises is binarised once,
    by the same seed.

    Args:
        model, scale, examples: what to score.
        samples: K.
        seed: of the draws.
        memory: see `MEMORY`; more codes at once, up to K, are decoded where it allows.
        on_batch: called with (examples done, of how many).

    Raises:
        SpecError: K below one, or a posterior or prior without a density.
    """
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise SpecError(f"samples: got {samples!r}; allowed: a whole number of at least 1")
    if model.posterior.kind != "density" or model.prior.space == "any":
        raise SpecError(
            f"a bound on −log p(x) needs a density of codes: {posteriors.name_of(model.posterior)} with "
            f"{priors.name_of(model.prior)} has none; compare such models by reconstruction error"
        )
    if model.classifier is not None:
        raise SpecError("a bound on −log p(x) is not known for a model that sums over labels (objective m2)")
    size = min(IMAGES, len(examples))
    width = math.prod(model.likelihood.outputs(model.shape)) * 4
    at_once = max(1, min(samples, memory // (size * width)))
    steps = math.ceil(samples / at_once)
    values, effective = [], []
    key = jr.fold_in(jr.key(seed), 0x6E6C6C)
    for at in range(0, len(examples), size):
        index = np.arange(at, at + size)
        batch = examples.take(jnp.asarray(np.where(index < len(examples), index, 0)))
        keys = jax.vmap(lambda i: jr.fold_in(key, i))(jnp.asarray(index))
        found = _bound(model, scale, batch, keys, jnp.int32(samples), at_once, steps)
        values.append(np.asarray(found[0], np.float64)[: len(examples) - at])
        effective.append(np.asarray(found[1], np.float64)[: len(examples) - at])
        if on_batch is not None:
            on_batch(min(at + size, len(examples)), len(examples))
    return Bound(np.concatenate(values), np.concatenate(effective), samples)


@eqx.filter_jit
def _bound(
    model: Autoencoder, scale: Scale, examples: Examples, keys: Array, samples: Array, at_once: int, steps: int
) -> tuple[Array, Array]:
    batch: Batch = examples.batch(model, scale, keys, jnp.ones(len(examples)))
    outputs = jax.vmap(model.encode)(batch.x, batch.context)
    prior = model.prior.given(model)

    def weight(x: Array, context: Array | None, out: Array, key: Array) -> Array:
        z, log_q = model.posterior.draw(out, key=key)
        return model.log_prob(z, x, context) + prior.log_prob(z) - log_q

    def step(carry: tuple[Array, Array, Array], number: Array) -> tuple[tuple[Array, Array, Array], None]:
        highest, total, squares = carry
        drawn = jax.vmap(lambda key: jr.split(jr.fold_in(key, number), at_once))(batch.keys)
        each = jax.vmap(weight, in_axes=(None, None, None, 0))
        log_w = jax.vmap(each)(batch.x, batch.context, outputs, drawn)
        # The last step draws more than are needed: those beyond K weigh nothing.
        used = number * at_once + jnp.arange(at_once) < samples
        log_w = jnp.where(used, log_w, -jnp.inf)
        top = jnp.maximum(highest, log_w.max(axis=1))
        shrink = jnp.exp(highest - top)
        w = jnp.exp(log_w - top[:, None])
        return (top, total * shrink + w.sum(axis=1), squares * shrink**2 + (w**2).sum(axis=1)), None

    n = len(examples)
    begin = (jnp.full(n, -jnp.inf), jnp.zeros(n), jnp.zeros(n))
    (top, total, squares), _ = jax.lax.scan(step, begin, jnp.arange(steps))
    return -(top + jnp.log(total) - jnp.log(samples)), total**2 / squares
