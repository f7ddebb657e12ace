"""Annealed importance sampling: log p(x) with hardly any help from the encoder, as a check of the encoder's bounds.

Chains move from a distribution that can be drawn from to the posterior p(z | x) through a ladder of distributions
between, by Hamiltonian Monte Carlo (Neal 2001, arXiv:physics/9803008; Wu et al. 2017, arXiv:1611.04273). Their weights
have the mean p(x), so that the log of their mean is, in expectation, at most log p(x). The same ladder walked down
from an exact draw of the posterior, which data simulated from the model comes with, bounds log p(x) from above:
bidirectional Monte Carlo (Grosse et al. 2015, arXiv:1511.02543). The distance of the two is an upper bound of the
error of both.

Both bounds hold for kernels that are fixed in advance. So the step sizes are found by chains of their own, which go
first and are then forgotten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.special import logsumexp

from latente.errors import SpecError, unknown
from latente.evaluation.batching import MEMORY, OnBatch, batches, code_width, enough, filled
from latente.evaluation.likelihood.hmc import Ladder, anneal, simulate
from latente.evaluation.metrics.checks import whole
from latente.language.message import Message
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors import posteriors
from latente.model.priors import priors
from latente.spec import check_seed
from latente.training.examples import Examples, Scale

CHAINS, STEPS, LEAPS = 16, 500, 5

LIVE = 12
"""Arrays as large as the widest that a step of leapfrog holds, with those kept for its gradient (a test measures)."""

STARTS = ("prior", "posterior")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Annealed:
    """−log p(x) of each example by annealing.

    Attributes:
        values: −log of the mean weight, nats, shape (n,); its expectation is at least −log p(x).
        effective: effective sample size of the chains' weights, 1 to ``chains``, shape (n,).
        acceptance: share of the moves accepted, shape (n,).
        chains, steps: how many chains, and distributions between.
    """

    values: Floats
    effective: Floats
    acceptance: Floats
    chains: int
    steps: int


@dataclass(frozen=True)
class Sandwich:
    """log p(x) of simulated examples between two bounds.

    Attributes:
        lower: from the forward chains, nats, shape (n,); in expectation at most log p(x).
        upper: from the reverse chains, nats, shape (n,); in expectation at least log p(x).
        x: the examples, model values of shape (n, *shape).
    """

    lower: Floats
    upper: Floats
    x: NDArray[np.float32]

    @property
    def gap(self) -> Floats:
        """upper − lower, shape (n,): its mean bounds the mean error of the forward chains from above."""
        return self.upper - self.lower


def unsupported(model: Autoencoder) -> Message | None:
    """Why a model's codes cannot be annealed, in one clause; None where they can."""
    if model.classifier is not None:
        return Message("reason.annealed_labels")
    if model.prior.space == "any":
        return Message("reason.annealed_prior", prior=priors.name_of(model.prior))
    if model.prior.space != "euclidean" or model.posterior.kind not in ("density", "point"):
        return Message("reason.annealed_codes", posterior=posteriors.name_of(model.posterior))
    return None


