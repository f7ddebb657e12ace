"""Missing values filled in by what a model expects of them, with how sure it is (MIWAE, Mattei & Frellsen 2019).

Of an example with missing values a model knows p(missing | seen) only through its codes. Codes drawn from the encoder's
posterior and weighed by p(seen, z) / q(z | seen), over their sum, stand for the true posterior of the code; under each,
the likelihood says how the missing values are distributed. Their mean, variance and draws follow, and are exact as the
number of codes grows (arXiv:1812.02633, eqs. 9 to 12). Where being missing depends on the value itself, the likelihood
"self-masked" says so, and the same weights are those of not-MIWAE (Ipsen et al. 2021, arXiv:2006.12871).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit
from latente.errors import DataError, SpecError
from latente.evaluation.batching import BLOCK, LIVE, MEMORY, OnBatch, batches, code_width, encoded_at_once, enough
from latente.evaluation.likelihood.importance import unsupported
from latente.evaluation.likelihood.pareto import MOST, limit, tail_index
from latente.language.message import Message
from latente.model.autoencoder import Autoencoder
from latente.spec import got
from latente.training.examples import Examples, observed_keys

SAMPLES = 1000

EXAMPLES = 100

FEW = 20.0
"""Of fewer effective codes a mean has an error of more than 1 / √20, a fifth, of what its codes differ by."""

RARE = 0.1
"""Of at most so large a share of the examples the codes may be too few, or their weights have too heavy a tail."""

RESAMPLED, FILLED = 0x726573, 0x66696C
"""Folded into an example's key for the choice of codes, and for the values drawn under them."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Imputed:
    """Examples with their missing values filled in. A value that is not missing is left as it was everywhere.

    Attributes:
        mean: E[value | what is seen], the category with the greatest probability of a category; model values, shape
            (n, *shape).
        variance: of a missing value given what is seen, in squared model values; of a category the chance that it is
            another one; 0 of what is not missing. Shape (n, *shape).
        draws: the examples completed by independent draws from p(missing | seen), shape (m, n, *shape).
        quantiles: of each missing value, for the shares asked for, shape (q, n, *shape); not a number for a category.
        probabilities: of each category, shape (categories, n, *shape), rows of fewer filled up with zeros, and not a
            number for a value that is no category; None of a model that has none.
        effective: effective number of codes (Σ w)² / Σ w² behind each example's values, 1 to ``samples``, shape (n,).
        tails: the tail index of each example's weights (see `likelihood.pareto`), shape (n,); not a number for a number
            of codes that is too small to tell.
        incomplete: which examples have missing values, shape (n,).
        samples: codes drawn for an example, for each class of a model with a classifier.
    """

    mean: Floats
    variance: Floats
    draws: Floats
    quantiles: Floats
    probabilities: Floats | None
    effective: NDArray[np.float64]
    tails: NDArray[np.float64]
    incomplete: NDArray[np.bool_]
    samples: int

    def warnings(self) -> tuple[Message, ...]:
        """One for whoever uses the numbers, where for more than a tenth of the examples with missing values the
        effective codes are fewer than `FEW`, or the weights have too heavy a tail."""
        if not self.incomplete.any():
            return ()
        few = float((self.effective[self.incomplete] < FEW).mean())
        heavy = float((self.tails[self.incomplete] > limit(self.samples)).mean())
        if few > RARE:
            return (Message("warning.imputed_from_few", share=100 * few, few=FEW, samples=self.samples),)
        if heavy > RARE:
            return (Message("warning.imputed_heavy_tail", share=100 * heavy, limit=limit(self.samples)),)
        return ()


