"""The importance-weighted bound on −log p(x): how likely a model finds examples, in nats (Burda et al. 2016)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit
from latente.errors import SpecError
from latente.evaluation.batching import MEMORY, OnBatch, batches, codes_at_once, encoded_at_once
from latente.evaluation.likelihood.pareto import MOST, limit, tail_index
from latente.evaluation.metrics.checks import whole
from latente.language.message import Message
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors import posteriors
from latente.model.posteriors.gumbel import GumbelSoftmax
from latente.model.priors import priors
from latente.model.priors.uniform_categorical import UniformCategorical
from latente.objective.terms import Batch
from latente.training.examples import Examples, Scale

SAMPLES = 1000

IMAGES = 100

FEW = 5.0
"""An estimate that fewer effective draws than this carry is some 1 / (2 · 5) = 0.1 nats from the truth, or more."""

GAIN = 0.1
"""Nats that going from K/2 to K may still bring, on average, before K is called too small."""

RARE = 0.1
"""Of at most so large a share of the examples the weights may have too heavy a tail."""


@dataclass(frozen=True)
class Bound:
    """−log p(x) of each example, from above.

    Attributes:
        values: −log (1/K) Σ p(x, z_k) / q(z_k | x), nats, shape (n,); its expectation is at least −log p(x) and falls
            with K.
        effective: effective sample size (Σ w)² / Σ w² of each example, 1 to K, shape (n,).
        halves: the mean of the same bound from either half of the draws, shape (n,): what K/2 gives; infinite for
            K = 1.
        samples: K.
        tails: the tail index of each example's weights (see `likelihood.pareto`), shape (n,); not a number for a K that
            is too small to tell.
    """

    values: NDArray[np.float64]
    effective: NDArray[np.float64]
    halves: NDArray[np.float64]
    samples: int
    tails: NDArray[np.float64] = field(default_factory=lambda: np.full(1, np.nan))

    @property
    def gain(self) -> NDArray[np.float64]:
        """How much each example's bound fell from K/2 to K, nats, shape (n,); what is left to gain is of that order."""
        return self.halves - self.values

    @property
    def tenth(self) -> float:
        """The effective sample size that nine tenths of the examples pass."""
        return float(np.quantile(self.effective, 0.1))

    @property
    def heavy(self) -> float:
        """The share of examples whose weights have too heavy a tail for a mean of K; 0 where it is not known."""
        return float((self.tails > limit(self.samples)).mean())

    @property
    def loose(self) -> bool:
        """Whether K is too small: the last doubling still brought `GAIN` nats, or for a tenth of the examples fewer
        than `FEW` effective draws carry the estimate, or more than a tenth have weights of too heavy a tail."""
        return self._few or self.heavy > RARE

    @property
    def _few(self) -> bool:
        return self.tenth < FEW or not float(self.gain.mean()) <= GAIN

    def warnings(self) -> tuple[Message, ...]:
        """One for whoever uses the number, where `loose`."""
        if not self.loose:
            return ()
        if not self._few:
            share, index = 100 * self.heavy, limit(self.samples)
            return (Message("warning.heavy_tail", share=share, limit=index, samples=self.samples),)
        if self.samples == 1:
            return (Message("warning.one_sample", samples=1, tenth=self.tenth),)
        gain = float(self.gain.mean())
        return (Message("warning.few_samples", samples=self.samples, tenth=self.tenth, gain=gain),)


def unsupported(model: Autoencoder) -> Message | None:
    """Why a model has no bound on −log p(x), in one clause; None where it has one."""
    posterior, prior = model.posterior, model.prior
    pair = {"posterior": posteriors.name_of(posterior), "prior": priors.name_of(prior)}
    if posterior.kind in ("point", "quantised") or prior.space == "any":
        return Message("reason.no_density", **pair)
    if isinstance(posterior, GumbelSoftmax) and not posterior.hard and isinstance(prior, UniformCategorical):
        return Message("reason.soft_codes", **pair)
    return None