def ais(
    model: Autoencoder,
    scale: Scale,
    examples: Examples,
    *,
    chains: int = CHAINS,
    steps: int = STEPS,
    leaps: int = LEAPS,
    start: str = "prior",
    seed: int = 0,
    memory: int = MEMORY,
    on_batch: OnBatch | None = None,
) -> Annealed:
    """−log p(x) of each example, from above in expectation; of a conditional model −log p(x | what is given).

    Args:
        model, scale, examples: what to score. Data that the likelihood binarises is binarised as `nll` does with the
            same seed, so that the two compare example by example.
        chains: for each example.
        steps: distributions between the start and the posterior; twice as many about halve the error.
        leaps: leapfrog steps of each move.
        start: "prior" (Wu et al. 2017), or "posterior", the encoder's: tighter where the encoder is good, but no
            longer blind to what it leaves out.
        seed: of the chains.
        memory: bytes that one step's values may take; images go in batches that fit.
        on_batch: called with (examples done, of how many).

    Raises:
        SpecError: a wrong number, or a model whose codes cannot be annealed.
    """
    ladder = _checked(model, chains, steps, leaps, start)
    count = len(examples)
    size = _images_at_once(model, memory, chains, count)
    key = jr.fold_in(jr.key(check_seed(seed)), 0x616973)
    found: list[tuple[Floats, ...]] = []
    for at, batch, seen in batches(examples, size, seed, on_batch):
        places = jnp.arange(at, at + size)
        x = batch.batch(model, scale, seen, jnp.ones(size)).x
        keys = jax.vmap(lambda i: jr.fold_in(key, i))(places)
        weights, _, accepted = anneal(model, x, batch.context, keys, None, ladder, chains, leaps, start)
        found.append(tuple(np.asarray(a, np.float64)[: count - at] for a in (weights, accepted)))
    log_w, acceptance = (np.concatenate(parts) for parts in zip(*found, strict=True))
    w = np.exp(log_w - log_w.max(axis=1, keepdims=True))
    effective = w.sum(axis=1) ** 2 / (w**2).sum(axis=1)
    return Annealed(math.log(chains) - logsumexp(log_w, axis=1), effective, acceptance, chains, steps)


def bdmc(
    model: Autoencoder,
    count: int = 100,
    *,
    context: Array | None = None,
    chains: int = CHAINS,
    steps: int = STEPS,
    leaps: int = LEAPS,
    start: str = "prior",
    seed: int = 0,
    memory: int = MEMORY,
    on_batch: OnBatch | None = None,
) -> Sandwich:
    """Both bounds of log p(x) for ``count`` examples simulated from the model.

    The gap says how far the forward chains are from the truth on such examples, and so, as far as real examples are
    like simulated ones, on those.

    Args:
        model: whose.
        count: how many examples.
        context: of a conditional model, what each is given, shape (count, context_size).
        chains, steps, leaps, start, seed, memory, on_batch: as for `ais`.

    Raises:
        SpecError: a wrong number, or a model whose codes cannot be annealed.
    """
    ladder = _checked(model, chains, steps, leaps, start)
    size = _images_at_once(model, memory, chains, count)
    key = jr.fold_in(jr.key(seed), 0x62646D63)
    lower, upper, drawn = [], [], []
    for at, index in filled(count, size, on_batch):
        keys = jax.vmap(lambda i: jr.fold_in(key, i))(jnp.asarray(index))
        given = None if context is None else jnp.asarray(context)[jnp.asarray(index)]
        z, x = simulate(model, given, keys)
        forward, backward, _ = anneal(model, x, given, keys, z, ladder, chains, leaps, start)
        assert backward is not None
        lower.append((logsumexp(np.asarray(forward, np.float64), axis=1) - math.log(chains))[: count - at])
        # Each reverse chain's weight is the inverse of one whose mean is 1 / p(x).
        upper.append((math.log(chains) - logsumexp(-np.asarray(backward, np.float64), axis=1))[: count - at])
        drawn.append(np.asarray(x)[: count - at])
    return Sandwich(np.concatenate(lower), np.concatenate(upper), np.concatenate(drawn))


def _checked(model: Autoencoder, chains: int, steps: int, leaps: int, start: str) -> Ladder:
    for name, value in (("chains", chains), ("steps", steps), ("leaps", leaps)):
        whole(name, value, 1)
    if start not in STARTS:
        raise SpecError(unknown("start", start, STARTS))
    if reason := unsupported(model):
        raise SpecError(f"there is no annealing to log p(x): {reason}")
    if start == "posterior" and not model.posterior.evaluates:
        raise SpecError(
            f'start "posterior" needs q(z | x) at any code, and {posteriors.name_of(model.posterior)} does not know '
            'it; take start = "prior"'
        )
    return Ladder.of(steps)


def _images_at_once(model: Autoencoder, memory: int, chains: int, count: int) -> int:
    least = LIVE * code_width(model) * chains
    most = max(1, int(enough(memory, least) // least))
    return math.ceil(count / math.ceil(count / most))