def impute(
    model: Autoencoder,
    x: Floats,
    context: Floats | None = None,
    *,
    samples: int = SAMPLES,
    draws: int = 0,
    quantiles: Sequence[float] = (),
    seed: int = 0,
    memory: int = MEMORY,
    on_batch: OnBatch | None = None,
) -> Imputed:
    """Fill in the missing values of examples by what a model expects of them given the others.

    Equal models, examples and seeds give equal numbers; an example's depend on its place too, and not on the number of
    examples, ``memory`` or ``draws``. The first of m draws are those of fewer. A model with a classifier (M2) is summed
    over its classes, each of which is as likely as the next before anything is seen.

    Args:
        model: one with ``missing = true``, and a posterior that has a density.
        x: model values, shape (n, *shape), NaN where they are missing.
        context: what a conditional model is given beside, shape (n, context_size).
        samples: codes drawn for an example.
        draws: m, how many completed copies to draw.
        quantiles: shares in (0, 1) of which to give the quantile of each missing value, from ``samples`` draws.
        seed: of the codes and the draws.
        memory: bytes that the values of one step may take (see `latente.evaluation.batching`).
        on_batch: called with (examples done, of how many).

    Raises:
        SpecError: a wrong number, a model that takes no missing values or has no weights, a missing or needless
            context, or ``memory`` too small for one code.
        DataError: no examples, examples of another shape, or infinite values.
    """
    _check(model, x, context, samples, draws, quantiles)
    x = np.asarray(x, np.float32)
    examples = Examples(jnp.asarray(x), None if context is None else jnp.asarray(context, jnp.float32))
    kinds = model.likelihood.category_counts(model.shape).reshape(model.shape)
    most = int(kinds.max())
    count, codes = len(x), samples * (1 if model.classifier is None else model.context_size)
    width = max(code_width(model), 4 * max(most, 1) * math.prod(model.shape))
    memory = enough(memory, LIVE * width)
    room = max(1, int(min(memory // (LIVE * width), BLOCK // width)))
    # Batches as even as they can be, so that the last is not mostly filling.
    wanted = max(draws, samples if len(quantiles) else 0)
    held = max(1, int(memory // (8 * max(wanted, 1) * math.prod(model.shape))))
    at_most = encoded_at_once(model, examples, min(EXAMPLES, room, held))
    size = math.ceil(count / math.ceil(count / at_most))
    at_once = min(codes, max(1, room // size))
    drawn_at_once = max(1, min(wanted, room // size))
    found: list[list[NDArray[Any]]] = []
    for at, batch, keys in batches(examples, size, seed):
        taken = x[at : at + size]
        rows = slice(len(taken))
        seen = _observed(model, batch.x, keys)
        moments, log_w = _weighed(model, seen, batch.context, keys, codes, at_once, most)
        mean, variance, effective, odds = (np.asarray(a)[rows] for a in moments)
        greatest = np.sort(np.asarray(log_w)[rows], axis=1)[:, : -MOST - 2 : -1]
        starts = range(0, wanted, drawn_at_once)
        parts = [_drawn(model, seen, batch.context, keys, log_w, jnp.int32(j), drawn_at_once) for j in starts]
        empty = np.zeros((0, len(taken), *model.shape), np.float32)
        filled = np.concatenate([empty, *(np.asarray(p)[:, rows] for p in parts)])[:wanted]
        filled = np.where(np.isnan(taken), filled, taken)
        levels = np.quantile(filled, quantiles, axis=0).astype(np.float32) if len(quantiles) else empty
        copies = (filled[:draws].swapaxes(0, 1), levels.swapaxes(0, 1))
        found.append([mean, variance, effective, tail_index(greatest, codes), *np.moveaxis(odds, 1, 0), *copies])
        if on_batch is not None:
            on_batch(min(at + size, count), count)
    mean, variance, effective, tails, *each, filled, levels = (np.concatenate(p) for p in zip(*found, strict=True))
    missing, named = np.isnan(x), np.broadcast_to(kinds > 0, x.shape)
    probabilities = None
    if most:
        number = np.arange(most).reshape(-1, *[1] * x.ndim)
        probabilities = np.where(missing, np.stack(each), x == number).astype(np.float32)
        probabilities[:, ~named] = np.nan
        probabilities = np.where(named & (number >= kinds), 0, probabilities)
        best = probabilities.argmax(axis=0)
        mean, variance = np.where(named, best, mean), np.where(named, 1 - probabilities.max(axis=0), variance)
    return Imputed(
        np.where(missing, mean, x).astype(np.float32),
        np.where(missing, variance, 0).astype(np.float32),
        filled.swapaxes(0, 1),
        np.where(missing & named, np.nan, levels.swapaxes(0, 1)).astype(np.float32),
        probabilities,
        effective.astype(np.float64),
        tails,
        np.asarray(missing.reshape(count, -1).any(axis=1)),
        samples,
    )


def _check(
    model: Autoencoder, x: Floats, context: Floats | None, samples: int, draws: int, quantiles: Sequence[float]
) -> None:
    for name, value, least in (("samples", samples, 1), ("draws", draws, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise got(name, value, f"a whole number of at least {least}")
    wrong = [q for q in quantiles if not 0 < q < 1]
    if wrong:
        raise SpecError(f"quantiles: got {wrong[0]!r}; allowed: shares above 0 and below 1, such as 0.025 and 0.975")
    if not model.missing:
        raise SpecError(
            "this model was trained without missing values, and fills in none; train one with missing = true"
        )
    reason = unsupported(model)
    if reason is not None:
        raise SpecError(f"missing values cannot be weighed: {reason}")
    if len(x) == 0 or np.shape(x)[1:] != model.shape:
        raise DataError(f"examples: got an array of shape {np.shape(x)}; allowed: (n, *{model.shape}), n at least 1")
    if np.isinf(x).any():
        raise DataError("examples: got infinite values; allowed: finite numbers, and NaN where one is missing")
    size = model.context_size if model.classifier is None else 0
    if (0 if context is None else np.shape(context)[-1]) != size:
        given = "nothing" if context is None else f"an array of shape {np.shape(context)}"
        raise SpecError(f"context: got {given}; allowed: {f'shape ({len(x)}, {size})' if size else 'nothing'}")


def _observed(model: Autoencoder, x: Array, keys: Array) -> Array:
    """The examples that are scored: binarised by a likelihood that does so."""
    if not model.likelihood.observes:
        return x
    seen: Array = jax.vmap(lambda x, key: model.likelihood.observe(x, key=key))(x, observed_keys(keys))
    return seen


class _Proposal(eqx.Module):
    """What the codes of one example are drawn from: the encoder's outputs and its context, for each class of a model
    with a classifier and once for any other."""

    outputs: Array
    contexts: Array | None
    key: Array

    def draw(self, model: Autoencoder, number: Array) -> tuple[Array, Array, Array | None]:
        """The code of this number, its log q(z | x), and the context to decode it in: one class after the other."""
        which = number % len(self.outputs)
        z, log_q = model.posterior.draw(self.outputs[which], key=jr.fold_in(self.key, number))
        return z, log_q, None if self.contexts is None else self.contexts[which]


def _proposal(model: Autoencoder, x: Array, context: Array | None, key: Array) -> _Proposal:
    if model.classifier is not None:
        contexts = jnp.eye(model.context_size)
    elif context is None:
        return _Proposal(model.encode(x)[None], None, key)
    else:
        contexts = context[None]
    return _Proposal(jax.vmap(lambda y: model.encode(x, y))(contexts), contexts, key)


@jit
def _weighed(
    model: Autoencoder, x: Array, context: Array | None, keys: Array, codes: int, at_once: int, most: int
) -> tuple[tuple[Array, Array, Array, Array], Array]:
    """Mean, variance, effective number and categories' probabilities of each example, and the log weights (n, codes).

    Sums are kept against the greatest weight so far, and moments about the value at the mean code, so that neither
    overflows nor cancels.
    """
    prior, missing = model.prior.given(model), model.likelihood.when_missing()
    proposals = jax.vmap(lambda x, c, key: _proposal(model, x, c, key))(x, context, keys)

    def about(proposal: _Proposal) -> Array:
        y = None if proposal.contexts is None else proposal.contexts[0]
        return missing.mean(model.decode(model.posterior.mean(proposal.outputs[0]), y))

    reference = jax.vmap(about)(proposals)

    def one(x: Array, proposal: _Proposal, centre: Array, number: Array) -> tuple[Array, Array, Array, Array]:
        z, log_q, y = proposal.draw(model, number)
        decoded = model.decode(z, y)
        log_w = model.log_prob(z, x, y) + prior.log_prob(z) - log_q
        mean, variance = missing.mean(decoded), missing.variance(decoded)
        if variance is None:
            key = jr.fold_in(jr.fold_in(proposal.key, FILLED), number)
            variance = (missing.sample(decoded, key=key) - mean) ** 2
        chance = [
            jnp.exp(missing.log_probs(decoded, jnp.full(x.shape, float(c)))).reshape(x.shape) for c in range(most)
        ]
        off = mean - centre
        return log_w, off, variance + off**2, jnp.stack(chance) if most else jnp.zeros((0, *x.shape))

    over = jax.vmap(jax.vmap(one, in_axes=(None, None, None, 0)), in_axes=(0, 0, 0, None))

    def step(carry: tuple[Array, ...], number: Array) -> tuple[tuple[Array, ...], Array]:
        top, total, squares, *sums = carry
        place = number * at_once + jnp.arange(at_once)
        log_w, *values = over(x, proposals, reference, place)
        # The last step draws more than are needed: those beyond weigh nothing.
        log_w = jnp.where(place < codes, log_w, -jnp.inf)
        higher = jnp.maximum(top, log_w.max(axis=1))
        shrink = jnp.exp(top - higher)
        w = jnp.exp(log_w - higher[:, None])
        sums = [
            s * jnp.expand_dims(shrink, range(1, s.ndim)) + jnp.einsum("nk,nk...->n...", w, v)
            for s, v in zip(sums, values, strict=True)
        ]
        return (higher, total * shrink + w.sum(axis=1), squares * shrink**2 + (w**2).sum(axis=1), *sums), log_w

    n = len(x)
    zero = jnp.zeros_like(reference)
    start: tuple[Array, ...] = (
        jnp.full(n, -jnp.inf),
        jnp.zeros(n),
        jnp.zeros(n),
        zero,
        zero,
        jnp.zeros((n, most, *x.shape[1:])),
    )
    ends, log_w = jax.lax.scan(step, start, jnp.arange(-(-codes // at_once)))
    _, total, squares, first, second, odds = ends
    first, second, odds = (s / jnp.expand_dims(total, range(1, s.ndim)) for s in (first, second, odds))
    moments = reference + first, jnp.maximum(second - first**2, 0), total**2 / squares, odds
    return moments, jnp.moveaxis(log_w, 0, 1).reshape(n, -1)[:, :codes]


@jit
def _drawn(
    model: Autoencoder, x: Array, context: Array | None, keys: Array, log_w: Array, first: Array, count: int
) -> Array:
    """The draws from number ``first`` on, shape (count, n, *shape): of each, one code by the weights, made again from
    its key, and the values under it (sampling importance resampling)."""
    missing = model.likelihood.when_missing()

    def of(x: Array, context: Array | None, key: Array, log_w: Array) -> Array:
        proposal = _proposal(model, x, context, key)
        reached = jnp.cumsum(jax.nn.softmax(log_w))

        def one(number: Array) -> Array:
            share = jr.uniform(jr.fold_in(jr.fold_in(key, RESAMPLED), number))
            chosen = jnp.minimum(jnp.searchsorted(reached, share * reached[-1], side="right"), len(log_w) - 1)
            z, _, y = proposal.draw(model, chosen)
            return missing.sample(model.decode(z, y), key=jr.fold_in(jr.fold_in(key, FILLED + 1), number))

        return jax.vmap(one)(first + jnp.arange(count))

    drawn = jax.vmap(of)(x, context, keys, log_w)
    return jnp.moveaxis(drawn, 1, 0)
