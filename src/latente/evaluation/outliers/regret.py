"""Likelihood regret: how much better than its encoder a model could do on one example."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit
from latente.evaluation.batching import OnBatch, batches, codes_within, encoded_at_once
from latente.evaluation.likelihood.importance import log_weight
from latente.memory import ROWS_MEMORY
from latente.model.autoencoder import Autoencoder
from latente.training.examples import Examples, Scale

STEPS = 60
"""Steps of Adam for each example; the rate falls from `RATE` to zero as a cosine."""
RATE = 0.1
"""In units of the posterior's outputs, which for a Gaussian are its means and log-variances."""
DRAWS = 4
"""Codes drawn for each gradient, anew at every step."""
JUDGED = 64
"""Codes by which both posteriors are judged, drawn by the same noise."""
AT_ONCE = 250
"""At most so many examples at a time, each with `JUDGED` codes; fewer of both where they are large."""


def regret(
    model: Autoencoder,
    scale: Scale,
    examples: Examples,
    *,
    steps: int = STEPS,
    seed: int = 0,
    on_batch: OnBatch | None = None,
) -> NDArray[np.float64]:
    """max_τ ELBO(x; τ) − ELBO(x; encoder's τ) of each example, nats, shape (n,).

    The decoder is kept and the posterior's parameters τ are fitted to each example by itself (Xiao, Yan & Amit 2020,
    arXiv:2003.02977, who fit the encoder's weights instead; its outputs are all that the ELBO sees of them). It is the
    logarithm of a ratio of likelihoods, of the best posterior that the model knows and of its own, so that what every
    posterior must pay, such as the example's complexity, cancels. The fit ends some hundredths of a nat a latent from
    its optimum, so that the regret of a perfect encoder is so little below zero.

    Args:
        model, scale, examples: what to score; the posterior must have a density.
        steps: of the fit.
        seed: of the draws; equal seeds give equal numbers.
        on_batch: called with (examples done, of how many).
    """
    codes = codes_within(model, ROWS_MEMORY)
    together = max(1, min(JUDGED, codes))
    size = encoded_at_once(model, examples, max(1, min(AT_ONCE, len(examples), codes // JUDGED)))
    found = []
    for at, batch, keys in batches(examples, size, seed, on_batch, purpose=0x726567):
        values = _regret(model, scale, batch, keys, steps, together)
        found.append(np.asarray(values, np.float64)[: len(examples) - at])
    return np.concatenate(found)


@jit
def _regret(
    model: Autoencoder, scale: Scale, examples: Examples, keys: Array, steps: int, together: int = JUDGED
) -> Array:
    batch = examples.batch(model, scale, keys, jnp.ones(len(examples)))
    encoded, weight = log_weight(model)

    def one(x: Array, context: Array | None, key: Array) -> Array:
        def elbo(outputs: Array, key: Array, draws: int) -> Array:
            def each(k: Array) -> Array:
                return weight(x, context, outputs, k)

            keys = jr.split(key, draws)
            if together < draws:
                return jnp.mean(jax.lax.map(each, keys, batch_size=together))
            return jnp.mean(jax.vmap(each)(keys))

        def step(carry: tuple[Array, Array, Array], number: Array) -> tuple[tuple[Array, Array, Array], None]:
            outputs, first, second = carry
            slope = jax.grad(elbo)(outputs, jr.fold_in(key, number), DRAWS)
            first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
            rate = RATE * 0.5 * (1 + jnp.cos(math.pi * number / steps))
            unbiased = jnp.sqrt(second / (1 - 0.999 ** (number + 1))) + 1e-8
            return (outputs + rate * first / (1 - 0.9 ** (number + 1)) / unbiased, first, second), None

        own = encoded(x, context)
        zeros = jnp.zeros_like(own)
        (best, _, _), _ = jax.lax.scan(step, (own, zeros, zeros), jnp.arange(steps))
        judged = jr.fold_in(key, steps)
        return elbo(best, judged, JUDGED) - elbo(own, judged, JUDGED)

    return jax.vmap(one)(batch.x, batch.context, batch.keys)
