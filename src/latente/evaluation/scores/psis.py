"""−log p(x) by Pareto smoothed importance sampling, and how far its weights can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit
from latente.evaluation.batching import MEMORY, batches, codes_at_once
from latente.evaluation.evaluate import mean_and_error
from latente.evaluation.likelihood.importance import SAMPLES, log_weight, unsupported
from latente.evaluation.likelihood.pareto import FEWEST, fit_pareto, limit, tail_size
from latente.evaluation.measured import EACH, Measured
from latente.evaluation.metrics.checks import whole
from latente.evaluation.run import Run
from latente.evaluation.scores.base import OnBatch, ScoreOfObservations, likelihood_inputs, scores
from latente.language.message import Message
from latente.model.autoencoder import Autoencoder
from latente.training.examples import Examples, Scale

LEAST = 5 * FEWEST
"""Of fewer weights the tail is too small to be smoothed."""


@scores.register("psis", source="Vehtari et al. 2024, JMLR 25(72), algorithm 1")
@dataclass(frozen=True)
class SmoothedLikelihood(ScoreOfObservations):
    """−log p(x) estimated with ``samples`` codes an example whose largest importance weights are smoothed, in nats.

    The largest weights are replaced by what a generalised Pareto distribution fitted to them expects in their places,
    which makes the estimate steadier. It is no bound: it may lie on either side of −log p(x). The index k of that
    distribution says how far to trust it: above `likelihood.pareto.limit` no number of draws that one would make is
    enough, and the share of such examples is given beside it.
    """

    nats: ClassVar[bool] = True

    samples: int = SAMPLES

    def __post_init__(self) -> None:
        """Refuse options that mean nothing."""
        whole("psis: samples", self.samples, LEAST)

    def key(self) -> str:
        """With its K, without which it means little."""
        return f"psis_{self.samples}"

    def columns(self) -> dict[str, bool | None]:
        """The estimate, the mean index of the tails, and the share of examples whose index is too high."""
        return {self.key(): True, f"{self.key()}_index": None, f"{self.key()}_heavy": None}

    def unsupported(self, run: Run) -> Message | None:
        """Without a density of the codes there are no weights."""
        return unsupported(run.model)

    def measure(self, run: Run, split: str, on_batch: OnBatch | None = None) -> Measured:
        """Smoothed batch by batch; the keys are those of nll, so that both see the same draws."""
        values, index = smoothed_nll(*likelihood_inputs(run, split), self.samples, on_batch)
        heavy, key = (index > limit(self.samples)).astype(np.float64), self.key()
        numbers = {key: values, f"{key}_index": index, f"{key}_heavy": heavy}
        columns = {name: mean_and_error(of) for name, of in numbers.items()}
        return Measured(columns, {EACH + name: of for name, of in numbers.items()})


def smoothed_nll(
    model: Autoencoder, scale: Scale, examples: Examples, samples: int, on_batch: OnBatch | None = None, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The estimate of −log p(x), nats, and the tail index k of each example, shape (n,) each."""
    count = len(examples)
    codes = codes_at_once(model, MEMORY)
    size = max(1, min(100, codes // samples, count))
    found = []
    for _, batch, keys in batches(examples, size, seed, on_batch):
        log_w = np.asarray(_log_weights(model, scale, batch, keys, samples, min(samples, codes)), np.float64)
        found.append(smoothed(log_w))
    values, index = (np.concatenate(parts)[:count] for parts in zip(*found, strict=True))
    return values, index


def smoothed(log_w: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """−log of the mean of each row of weights with its tail smoothed, and the tail's index k, shape (n,) each.

    Args:
        log_w: logs of K weights an example, shape (n, K).
    """
    samples = log_w.shape[1]
    size = tail_size(samples)
    order = np.sort(log_w, axis=1)
    top = order[:, -1:]
    w = np.exp(order - top)
    cut, tail = w[:, [-size - 1]], w[:, -size:]
    index, sigma = (a[:, None] for a in fit_pareto(tail - cut))
    # The expected order statistics, by the quantiles of (i − ½) / M (algorithm 1); none above the greatest weight.
    share = (np.arange(size) + 0.5) / size
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(index == 0, -np.log1p(-share), np.expm1(-index * np.log1p(-share)) / index)
    w[:, -size:] = np.where(sigma > 0, np.minimum(cut + sigma * above, 1.0), tail)
    return math.log(samples) - top[:, 0] - np.log(w.sum(axis=1)), index[:, 0]


@jit
def _log_weights(
    model: Autoencoder, scale: Scale, examples: Examples, keys: Array, samples: int, at_once: int
) -> Array:
    """log p(x, z) − log q(z | x) of ``samples`` codes an example, shape (n, samples); so many at once are decoded."""
    batch = examples.batch(model, scale, keys, jnp.ones(len(examples)))
    encoded, weight = log_weight(model)

    def one(x: Array, context: Array | None, key: Array) -> Array:
        outputs = encoded(x, context)
        draws = jnp.arange(samples)
        weights: Array = jax.lax.map(
            lambda k: weight(x, context, outputs, jr.fold_in(key, k)), draws, batch_size=at_once
        )
        return weights

    return jax.vmap(one)(batch.x, batch.context, batch.keys)
