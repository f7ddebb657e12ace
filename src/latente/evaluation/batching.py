"""Examples batch by batch, each with keys of its own, and how many codes fit into memory at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.memory import made, rows_at_once
from latente.model.autoencoder import Autoencoder
from latente.spec import check_seed
from latente.training.examples import Examples

JUDGED = 0x6E6C6C
"""Folded into a seed. The same for every evaluator, so that examples are binarised alike and numbers compare."""


OnBatch = Callable[[int, int], object]
"""Called after each batch with (examples done, of how many)."""


def one_pass(on_batch: OnBatch | None, number: int, of: int) -> OnBatch | None:
    """What one of several passes over as many examples calls, counted from 0."""
    return None if on_batch is None else lambda done, total: on_batch(number * total + done, of * total)


def filled(n: int, size: int, on_batch: OnBatch | None = None) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Where each batch of n examples begins, and which it holds; the last is filled up with the first example, so that
    one program serves all."""
    for at in range(0, n, size):
        index = np.arange(at, at + size)
        yield at, np.where(index < n, index, 0)
        if on_batch is not None:
            on_batch(min(at + size, n), n)


def batches(
    examples: Examples, size: int, seed: int, on_batch: OnBatch | None = None, *, purpose: int = JUDGED
) -> Iterator[tuple[int, Examples, Array]]:
    """As `filled`: where a batch begins, the batch, and a key for each of it; ``purpose`` is folded into the seed."""
    key = jr.fold_in(jr.key(check_seed(seed)), purpose)
    for at, index in filled(len(examples), size, on_batch):
        keys = jax.vmap(lambda i: jr.fold_in(key, i))(jnp.asarray(np.arange(at, at + size)))
        yield at, examples.take(jnp.asarray(index)), keys


def subsample(n: int, most: int, seed: int, *, permuted: bool = False) -> NDArray[np.int64]:
    """The indices of at most so many of n examples, in order: all of them, or a choice that the seed fixes.

    Outliers and conclusions take the first of a permutation (``permuted``), which are others than those of the scores.
    """
    if n <= most:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    return np.sort(rng.permutation(n)[:most] if permuted else rng.choice(n, most, replace=False))


def joined(parts: Sequence[Sequence[Array | None]], count: int) -> list[NDArray[Any] | None]:
    """What batches gave, one after the other and without the filling; None where a batch gave none."""
    columns = zip(*parts, strict=True)
    return [None if any(p is None for p in c) else np.concatenate([np.asarray(p) for p in c])[:count] for c in columns]


MEMORY = 64 * 2**20
"""Bytes that the values of one step may take, by default; more where a single code takes more."""

BLOCK = 2 * 2**20
"""Bytes of a step's widest array above which more codes at once are slower, for they leave the processor's caches:
the notebook's decoder takes 6.5 μs a code in blocks of 1 to 2 MB, 7.6 in blocks of 32 MB."""

LIVE = 4
"""Arrays as large as the widest that a step holds at its worst moment (a test measures that there are no more)."""


def enough(memory: Any, least: int) -> Any:
    """The bytes that may be taken; the default is raised to what one code takes, which anything else must hold.

    Raises:
        SpecError: it is no number of bytes, or too small for one code.
    """
    if memory == MEMORY:
        return max(memory, least)
    if isinstance(memory, bool) or not isinstance(memory, int | float) or not memory >= least:
        raise SpecError(f"memory: got {memory!r}; allowed: bytes, at least {least} for one code of this model")
    return memory


def codes_within(model: Autoencoder, memory: int) -> int:
    """How many codes `codes_at_once` could give whatever the processor's caches; perhaps none."""
    return int(memory // (LIVE * code_width(model)))


def codes_at_once(model: Autoencoder, memory: Any, *, block: int = BLOCK) -> int:
    """How many codes may be drawn, decoded and weighed at once (`latente.evaluation.likelihood.importance.log_weight`).

    Args:
        model: whose.
        memory: bytes, on top of the model and its data.
        block: bytes of the widest array that are enough.

    Raises:
        SpecError: ``memory`` is no number, or does not hold a single code.
    """
    width = code_width(model)
    memory = enough(memory, LIVE * width)
    return max(1, int(min(memory // (LIVE * width), block // width)))


def encoded_at_once(model: Autoencoder, examples: Examples, most: int) -> int:
    """How many examples may be encoded at once: ``most``, or as many as `rows_at_once` allows."""
    return rows_at_once(_encoded, (model,), (examples.x, examples.context), most)


def _encoded(model: Autoencoder, x: jax.Array, context: jax.Array | None) -> jax.Array:
    if model.classifier is None:
        return jax.vmap(model.encode)(x.astype(jnp.float32), context)
    classes = jnp.eye(model.context_size)
    return jax.vmap(lambda one: jax.vmap(lambda y: model.encode(one, y))(classes))(x.astype(jnp.float32))


def code_width(model: Autoencoder) -> int:
    """Bytes of the largest array between an example with its posterior and the weight of one code drawn from it."""
    prior = eqx.filter_eval_shape(lambda m: m.prior.given(m), model)
    context = jnp.zeros(model.context_size) if model.context_size else None

    def weighed(model: Autoencoder, prior: Any, x: Any, context: Any, outputs: Any) -> Any:
        z, _ = model.posterior.draw(outputs, key=jr.key(0))
        return model.log_prob(z, x, context), prior.log_prob(z)

    x = jnp.zeros(model.shape)
    outputs = eqx.filter_eval_shape(lambda m, x, c: m.encode(x, c), model, x, context)
    one = widest(weighed, (model, prior), x, context, outputs)
    return max(one, 4 * math.prod(model.shape)) * (1 if model.classifier is None else model.context_size)


def widest(function: Callable[..., Any], weights: tuple[Any, ...], *values: Any) -> int:
    """Bytes of the largest array that a function makes, of arguments that are arrays or only shapes.

    Args:
        function: of ``weights`` and ``values``.
        weights: arguments that are there once, whatever is mapped over: an array of the shape of one of their
            matrices, or of its transpose, does not count.
        values: the other arguments.
    """
    arrays, rest = eqx.partition((weights, values), lambda a: eqx.is_array(a) or isinstance(a, jax.ShapeDtypeStruct))

    def flat(arrays: Any) -> Any:
        fixed, free = eqx.combine(arrays, rest)
        return function(*fixed, *free)

    matrices = {tuple(a.shape) for a in jax.tree.leaves(arrays[0]) if len(a.shape) > 1}
    shapes = [tuple(a.shape) for a in made(jax.make_jaxpr(flat)(arrays).jaxpr)]
    return 4 * max((math.prod(s) for s in shapes if s not in matrices and s[::-1] not in matrices), default=1)