def nll(
    model: Autoencoder,
    scale: Scale,
    examples: Examples,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    memory: int = MEMORY,
    on_batch: OnBatch | None = None,
) -> Bound:
    """The bound for each example, with K = ``samples`` codes drawn from its posterior.

    Of a conditional model it is on −log p(x | what is given). A model with a classifier (M2) is summed over its
    classes: p(x) = Σ_y p(y) p(x | y) with p(y) uniform, K codes for each. The same keys every time: equal models get
    equal numbers, and the first of K draws are those of a smaller K. Data that the likelihood binarises is binarised
    once, by the same seed.

    Args:
        model, scale, examples: what to score.
        samples: K.
        seed: of the draws.
        memory: bytes that the values of one step may take (see `latente.evaluation.batching`); neither K nor the
            number of examples changes it.
        on_batch: called with (examples done, of how many).

    Raises:
        SpecError: K below one, a model without such a bound, or ``memory`` too small for a single code.
    """
    whole("samples", samples, 1)
    if reason := unsupported(model):
        raise SpecError(f"there is no bound on −log p(x): {reason}")
    count = len(examples)
    codes = codes_at_once(model, memory)
    # Batches as even as they can be, so that the last is not mostly filling.
    most = encoded_at_once(model, examples, min(IMAGES, codes))
    size = math.ceil(count / math.ceil(count / most))
    at_once = min(samples, max(1, codes // size))
    found = []
    for _, batch, keys in batches(examples, size, seed, on_batch):
        *three, greatest = _bound(model, scale, batch, keys, jnp.int32(samples), at_once)
        found.append([*(np.asarray(a, np.float64) for a in three), tail_index(np.asarray(greatest), samples)])
    values, effective, halves, tails = (np.concatenate(parts)[:count] for parts in zip(*found, strict=True))
    return Bound(values, effective, halves, samples, tails)


def log_weight(model: Autoencoder) -> tuple[Callable[..., Array], Callable[..., Array]]:
    """How one example is encoded, and log p(x, z) − log q(z | x) of one code drawn for it.

    Returns:
        ``encoded(x, context)``, the encoder's outputs; and ``weight(x, context, outputs, key)``, a scalar whose
        exponential has the mean p(x). With a classifier both go over every class, and the weight is their sum.
    """
    prior = model.prior.given(model)

    def one(x: Array, context: Array | None, outputs: Array, key: Array) -> Array:
        z, log_q = model.posterior.draw(outputs, key=key)
        return model.log_prob(z, x, context) + prior.log_prob(z) - log_q

    if model.classifier is None:
        return model.encode, one
    classes = jnp.eye(model.context_size)

    def encoded(x: Array, context: Array | None) -> Array:
        return jax.vmap(lambda y: model.encode(x, y))(classes)

    def summed(x: Array, context: Array | None, outputs: Array, key: Array) -> Array:
        each = jax.vmap(lambda y, out, k: one(x, y, out, k))(classes, outputs, jr.split(key, len(classes)))
        return jax.nn.logsumexp(each) - math.log(len(classes))

    return encoded, summed


@jit
def _bound(
    model: Autoencoder, scale: Scale, examples: Examples, keys: Array, samples: Array, at_once: int
) -> tuple[Array, Array, Array, Array]:
    """One program for every K: only how often it steps depends on it. Last come the greatest log weights."""
    batch: Batch = examples.batch(model, scale, keys, jnp.ones(len(examples)))
    encoded, weight = log_weight(model)
    outputs = jax.vmap(encoded)(batch.x, batch.context)
    over_draws = jax.vmap(weight, in_axes=(None, None, None, 0))

    def step(number: Array, carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        highest, sums, squares, greatest = carry
        place = number * at_once + jnp.arange(at_once)
        drawn = jax.vmap(lambda key: jax.vmap(lambda k: jr.fold_in(key, k))(place))(batch.keys)
        log_w = jax.vmap(over_draws)(batch.x, batch.context, outputs, drawn)
        # Either half, the even and the odd draws, against its own greatest weight, or one that is far below the other's
        # would be zero. The last step draws more than are needed: those beyond K weigh nothing.
        seen = jnp.concatenate([greatest, jnp.where(place < samples, log_w, -jnp.inf)], axis=1)
        greatest = jax.lax.top_k(seen, MOST + 1)[0]
        mine = (place % 2 == jnp.arange(2)[:, None]) & (place < samples)
        log_w = jnp.where(mine, log_w[:, None, :], -jnp.inf)
        top = jnp.maximum(highest, log_w.max(axis=2))
        safe = jnp.where(jnp.isneginf(top), 0.0, top)
        shrink = jnp.exp(highest - safe)
        w = jnp.exp(log_w - safe[..., None])
        return top, sums * shrink + w.sum(axis=2), squares * shrink**2 + (w**2).sum(axis=2), greatest

    zero = jnp.zeros((len(examples), 2))
    steps = (samples + at_once - 1) // at_once
    none = jnp.full((len(examples), MOST + 1), -jnp.inf)
    start = (jnp.full_like(zero, -jnp.inf), zero, zero, none)
    tops, sums, squares, greatest = jax.lax.fori_loop(0, steps, step, start)
    top = tops.max(axis=1)
    share = jnp.exp(tops - top[:, None])
    total = (sums * share).sum(axis=1)
    counts = jnp.array([(samples + 1) // 2, samples // 2])
    halves = jnp.where(samples > 1, (jnp.log(counts) - tops - jnp.log(sums)).mean(axis=1), jnp.inf)
    effective = total**2 / (squares * share**2).sum(axis=1)
    return jnp.log(samples) - top - jnp.log(total), effective, halves, greatest
