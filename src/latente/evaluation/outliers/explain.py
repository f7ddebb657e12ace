"""Which columns or pixels make an example unlikely: −log p(x) split over its values by the model itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit
from latente.errors import SpecError
from latente.evaluation import latent
from latente.evaluation.batching import OnBatch, filled
from latente.evaluation.likelihood.importance import unsupported
from latente.memory import rows_at_once
from latente.model.autoencoder import Autoencoder
from latente.spec import check_seed, got
from latente.training.examples import OBSERVED

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

PARTS = 32
"""At most so many parts of an example are left out in turn: each column of a small table, blocks of an image."""

CODES = 384
"""Codes drawn for an example from the posteriors of itself and of what is left without each part."""

FROM_PRIOR = 256
"""Codes drawn from the prior besides, so that no set of values is without a code that fits."""

ROUNDS = 3
"""How often a part that is left out is filled in by what the model decodes from the rest."""

ORDERS = 8
"""Random orders of the values, each walked in both directions."""

AT_ONCE = 64
"""Examples that one call of the program holds."""

WORST = -1e30
"""Nats, of a value that is infinitely improbable in 32 bits: finite, so that differences are numbers."""


@dataclass(frozen=True)
class Explanation:
    """Examples' scores, and each value's share of them; in nats.

    Attributes:
        score: −log p(x) of each example, shape (n,).
        columns: what each value adds to it, shape (n, *shape): they sum to the score; 0 where a value is missing.
        excess: by how much that is more than usual, shape (n, *shape): ``columns`` minus the median of held-out
            examples, where that was given; 0 where a value is missing. Columns rank by it, for densities of different
            columns, which depend on their units, do not compare.
    """

    score: Doubles
    columns: Doubles
    excess: Doubles

    def ranking(self) -> NDArray[np.int64]:
        """The values of each example, flat, the one with the largest excess first; shape (n, values)."""
        return np.argsort(-self.excess.reshape(len(self.excess), -1), axis=1, kind="stable")


def explain(
    model: Autoencoder,
    x: Floats,
    context: Floats | None = None,
    *,
    usual: Doubles | None = None,
    orders: int = ORDERS,
    seed: int = 0,
    on_batch: OnBatch | None = None,
) -> Explanation:
    """The score of each example split over its values: Shapley values of −log p of the values that are known.

    The model gives −log p(x_S) of any set S of values, for given a code they are independent: p(x_S) is the sum over
    codes of w(z) Π p(x_d | z), d in S. What value d adds to it depends on which others are known already; its share is
    the mean over random orders of the values (Shapley 1953; Castro et al. 2009, who draw the orders; each is walked in
    both directions). So a value that contradicts the rest pays for it, and not what it contradicts; shares sum to
    −log p(x), the rate included, which no value has to itself.

    Codes are drawn from the posteriors of the example and of what is left of it without each of up to `PARTS` parts
    (filled in from the decoder, as in Rezende et al. 2014, appendix F), and from the prior, and weighed by prior over
    mixture (the balance heuristic of Veach & Guibas 1995), weights that sum to one: without the codes that a faulty
    value keeps its encoder from, the fault would be smeared over the columns that go with it. Every example has the
    same noise and the same orders, so that its numbers depend on nothing that stands beside it. A model whose codes
    have no density weighs its codes alike; so −log p(x | z) of the best of them, nearly, takes the place of −log p(x).

    Chosen by measurement (``benchmarks/anomaly.py``) over the plain terms of the bound and over −log p(x_d | the rest),
    which ranks alike and does not add up. What it cannot do: find a fault in a column that the others say nothing of
    and whose faulty value is usual; tell two columns apart that the model takes for one; with blocks of an image left
    out, find codes that all of a large damage keeps away.

    Args:
        model: a trained one. With a classifier (M2) an example is explained given its most likely class.
        x: model values, shape (n, *shape); NaN where missing, of a model that takes it.
        context: what a conditional model is given, shape (n, context_size).
        usual: the median of ``columns`` over held-out examples, shape (*shape,), as `usual_columns` gives it; without,
            ``excess`` is ``columns``.
        orders: random orders, each counted with its reverse.
        seed: of codes and orders; equal seeds give equal numbers.
        on_batch: called with (examples done, of how many).

    Raises:
        SpecError: no examples, no context where the model needs one, or fewer than one order.
    """
    if isinstance(orders, bool) or not isinstance(orders, int) or orders < 1:
        raise got("orders", orders, "a whole number of at least 1")
    score, columns = _run(model, x, context, orders, seed, on_batch)
    present = ~np.isnan(x)
    excess = columns if usual is None else np.where(present, columns - np.asarray(usual, np.float64), 0.0)
    return Explanation(score, columns, excess)


def explained_score(
    model: Autoencoder,
    x: Floats,
    context: Floats | None = None,
    *,
    seed: int = 0,
    on_batch: OnBatch | None = None,
) -> Doubles:
    """The score that `explain` splits, shape (n,), without the split: −log p(x) in nats, to within 32-bit rounding.

    Args and raises as `explain`.
    """
    return _run(model, x, context, 0, seed, on_batch)[0]


def usual_columns(
    model: Autoencoder, x: Floats, context: Floats | None = None, *, seed: int = 0, most: int = 200
) -> Doubles:
    """What each value adds in a usual example: the median over the first ``most`` of x, shape (*shape,).

    0 for a value that all of them miss. Args and raises as `explain`.
    """
    x = x[:most]
    columns = explain(model, x, None if context is None else context[:most], seed=seed).columns
    present = ~np.isnan(x)
    kept = np.where(present, columns, np.nan)
    kept[:, ~present.any(axis=0)] = 0.0
    return np.asarray(np.nanmedian(kept, axis=0), np.float64)


def _run(
    model: Autoencoder, x: Floats, context: Floats | None, orders: int, seed: int, on_batch: OnBatch | None
) -> tuple[Doubles, Doubles]:
    if len(x) == 0:
        raise SpecError("got no examples or codes; give at least one")
    context = latent.predicted_class(model, x) if context is None else context
    if model.context_size and context is None:
        raise SpecError(
            f"this model is conditioned on {model.context_size} numbers beside each example; give them "
            "(run.explain(x, given=labels))"
        )
    key = jr.fold_in(jr.key(check_seed(seed)), 0x657870)
    parts = parts_of(model.shape)
    codes = jax.ShapeDtypeStruct((CODES + FROM_PRIOR, model.code_size), np.float32)  # type: ignore[no-untyped-call]
    fit = max(rows_at_once(_outputs, (model,), (codes,), CODES + FROM_PRIOR), 2)
    scores, columns = [], []
    for at, index in filled(len(x), AT_ONCE):
        count = min(AT_ONCE, len(x) - at)
        given = None if context is None else jnp.asarray(context[index])
        values = jnp.asarray(np.asarray(x[index], np.float32))
        found = _explained(model, values, given, jnp.int32(count), key, orders, parts, fit)
        scores.append(np.asarray(found[0], np.float64)[:count])
        columns.append(np.asarray(found[1], np.float64)[:count])
        if on_batch is not None:
            on_batch(min(at + AT_ONCE, len(x)), len(x))
    score, split = np.concatenate(scores), np.concatenate(columns)
    if orders:
        # What 32 bits lose on the way is far below what anybody asks of the largest share, so it goes there.
        rows = np.arange(len(split))
        split[rows, np.abs(split).argmax(axis=1)] += score - split.sum(axis=1)
    return score, split.reshape(len(score), *(model.shape if orders else (0,)))


def parts_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The part that each value of an example belongs to, flat.

    Where there are few values each is a part; else blocks of an image, with all its colours, or runs of a long row are.
    """
    size = math.prod(shape)
    if size <= PARTS:
        return tuple(range(size))
    if len(shape) == 1:
        return tuple((np.arange(size) * PARTS // size).tolist())
    blocks = [min(n, math.isqrt(PARTS)) for n in shape[:2]]
    down, across = (np.arange(n) * b // n for n, b in zip(shape, blocks, strict=False))
    part = down[:, None] * blocks[1] + across
    return tuple(np.broadcast_to(part.reshape(*part.shape, *[1] * (len(shape) - 2)), shape).ravel().tolist())


def _outputs(model: Autoencoder, z: Array) -> Array:
    context = jnp.zeros(model.context_size) if model.context_size else None
    return jax.vmap(lambda code: model.decode(code, context))(z)


@jit
def _explained(
    model: Autoencoder,
    x: Array,
    context: Array | None,
    count: Array,
    key: Array,
    orders: int,
    parts: tuple[int, ...],
    fit: int,
) -> tuple[Array, Array]:
    """Scores (n,) and shares (n, values) of the first ``count``; without orders no shares."""
    # One example after the other: each then has its own numbers to the bit, and the last batch costs what it holds.
    values = len(parts)

    def step(i: Array, found: tuple[Array, Array]) -> tuple[Array, Array]:
        log_w, terms = codes_and_terms(model, x[i], None if context is None else context[i], key, parts, fit)
        score = -jax.nn.logsumexp(log_w + terms.sum(axis=1))
        if not orders:
            return found[0].at[i].set(score), found[1]

        def shares(order: Array) -> Array:
            known = jnp.concatenate([jnp.zeros((len(terms), 1)), jnp.cumsum(terms[:, order], axis=1)], axis=1)
            return jnp.zeros(values).at[order].set(-jnp.diff(jax.nn.logsumexp(log_w[:, None] + known, axis=0)))

        drawn = jax.vmap(lambda k: jr.permutation(k, values))(jr.split(jr.fold_in(key, 1), orders))
        both = jnp.concatenate([drawn, drawn[:, ::-1]])
        split = jax.lax.map(shares, both).mean(axis=0)
        return found[0].at[i].set(score), found[1].at[i].set(split)

    start = jnp.zeros(len(x)), jnp.zeros((len(x), values if orders else 0))
    found: tuple[Array, Array] = jax.lax.fori_loop(0, count, step, start)
    return found


def codes_and_terms(
    model: Autoencoder, x: Array, context: Array | None, key: Array, parts: tuple[int, ...], fit: int
) -> tuple[Array, Array]:
    """Codes for one example: their log-weights, shape (codes,), which sum to one, and log p of each value given each
    code, shape (codes, values); 0 for a missing value.

    Args:
        model, x, context: the model and one example.
        key: of the draws.
        parts: as `parts_of`.
        fit: so many codes fit into memory.
    """
    if model.likelihood.observes:
        x = model.likelihood.observe(x, key=jr.fold_in(key, OBSERVED))
    examples = _without_each(model, x, context, parts)
    outputs = jax.vmap(lambda y: model.encode(y, context))(examples)
    weighed = unsupported(model) is None
    if not weighed:
        z = jax.vmap(model.posterior.mean)(outputs)
        log_w = jnp.zeros(len(z))
    else:
        z, log_w = _drawn(model, outputs, jr.fold_in(key, 2), fit)
    observed = ~jnp.isnan(x)
    plain = jnp.where(observed, x, model.likelihood.fill_value())
    terms = jax.vmap(lambda code: jnp.ravel(model.likelihood.log_probs(model.decode(code, context), plain)))(z)
    # A value so far out that 32 bits do not hold its density, or a code that such a value spoilt.
    fine = jnp.isfinite(z).all(axis=1)
    terms = jnp.where(fine[:, None] & jnp.isfinite(terms), jnp.maximum(terms, WORST), WORST)
    log_w = jnp.where(fine & jnp.isfinite(log_w), log_w, WORST)
    return log_w - jax.nn.logsumexp(log_w), jnp.where(jnp.ravel(observed), terms, 0.0)


def _without_each(model: Autoencoder, x: Array, context: Array | None, parts: tuple[int, ...]) -> Array:
    """The example, and for each part the example with this part filled in from the rest, shape (1 + parts, *shape)."""
    part = jnp.reshape(jnp.asarray(parts), x.shape)

    def filled_in(number: Array) -> Array:
        mine = part == number
        # A missing value stays missing, and the encoder knows.
        mine = mine & ~jnp.isnan(x)

        def again(y: Array, _: Any) -> tuple[Array, None]:
            decoded = model.mean(model.code(y, context), context)
            return jnp.where(mine & jnp.isfinite(decoded), decoded, y), None

        start = jnp.where(mine, model.likelihood.fill_value(), x)
        return jax.lax.scan(again, start, None, length=ROUNDS)[0]

    others: Array = jax.vmap(filled_in)(jnp.arange(max(parts) + 1))
    return jnp.concatenate([x[None], others])


def _drawn(model: Autoencoder, outputs: Array, key: Array, fit: int) -> tuple[Array, Array]:
    """Codes from each posterior of ``outputs`` and from the prior, with log-weights: prior over what they are drawn
    from."""
    prior = model.prior.given(model)
    sources = len(outputs)
    each = max(1, min(CODES, fit * 3 // 5) // sources)
    simple = max(1, min(FROM_PRIOR, fit * 2 // 5))
    keys = jr.split(jr.fold_in(key, 1), each)
    z, log_q = jax.vmap(lambda out: jax.vmap(lambda k: model.posterior.draw(out, key=k))(keys))(outputs)
    z, log_q = z.reshape(sources * each, -1), log_q.ravel()
    wide = jax.vmap(lambda k: prior.sample(model.code_size, key=k))(jr.split(jr.fold_in(key, 2), simple))
    if not model.posterior.evaluates:
        # Each draw by the density it was drawn from, the only one that is known.
        return jnp.concatenate([z, wide]), jnp.concatenate([jax.vmap(prior.log_prob)(z) - log_q, jnp.zeros(simple)])
    z = jnp.concatenate([z, wide])
    log_p = jax.vmap(prior.log_prob)(z)
    shares = jnp.log(jnp.array([each] * sources + [simple]) / len(z))

    def mixture(code: Array, log_p: Array) -> Array:
        log_qs = jax.vmap(lambda out: model.posterior.log_prob(out, code))(outputs)
        log_qs = jnp.where(jnp.isnan(log_qs), -jnp.inf, log_qs)
        return jax.nn.logsumexp(shares + jnp.append(log_qs, log_p))

    return z, log_p - jax.vmap(mixture)(z, log_p)
